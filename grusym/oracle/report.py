"""What a judge says: a verdict per check, a diagnosis, and how to reproduce it. The JSON of it is a public contract."""

from dataclasses import dataclass, field
from typing import Any

from grusym.oracle.spec import Spec, spelt_case

PASS, FAIL, INCONCLUSIVE, SKIPPED = "pass", "fail", "inconclusive", "skipped"
VERDICTS = (PASS, FAIL, INCONCLUSIVE, SKIPPED)
CONFORMS, NONCONFORMING, UNDECIDED, ERROR = "conforms", "nonconforming", "inconclusive", "error"
EXIT_CODES = {CONFORMS: 0, NONCONFORMING: 1, ERROR: 2, UNDECIDED: 3}


@dataclass(frozen=True)
class Where:
    """The element that is off the most, in terms of its bound; `step` is -1 for a tensor without a time axis.

    Of an array that a convention packs, `block` is the element in the cell's own tensor: dW_z[2, 3].
    """

    tensor: str
    index: tuple[int, ...]
    step: int
    got: float
    want: float
    bound: float
    block: str = ""

    @property
    def ratio(self) -> float:
        """How many bounds the element is off, to be read: from `got` and `want` as float64."""
        off = abs(self.got - self.want)
        return off / self.bound if off < float("inf") and self.bound else float("inf")


@dataclass(frozen=True)
class Expectation:
    """How far an implementation is off in terms of what rounding errors are expected to be: at worst `ratio` times.

    It is at `where`, whose bound is what is expected, in the case `spec`. This decides no verdict.
    """

    ratio: float
    where: Where
    spec: Spec


@dataclass(frozen=True)
class CheckResult:
    """One check over all its cases, with the largest |error| / bound of all.

    `where` is of the case `spec`: the smallest that fails, else the one with the largest ratio.
    `curve` is the worst error / bound per step, by tensor, of the case `curve_spec`: of the longest that fails.
    `expectation` is there where all that is off is that of rounding errors, and chance says how far they should be.
    """

    id: str
    verdict: str
    worst_ratio: float = 0.0
    where: Where | None = None
    message: str = ""
    cases: int = 0
    spec: Spec | None = None
    curve: tuple[tuple[str, tuple[float, ...]], ...] = ()
    curve_spec: Spec | None = None
    expectation: Expectation | None = None

    @property
    def surprising(self) -> bool:
        """Whether it passes with errors larger than those of rounding are expected to be."""
        return self.verdict == PASS and self.expectation is not None and self.expectation.ratio > 1


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
class Location:
    """Where an implementation is written, as far as that is known: `line` is 0 in a file that has none.

    `name` is what it is called there (pkg.layers.MyGRU, a symbol, a node), `kind` what that is: function, type, node.
    `installed` says that the file is no part of a project, but of Python or of a package.
    """

    path: str
    line: int = 1
    name: str = ""
    kind: str = "function"
    installed: bool = False


@dataclass(frozen=True)
class Report:
    """The whole verdict on one implementation.

    `error` says why there is none; `reproduce` is a command; `sizes` name the numbers of the checks' cases.
    """

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
    sizes: tuple[str, ...] = ()
    location: Location | None = None
    error: str = ""

    @property
    def verdict(self) -> str:
        if self.error:
            return ERROR
        found = {check.verdict for check in self.checks}
        if FAIL in found:
            return NONCONFORMING
        return UNDECIDED if INCONCLUSIVE in found or found <= {SKIPPED} else CONFORMS

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """The checks that pass, but with errors beyond what is expected of rounding: they change no verdict."""
        return tuple(check for check in self.checks if check.surprising)

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if check.verdict == FAIL)

    def case_of(self, check: CheckResult) -> str:
        """The case that a check shows, as `grusym check --case` takes it; empty where there is none."""
        return self.case_text(check.spec)

    def case_text(self, spec: Spec | None) -> str:
        """A case as `grusym check --case` takes it; empty for None."""
        return spelt_case(self.sizes, spec) if spec and self.sizes else ""

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
            "checks": [_check_json(self, check) for check in self.checks],
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
            "location": self.location
            and {"path": self.location.path, "line": self.location.line, "name": self.location.name},
            "error": self.error,
        }


def _check_json(report: Report, check: CheckResult) -> dict[str, Any]:
    expected = check.expectation
    return {
        "id": check.id,
        "verdict": check.verdict,
        "worst_ratio": _number(check.worst_ratio),
        "cases": check.cases,
        "message": check.message,
        "where": _where_json(check.where),
        "case": report.case_of(check),
        "curve": {tensor: [_number(ratio) for ratio in ratios] for tensor, ratios in check.curve},
        "curve_case": report.case_text(check.curve_spec),
        "warning": check.surprising,
        "expectation": expected
        and {
            "worst_ratio": _number(expected.ratio),
            "where": _where_json(expected.where),
            "case": report.case_text(expected.spec),
        },
    }


def _where_json(where: Where | None) -> dict[str, Any] | None:
    if where is None:
        return None
    return {
        "tensor": where.tensor,
        "index": list(where.index),
        "step": where.step,
        "got": _number(where.got),
        "want": _number(where.want),
        "bound": _number(where.bound),
        "block": where.block,
    }


def _number(value: float) -> float | str:
    """JSON has no infinities: they are written as text."""
    return value if value == value and abs(value) != float("inf") else str(value)
