"""What a judge says: a verdict per check, a diagnosis, and how to reproduce it. The JSON of it is a public contract."""

from dataclasses import dataclass, field
from typing import Any

from grusym.oracle.spec import Spec

PASS, FAIL, INCONCLUSIVE, SKIPPED = "pass", "fail", "inconclusive", "skipped"
CONFORMS, NONCONFORMING, UNDECIDED, ERROR = "conforms", "nonconforming", "inconclusive", "error"
EXIT_CODES = {CONFORMS: 0, NONCONFORMING: 1, ERROR: 2, UNDECIDED: 3}


@dataclass(frozen=True)
class Where:
    """The element that is off the most, in terms of its bound; `step` is -1 for a tensor without a time axis."""

    tensor: str
    index: tuple[int, ...]
    step: int
    got: float
    want: float
    bound: float


@dataclass(frozen=True)
class CheckResult:
    """One check over all its cases. `spec` is the smallest case that fails, else the one with the largest ratio."""

    id: str
    verdict: str
    worst_ratio: float = 0.0
    where: Where | None = None
    message: str = ""
    cases: int = 0
    spec: Spec | None = None
    curve: tuple[tuple[str, tuple[float, ...]], ...] = ()  # worst error / bound per step, by tensor


@dataclass(frozen=True)
class Diagnosis:
    """A known mistake that explains what was found, within `worst_ratio` of its bounds on `cases` cases.

    It does so `together` with others that are there at once. No input tells it from those that are `equivalent`. What
    comes nearest besides is the `runner_up`, which is off by `margin` times its bound. A mistake that is a behaviour is
    seen by its check: its ratio is infinite.
    """

    id: str
    title: str
    worst_ratio: float
    cases: int
    fix: str
    equivalent: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    runner_up: str = ""
    margin: float = 0.0


@dataclass(frozen=True)
class Report:
    """The whole verdict on one implementation."""

    target: str
    cell: str
    convention: str
    dtype: str
    profile: str
    seed: int
    checks: tuple[CheckResult, ...]
    diagnosis: tuple[Diagnosis, ...] = ()
    reproduce: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> str:
        found = {check.verdict for check in self.checks}
        if FAIL in found:
            return NONCONFORMING
        return UNDECIDED if INCONCLUSIVE in found or found <= {SKIPPED} else CONFORMS

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """The report for machines, as `grusym check --json` writes it (schema: grusym/oracle/report.schema.json)."""
        return {
            "verdict": self.verdict,
            "target": self.target,
            "cell": self.cell,
            "convention": self.convention,
            "dtype": self.dtype,
            "profile": self.profile,
            "seed": self.seed,
            "checks": [_check_json(check) for check in self.checks],
            "diagnosis": [
                {
                    "id": found.id,
                    "title": found.title,
                    "worst_ratio": _number(found.worst_ratio),
                    "cases": found.cases,
                    "fix": found.fix,
                    "equivalent": list(found.equivalent),
                    "together": list(found.together),
                    "runner_up": found.runner_up,
                    "margin": _number(found.margin),
                }
                for found in self.diagnosis
            ],
            "reproduce": self.reproduce,
            "notes": list(self.notes),
        }


def _check_json(check: CheckResult) -> dict[str, Any]:
    where = check.where
    return {
        "id": check.id,
        "verdict": check.verdict,
        "worst_ratio": _number(check.worst_ratio),
        "cases": check.cases,
        "message": check.message,
        "where": where
        and {
            "tensor": where.tensor,
            "index": list(where.index),
            "step": where.step,
            "got": _number(where.got),
            "want": _number(where.want),
            "bound": _number(where.bound),
        },
    }


def _number(value: float) -> float | str:
    """JSON has no infinities: they are written as text."""
    return value if value == value and abs(value) != float("inf") else str(value)
