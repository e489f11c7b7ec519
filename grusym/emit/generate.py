"""Generated text for a cell: the targets, and what each of them writes."""

from dataclasses import dataclass
from typing import NoReturn

from grusym.calculus.scan import scannable
from grusym.conventions.library import cell_in
from grusym.emit.c_types import c_type
from grusym.equations.cell import Cell
from grusym.errors import InputError
from grusym.lower.lowered import Lowered, lower
from grusym.lower.schedule import SCAN, SCHEDULES, require_schedule


@dataclass(frozen=True)
class Generated:
    """The files of one generated kernel or document, by name, and what they were generated from."""

    cell: Cell
    target: str
    dtype: str
    convention: str
    schedule: str
    fingerprint: str
    files: dict[str, str]


def generate(
    cell: Cell | str,
    target: str = "c",
    dtype: str = "float32",
    convention: str | None = None,
    schedule: str = "reference",
) -> Generated:
    """Generate code or a document for a cell.

    `cell` is a Cell or its spelling on the command line; `target` is c, numpy or latex. `convention` says how
    parameters are packed ("torch") and decides what a spelling leaves open ("gru" in "haiku" has reset=before); None
    leaves each tensor of the cell an array. NumPy kernels compute in the dtype
    of their arrays, whatever `dtype` says. Raises InputError for a choice that is unknown or does not fit,
    DerivativeError for a function without a derivative rule.

    >>> sorted(generate("rnn", target="c", dtype="float64").files)
    ['Makefile', 'rnn_f64.c', 'rnn_f64.h', 'rnn_f64_plain.c', 'rnn_f64_selftest.c']
    """
    given, cell = cell, cell_in(cell, convention)
    if target not in _EMITTERS:
        raise InputError(f"unknown target {target!r}; known are {', '.join(_EMITTERS)}")
    if schedule == SCAN:
        _refuse_scan(given if isinstance(given, str) else cell.spelling, cell, target)
    require_schedule(schedule)
    c_type(dtype)
    lowered = lower(cell, convention)
    files = _EMITTERS[target](lowered, dtype, schedule)
    return Generated(cell, target, dtype, lowered.layout.convention, schedule, lowered.fingerprint(schedule), files)


def _refuse_scan(spelling: str, cell: Cell, target: str) -> NoReturn:
    """Raise InputError: this schedule is no text; for a cell that no scan runs, with the reason."""
    scannable(cell)
    options = f'"{spelling}", ' + (f'target="{target}", ' if target in ("c", "numpy") else "")
    raise InputError(
        f"the schedule {SCAN} is no kernel that could be written to a file, its scan over time runs in Python; "
        f'call grusym.build({options}schedule="{SCAN}"), or generate with the schedule {", ".join(SCHEDULES)}'
    )


def _c(lowered: Lowered, dtype: str, schedule: str) -> dict[str, str]:
    from grusym.emit.c_kernel import emit_c

    return emit_c(lowered, dtype, schedule)


def _numpy(lowered: Lowered, dtype: str, schedule: str) -> dict[str, str]:
    from grusym.emit.numpy_kernel import emit_numpy

    return emit_numpy(lowered)


def _latex(lowered: Lowered, dtype: str, schedule: str) -> dict[str, str]:
    from grusym.emit.document import latex_document

    return {f"{lowered.cell.symbol}.tex": latex_document(lowered.derivation)}


_EMITTERS = {"c": _c, "numpy": _numpy, "latex": _latex}
