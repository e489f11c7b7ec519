"""The generated kernels judged before they are trusted with training."""

from collections.abc import Callable
from typing import Any

from grusym.demo.checks import Check
from grusym.equations.cell import Cell
from grusym.verify.report import Report
from grusym.verify.run import verify

TARGETS, DTYPES = ("c", "numpy"), ("float64", "float32")
EXAMPLES, SEED = 10, 0


def verification(cell: Cell, on_progress: Callable[[str], Any]) -> Report:
    """Random problems by independent routes: PyTorch, numerical gradients, the IR's interpreter, forward mode."""
    return verify(cell, TARGETS, DTYPES, examples=EXAMPLES, seed=SEED, on_progress=on_progress)


def verification_check(report: Report) -> Check:
    """Whether every check that applies passed."""
    passed = sum(check.verdict == "passed" for check in report.checks)
    kernels = f"{' and '.join(TARGETS)}, {' and '.join(DTYPES)}, {EXAMPLES} problems each"
    return Check(
        "the generated kernels agree with every independent route",
        report.ok,
        f"{passed} of {len(report.checks)} checks: {kernels}",
    )
