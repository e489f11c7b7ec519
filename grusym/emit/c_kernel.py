"""C99 kernels: header, source, plain functions, self-test and Makefile of one cell."""

from grusym.emit.c_header import c_header
from grusym.emit.c_interface import CKernel
from grusym.emit.c_makefile import c_makefile
from grusym.emit.c_plain import c_plain
from grusym.emit.c_selftest import c_selftest
from grusym.emit.c_source import c_source
from grusym.emit.c_types import c_type
from grusym.lower.lowered import Lowered
from grusym.lower.schedule import apply


def c_kernel(lowered: Lowered, dtype: str, schedule: str) -> CKernel:
    """A lowered cell under a schedule, ready to be printed. Raises InputError for an unknown dtype or schedule."""
    ctype = c_type(dtype)
    return CKernel(lowered, schedule, ctype, apply(schedule, lowered.forward), apply(schedule, lowered.backward))


def c_sources(kernel: CKernel) -> dict[str, str]:
    """The files that a library is compiled from."""
    return {
        f"{kernel.base}.h": c_header(kernel),
        f"{kernel.base}.c": c_source(kernel),
        f"{kernel.base}_plain.c": c_plain(kernel),
    }


def emit_c(lowered: Lowered, dtype: str, schedule: str) -> dict[str, str]:
    """All files of a C kernel by name, the self-test and its Makefile included."""
    kernel = c_kernel(lowered, dtype, schedule)
    return c_sources(kernel) | {
        f"{kernel.base}_selftest.c": c_selftest(kernel),
        "Makefile": c_makefile(kernel),
    }
