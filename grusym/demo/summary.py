"""The results as files: summary.json for machines, loss.csv with both curves."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from grusym import __version__
from grusym.demo.checks import Check
from grusym.demo.digits import Digits
from grusym.demo.timing import ROUNDS, Timing
from grusym.demo.training import TOLERANCE, Settings, Training
from grusym.runtime.compiler import find_compiler
from grusym.verify.report import Report

MEASURED_WITH = ("numpy", "sympy", "torch", "scikit-learn")


@dataclass(frozen=True)
class Results:
    """All that the demo found out. `no_pdf` says why there is no PDF, empty where there is one."""

    fingerprint: str
    settings: Settings
    training: Training
    timings: Mapping[str, Timing]
    checks: Sequence[Check]
    verification: Report
    no_pdf: str
    seconds: Mapping[str, float]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def summary_files(results: Results, digits: Digits) -> dict[str, str]:
    """Name and text of the files."""
    summary = {
        "passed": results.passed,
        "checks": [asdict(check) for check in results.checks],
        "fingerprint": results.fingerprint,
        "training": {
            **asdict(results.settings),
            "train_images": len(digits.train),
            "test_images": len(digits.test),
            **_training(results.training),
        },
        "milliseconds_forward_and_backward": {name: asdict(timing) for name, timing in results.timings.items()},
        "timing_rounds": ROUNDS,
        "timing_threads": 1,
        "verification": results.verification.to_json(),
        "no_pdf": results.no_pdf or None,
        "seconds": {name: round(seconds, 3) for name, seconds in results.seconds.items()},
        "versions": _versions(),
    }
    return {"loss.csv": _curves(results.training), "summary.json": json.dumps(summary, indent=2) + "\n"}


def _training(training: Training) -> dict[str, Any]:
    worst = int(np.argmax(training.differences))
    return {
        "loss_difference_allowed": TOLERANCE,
        "loss_difference_largest": _number(training.differences[worst]),
        "loss_difference_largest_at_step": worst + 1,
        "loss_first": _number(training.kernel_losses[0]),
        "loss_last": _number(training.kernel_losses[-1]),
        "accuracy": training.kernel_accuracy,
        "accuracy_torch": training.torch_accuracy,
    }


def _number(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return float(value) if np.isfinite(value) else None


def _curves(training: Training) -> str:
    rows = zip(training.kernel_losses, training.torch_losses, training.differences, strict=True)
    lines = [f"{step},{a!r},{b!r},{c!r}" for step, (a, b, c) in enumerate((map(float, row) for row in rows), 1)]
    return "\n".join(["step,kernel,pytorch,difference", *lines]) + "\n"


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in MEASURED_WITH}
    return {"grusym": __version__, "python": platform.python_version(), **packages, "compiler": find_compiler().version}
