"""Generated C is accepted by strict compilers of C and C++, passes its self-test, and keeps no state of its own."""

from pathlib import Path

import pytest

from grusym.emit.c_kernel import c_sources
from tests.emit.c_programs import DTYPES, OWN, PACKED, STRICT, TORCH, files_of, kernel_of, program, succeed, write

COMPILERS = ("gcc", "clang")


@pytest.mark.parametrize(("compiler", "dtype"), [("gcc", "float64"), ("clang", "float32")])
def test_all_cells_compile_without_a_warning(compiler, dtype, tmp_path):
    # The other two pairs take turns in the self-tests below.
    path = program(compiler)
    units = []
    for number, (name, convention) in enumerate((*OWN, *TORCH, *PACKED)):
        files = c_sources(kernel_of(name, convention, dtype))
        directory = write(files, tmp_path / str(number))
        units += [directory / unit for unit in files if unit.endswith(".c")]
    succeed([path, *STRICT, "-fsyntax-only", *units], tmp_path)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "convention"), [("gru", "torch"), ("lstm", "torch"), ("rnn", "torch"), ("conv.cell", None), PACKED[2]]
)
def test_the_makefile_builds_and_checks(name, convention, dtype, compiler, tmp_path):
    path, make = program(compiler), program("make")
    write(files_of(name, convention, dtype), tmp_path)
    base = kernel_of(name, convention, dtype).base
    assert succeed([make, "-s", "check", f"CC={path}"], tmp_path) == f"{base}: ok\n"
    assert (tmp_path / f"lib{base}.a").exists()
    succeed([make, "-s", "clean"], tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(files_of(name, convention, dtype))


def test_the_makefile_keeps_its_strict_flags_beside_the_users(tmp_path):
    program("gcc"), program("make")
    write(files_of("rnn", None, "float64"), tmp_path)
    shown = succeed(["make", "-n", "CC=gcc", "CFLAGS=-O3", "CPPFLAGS=-DN=1"], tmp_path)
    assert f"gcc {' '.join(STRICT)} -DN=1 -O3 -c -o rnn_f64.o rnn_f64.c" in shown


def passes_selftest(name: str, convention: str | None, dtype: str, compiler: str, directory: Path) -> None:
    base = kernel_of(name, convention, dtype).base
    write(files_of(name, convention, dtype), directory)
    units = [f"{base}.c", f"{base}_plain.c", f"{base}_selftest.c"]
    succeed([compiler, *STRICT, "-O1", *units, "-o", "selftest", "-lm"], directory)
    assert succeed(["./selftest"], directory) == f"{base}: ok\n"


@pytest.mark.parametrize("name", [name for name, _ in OWN])
def test_every_cell_passes_its_self_test(name, tmp_path):
    # The pairs of type and compiler that the test above leaves out take turns.
    pair = [("float32", "gcc"), ("float64", "clang")][sum(map(ord, name)) % 2]
    passes_selftest(name, None, pair[0], program(pair[1]), tmp_path)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, _ in TORCH])
def test_every_cell_of_pytorch_passes_its_self_test(name, dtype, tmp_path):
    passes_selftest(name, "torch", dtype, program("gcc"), tmp_path)


CPP = """\
#include "{base}.h"
#include "{base}.h"
#include <cstdio>
int main()
{{
    static_assert({guard}_ABI_VERSION == 1, "version");
    std::printf("%d %d\\n", (int){size}({ones}), {guard}_BAD_SIZE);
    return {size}({minus}) == {guard}_BAD_SIZE ? 0 : 1;
}}
"""


@pytest.mark.parametrize(("compiler", "c"), [("g++", "gcc"), ("clang++", "clang")])
@pytest.mark.parametrize("name", ["lstm", "three_states.cell"])
def test_the_header_is_one_of_cpp_too_and_links(name, compiler, c, tmp_path):
    path, c_path = program(compiler), program(c)
    kernel = kernel_of(name, None, "float32")
    write(files_of(name, None, "float32"), tmp_path)
    sizes = len(kernel.sizes)
    text = CPP.format(
        base=kernel.base,
        guard=kernel.guard,
        size=kernel.function("packed_size"),
        ones=", ".join(["1"] * sizes),
        minus=", ".join(["-1"] * sizes),
    )
    (tmp_path / "main.cpp").write_text(text)
    succeed([c_path, *STRICT, "-c", f"{kernel.base}.c"], tmp_path)
    warnings = ("-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic")
    succeed([path, *warnings, "main.cpp", f"{kernel.base}.o", "-o", "main", "-lm"], tmp_path)
    succeed(["./main"], tmp_path)


@pytest.mark.parametrize(("name", "convention"), [("gru", "torch"), ("lstm", None), ("conv.cell", None)])
def test_only_the_plain_file_allocates_and_nothing_is_global(name, convention, tmp_path):
    gcc, nm = program("gcc"), program("nm")
    kernel = kernel_of(name, convention, "float32")
    write(files_of(name, convention, "float32"), tmp_path)
    succeed([gcc, *STRICT, "-O1", "-c", f"{kernel.base}.c", f"{kernel.base}_plain.c"], tmp_path)
    symbols = {}
    for unit in (kernel.base, f"{kernel.base}_plain"):
        lines = [line.split() for line in succeed([nm, "-P", f"{unit}.o"], tmp_path).splitlines()]
        symbols[unit] = {(fields[0], fields[1]) for fields in lines}
    words = ("packed_size", "saved_size", "workspace_size", "pack", "forward_packed", "backward_packed")
    inside = symbols[kernel.base]
    assert {symbol for symbol, kind in inside if kind == "T"} == {kernel.function(word) for word in words}
    assert not {symbol for symbol, kind in inside if kind in "BbDdCGgSs"}
    called = {symbol for symbol, kind in inside if kind == "U"}
    assert called <= {"expf", "tanhf", "memcpy", "memset", "fabsf", "_GLOBAL_OFFSET_TABLE_"}
    plain = symbols[f"{kernel.base}_plain"]
    assert {symbol for symbol, kind in plain if kind == "T"} == {kernel.function(w) for w in ("forward", "backward")}
    assert not {symbol for symbol, kind in plain if kind in "BbDdCGgSs"}
    assert {"malloc", "free"} <= {symbol for symbol, kind in plain if kind == "U"}
