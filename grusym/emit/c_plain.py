"""The plain functions around a C kernel: parameters as they are, scratch from malloc."""

from grusym.emit.c_expression import size
from grusym.emit.c_header import banner
from grusym.emit.c_interface import CKernel, elements
from grusym.emit.c_lines import fold
from grusym.lower.ir import Kind


def c_plain(kernel: CKernel) -> str:
    """The text of the file that defines gru_forward_f32 and gru_backward_f32."""
    return "\n".join(
        (
            banner(kernel, f"{kernel.base}_plain.c: the kernel in one call, with scratch from malloc"),
            f'#include "{kernel.base}.h"',
            "",
            "#include <stddef.h>",
            "#include <stdlib.h>",
            "",
            *_forward(kernel),
            *_backward(kernel),
        )
    )


def _forward(kernel: CKernel) -> list[str]:
    packed_size, workspace_size = kernel.local("packed_size"), kernel.local("workspace_size")
    arguments = [a.name for a in kernel.forward_packed[:-2]]  # all but saved and workspace
    return [
        kernel.signature("forward", kernel.forward_plain),
        "{",
        *_sizes(kernel, "packed_size", "workspace_size"),
        *_allocate(kernel, [packed_size, workspace_size]),
        *_call(kernel, "pack", [a.name for a in kernel.pack]),
        *_call(kernel, "forward_packed", [*arguments, "NULL", f"packed + {packed_size}"]),
        *_end(kernel),
    ]


def _backward(kernel: CKernel) -> list[str]:
    packed_size, saved_size = kernel.local("packed_size"), kernel.local("saved_size")
    outputs = kernel.forward.of_kind(Kind.OUTPUT)
    pointers, start = [], f"packed + {packed_size}"
    for buffer in outputs:
        pointers.append(f"    {kernel.ctype.name} *{buffer.name} = {start};")
        start = f"{buffer.name} + {size(elements(buffer))}"
    counts = [packed_size, saved_size, kernel.local("workspace_size"), *(size(elements(buffer)) for buffer in outputs)]
    return [
        kernel.signature("backward", kernel.backward_plain),
        "{",
        *_sizes(kernel, "packed_size", "saved_size", "workspace_size"),
        *_allocate(kernel, counts),
        *pointers,
        f"    {kernel.ctype.name} *saved = {start};",
        f"    {kernel.ctype.name} *workspace = saved + {saved_size};",
        *_call(kernel, "pack", [a.name for a in kernel.pack]),
        *_call(kernel, "forward_packed", [a.name for a in kernel.forward_packed]),
        *_call(kernel, "backward_packed", [a.name for a in kernel.backward_packed]),
        *_end(kernel),
    ]


def _sizes(kernel: CKernel, *words: str) -> list[str]:
    sizes = ", ".join(kernel.sizes)
    calls = [f"    const int64_t {kernel.local(word)} = {kernel.function(word)}({sizes});" for word in words]
    lines = [line for call in calls for line in fold(call)]
    refused = " || ".join(f"{kernel.local(word)} < 0" for word in words)
    # With conditions there are two reasons, and all of the counts are negative for the same one.
    status = f"(int){kernel.local(words[0])}" if kernel.conditions else f"{kernel.guard}_BAD_SIZE"
    return [*lines, f"    if ({refused})", f"        return {status};"]


def _allocate(kernel: CKernel, counts: list[str]) -> list[str]:
    """Scratch: one piece of memory, beginning with the packed parameters; never of no bytes."""
    scratch = kernel.local("scratch")
    return [
        *fold(f"    const int64_t {scratch} = {' + '.join(counts)};"),
        f"    {kernel.ctype.name} *packed = malloc((size_t)({scratch} + 1)*sizeof *packed);",
        "    if (!packed)",
        f"        return {kernel.guard}_NO_MEMORY;",
    ]


def _call(kernel: CKernel, word: str, arguments: list[str]) -> list[str]:
    call, status = f"{kernel.function(word)}({', '.join([*kernel.sizes, *arguments])});", kernel.local("status")
    if word == "pack":  # the first
        return fold(f"    int {status} = {call}")
    return [f"    if ({status} == {kernel.guard}_OK)", *fold(f"        {status} = {call}")]


def _end(kernel: CKernel) -> list[str]:
    return ["    free(packed);", f"    return {kernel.local('status')};", "}", ""]
