"""Shared libraries to judge: grusym's own C, and functions in C that misbehave."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from grusym.conventions.library import cell_in
from grusym.emit.c_kernel import c_kernel, c_sources
from grusym.lower.lowered import lower
from tests.emit.c_programs import program, write

MISBEHAVING = Path(__file__).with_name("misbehaving.c")


def compiled(sources: Iterable[Path], target: Path, *options: str) -> str:
    """The path of the shared library of these sources. Skips the test where there is no compiler."""
    command = [program("gcc"), "-shared", "-fPIC", "-O1", *options, *map(str, sources), "-lm", "-o", str(target)]
    subprocess.run(command, check=True, capture_output=True)
    return str(target)


def generated(cell: str, convention: str | None, dtype: str, directory: Path, *more: Path) -> str:
    """grusym's own C of a cell, and `more` C that includes its headers."""
    files = c_sources(c_kernel(lower(cell_in(cell, convention), convention), dtype, "reference"))
    write(files, directory)
    own = [directory / name for name in files if name.endswith(".c")]
    return compiled([*own, *more], directory / "libown.so", f"-I{directory}")
