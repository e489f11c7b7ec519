"""Generated C under the address and the undefined behaviour sanitizer, each array a heap block of its exact size."""

from collections.abc import Iterable

import pytest

from grusym.emit.c_expression import size
from grusym.emit.c_interface import Argument, CKernel, elements
from grusym.emit.c_kernel import c_sources
from tests.emit.c_programs import REACH, SANITIZERS, STRICT, files_of, kernel_of, program, sizes_for, succeed, write

ODD = [(0, 2, 3, 2), (2, 0, 3, 2), (0, 0, 1), (1, 1, 1), (3, 2, 1, 4), (2, 3, 5, 2), (4, 1, 2, 3)]

DRIVER = """\
#include "{base}.h"
#include <stdio.h>
#include <stdlib.h>

static {real} *heap(int64_t count)
{{
    {real} *array = malloc((size_t)count*sizeof *array); /* not one byte more */
    for (int64_t n = 0; n < count; ++n)
        array[n] = ({real})((n*7919 + 13) % 1009 - 504)/512;
    return array;
}}

static int run({parameters})
{{
{arrays}
    int status = 0;
{calls}
{frees}
    return status;
}}

int main(void)
{{
    int status = 0;
{runs}
    return status;
}}
"""


def driver(kernel: CKernel) -> str:
    """A program that calls every function on arrays of the exact size, for several sizes."""
    buffers = {b.name: elements(b) for k in (kernel.forward, kernel.backward) for b in k.buffers}
    passed = ", ".join(kernel.sizes)
    counts = {
        a.name: size(buffers[a.name]) for a in (*kernel.forward_plain, *kernel.backward_plain) if a.name in buffers
    }
    counts |= {f"{w}": f"{kernel.function(f'{w}_size')}({passed})" for w in ("packed", "saved", "workspace")}

    def call(word: str, arguments: Iterable[Argument], saved: str = "saved") -> str:
        names = [passed, *(saved if a.name == "saved" else a.name for a in arguments)]
        return f"    status |= {kernel.function(word)}({', '.join(names)});"

    calls = [
        call("pack", kernel.pack),
        call("forward_packed", kernel.forward_packed, "NULL"),
        call("forward_packed", kernel.forward_packed),
        call("backward_packed", kernel.backward_packed),
        call("forward", kernel.forward_plain),
        call("backward", kernel.backward_plain),
    ]
    runs = [f"    status |= run({', '.join(map(str, sizes_for(kernel, *extents)))});" for extents in ODD]
    return DRIVER.format(
        base=kernel.base,
        real=kernel.ctype.name,
        parameters=", ".join(f"int64_t {name}" for name in kernel.sizes),
        arrays="\n".join(f"    {kernel.ctype.name} *{name} = heap({count});" for name, count in counts.items()),
        calls="\n".join(calls),
        frees="\n".join(f"    free({name});" for name in counts),
        runs="\n".join(runs),
    )


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(("name", "convention"), REACH)
def test_sanitizers_find_nothing(name, convention, compiler, tmp_path):
    path = program(compiler)
    dtype = "float32" if compiler == "gcc" else "float64"
    kernel = kernel_of(name, convention, dtype)
    write(c_sources(kernel) | {"driver.c": driver(kernel)}, tmp_path)
    units = ("driver.c", f"{kernel.base}.c", f"{kernel.base}_plain.c")
    succeed([path, *STRICT, *SANITIZERS, *units, "-o", "driver", "-lm"], tmp_path)
    succeed(["./driver"], tmp_path, timeout=60)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_self_test_is_clean_too(compiler, tmp_path):
    path = program(compiler)
    write(files_of("lstm", "torch", "float64"), tmp_path)
    units = ("lstm_f64.c", "lstm_f64_plain.c", "lstm_f64_selftest.c")
    succeed([path, *STRICT, *SANITIZERS, *units, "-o", "selftest", "-lm"], tmp_path)
    assert succeed(["./selftest"], tmp_path) == "lstm_f64: ok\n"


def test_the_driver_finds_an_array_that_is_too_small(tmp_path):
    # A test of the test: one element less, and the sanitizer objects.
    path = program("gcc")
    kernel = kernel_of("gru", "torch", "float32")
    text = driver(kernel).replace("*y = heap(B*H*T)", "*y = heap(B*H*T > 0 ? B*H*T - 1 : 0)")
    assert text != driver(kernel)
    write(c_sources(kernel) | {"driver.c": text}, tmp_path)
    units = ("driver.c", f"{kernel.base}.c", f"{kernel.base}_plain.c")
    succeed([path, *STRICT, *SANITIZERS, *units, "-o", "driver", "-lm"], tmp_path)
    with pytest.raises(AssertionError, match="heap-buffer-overflow"):
        succeed(["./driver"], tmp_path, timeout=60)
