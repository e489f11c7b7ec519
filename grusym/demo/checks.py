"""What the demo claims, each claim checked: one that does not hold fails the demo."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grusym.demo.training import FEWEST_STEPS, TOLERANCE, WANTED_ACCURACY, Training
from grusym.equations.cell import Cell
from grusym.verify.report import Report
from grusym.verify.run import verify

TARGETS, DTYPES = ("c", "numpy"), ("float64", "float32")
EXAMPLES, SEED = 10, 0


@dataclass(frozen=True)
class Check:
    """A claim, whether it holds, and the figures that decided."""

    claim: str
    passed: bool
    figures: str


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


def training_checks(training: Training, images: int) -> list[Check]:
    """The loss curves agree step by step, and both classifiers recognise the digits; `images` were tested."""
    steps = len(training.differences)
    return [
        Check(
            "the loss curves agree step by step",
            training.curves_agree,
            f"largest difference {training.differences.max():.1e} "
            f"({TOLERANCE:.0e} allowed) in {steps} steps ({FEWEST_STEPS} wanted)",
        ),
        Check(
            "the classifier recognises digits it has not seen",
            training.learned,
            f"{training.kernel_accuracy:.1%} of {images} test images, PyTorch {training.torch_accuracy:.1%} "
            f"(more than {WANTED_ACCURACY:.0%} wanted)",
        ),
    ]
