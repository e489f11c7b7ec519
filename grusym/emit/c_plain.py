"""The plain functions around a C kernel: parameters as they are, scratch from malloc."""

from grusym.emit.c_expression import size
from grusym.emit.c_header import banner
from grusym.emit.c_interface import CKernel, elements
from grusym.lower.ir import Kind


def c_plain(kernel: CKernel) -> str:
    """The text of the file that defines gru_forward_f32 and gru_backward_f32."""
    sizes, real = ", ".join(kernel.sizes), kernel.ctype.name
    params = ", ".join(buffer.name for buffer in kernel.parameters)
    call_forward = ", ".join([sizes, *(a.name for a in kernel.forward_packed[:-2])])  # all but saved and workspace
    call_backward = ", ".join([sizes, *(a.name for a in kernel.backward_packed)])
    outputs = kernel.forward.of_kind(Kind.OUTPUT)
    counts = [f"(size_t)({size(elements(buffer))})" for buffer in outputs]
    scratch = " + ".join(["(size_t)packed_size", "(size_t)saved_size", "(size_t)workspace_size", *counts])
    places, start = [], "packed + packed_size"
    for buffer, count in zip(outputs, counts, strict=True):
        places.append(f"    {real} *{buffer.name} = {start};")
        start = f"{buffer.name} + {count}"
    return "\n".join(
        (
            banner(kernel, f"{kernel.base}_plain.c: the kernel in one call, with scratch from malloc"),
            f'#include "{kernel.base}.h"',
            "",
            "#include <stddef.h>",
            "#include <stdlib.h>",
            "",
            kernel.signature("forward", kernel.forward_plain),
            "{",
            f"    const int64_t packed_size = {kernel.function('packed_size')}({sizes});",
            f"    const int64_t workspace_size = {kernel.function('workspace_size')}({sizes});",
            "    if (packed_size < 0 || workspace_size < 0)",
            f"        return {kernel.guard}_BAD_SIZE;",
            f"    {real} *packed = malloc(((size_t)packed_size + (size_t)workspace_size + 1)*sizeof *packed);",
            "    if (!packed)",
            f"        return {kernel.guard}_NO_MEMORY;",
            f"    int status = {kernel.function('pack')}({sizes}, {params}, packed);",
            f"    if (status == {kernel.guard}_OK)",
            f"        status = {kernel.function('forward_packed')}({call_forward}, NULL, packed + packed_size);",
            "    free(packed);",
            "    return status;",
            "}",
            "",
            kernel.signature("backward", kernel.backward_plain),
            "{",
            f"    const int64_t packed_size = {kernel.function('packed_size')}({sizes});",
            f"    const int64_t saved_size = {kernel.function('saved_size')}({sizes});",
            f"    const int64_t workspace_size = {kernel.function('workspace_size')}({sizes});",
            "    if (packed_size < 0 || saved_size < 0 || workspace_size < 0)",
            f"        return {kernel.guard}_BAD_SIZE;",
            f"    const size_t scratch = {scratch};",
            f"    {real} *packed = malloc((scratch + 1)*sizeof *packed);",
            "    if (!packed)",
            f"        return {kernel.guard}_NO_MEMORY;",
            *places,
            f"    {real} *saved = {start};",
            f"    {real} *workspace = saved + saved_size;",
            f"    int status = {kernel.function('pack')}({sizes}, {params}, packed);",
            f"    if (status == {kernel.guard}_OK)",
            f"        status = {kernel.function('forward_packed')}({call_forward}, saved, workspace);",
            f"    if (status == {kernel.guard}_OK)",
            f"        status = {kernel.function('backward_packed')}({call_backward});",
            "    free(packed);",
            "    return status;",
            "}",
            "",
        )
    )
