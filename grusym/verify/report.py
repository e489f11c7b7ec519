"""What verification found, and how a terminal shows it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from grusym.verify.comparison import Deviation

IN_PART = ("undecided in some problems", "rounding alone may exceed a whole tensor there")
MARKS = {"passed": "green", "failed": "bold red", "skipped": "bold yellow", "inapplicable": "dim"}


@dataclass(frozen=True)
class Where:
    """The element that is worst off, and the problem that shows it: the same sizes and seed give it again."""

    tensor: str
    index: tuple[int, ...]
    sizes: Mapping[str, int]
    seed: int
    got: float
    want: float

    @staticmethod
    def of(deviation: Deviation, sizes: Mapping[str, int], seed: int) -> "Where":
        return Where(deviation.tensor, deviation.index, dict(sizes), seed, deviation.got, deviation.want)

    def __str__(self) -> str:
        at = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        sizes = " ".join(f"{name}={extent}" for name, extent in self.sizes.items())
        return f"{self.tensor}{at} is {self.got:.9g}, not {self.want:.9g}, for {sizes}, seed {self.seed}"


@dataclass(frozen=True)
class Check:
    """One check of one kernel. Verdicts: passed, failed, skipped (it could not run here) and inapplicable.

    `worst_error` and `tolerance` are relative to the largest element of the tensor, at the element that comes nearest
    to its tolerance, or exceeds it most. A failed check shows the first and smallest problem that failed. `examples`
    counts the problems that decide; `undecided` those in which rounding alone may exceed a whole tensor, so that to be
    within the tolerance says nothing.
    """

    cell: str
    target: str
    dtype: str
    id: str
    verdict: str
    examples: int = 0
    undecided: int = 0
    worst_error: float | None = None
    tolerance: float | None = None
    where: Where | None = None
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """All checks of the kernels of one cell."""

    checks: tuple[Check, ...]

    @property
    def verdict(self) -> str:
        """failed if any check failed, inconclusive if one was skipped or none ran, else passed."""
        verdicts = {check.verdict for check in self.checks}
        if "failed" in verdicts:
            return "failed"
        return "inconclusive" if "skipped" in verdicts or "passed" not in verdicts else "passed"

    @property
    def ok(self) -> bool:
        """Whether every check that applies ran and passed."""
        return self.verdict == "passed"

    def to_json(self) -> dict[str, Any]:
        """Numbers, strings, lists and dicts only; infinity and NaN as strings."""
        return {"verdict": self.verdict, "checks": [_plain(asdict(check)) for check in self.checks]}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and value - value != 0 else value


def print_report(report: Report, console: Any = None) -> None:
    """One row per cell, target, dtype and check: number of problems, worst error, what is allowed, verdict.

    8/10 problems: 8 of 10 decide. Then a line for each check that did not pass or did not decide everywhere. Errors are
    relative to the tensor's largest element. Written to standard output, or to the rich Console that is given.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = console or Console(highlight=False)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("cell", overflow="fold")  # its name is the only thing that may be long
    for heading in ("target", "dtype", "check"):
        table.add_column(heading, no_wrap=True)
    for heading in ("n", "error", "allowed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    shown = Report(tuple(check for check in report.checks if check.verdict != "inapplicable"))
    for names, check in _grouped(shown):
        numbers = [_count(check), _number(check.worst_error), _number(check.tolerance)]
        table.add_row(*names, check.id, *numbers, Text(check.verdict, style=MARKS[check.verdict]))
    console.print(table)
    for check in report.checks:
        if check.verdict == "failed":
            text = f"{check.cell} {check.target} {check.dtype} {check.id}: {check.where or check.reason}"
            console.print(Text(text, style=MARKS["failed"]), soft_wrap=True)
    notes: dict[tuple[str, str, str], dict[str, None]] = {}
    for check in report.checks:
        if check.verdict in ("skipped", "inapplicable"):
            notes.setdefault((check.cell, check.verdict, check.reason), {})[check.id] = None
        elif check.undecided:
            notes.setdefault((check.cell, *IN_PART), {})[check.id] = None
    for (cell, verdict, reason), ids in notes.items():
        text = f"{cell} {', '.join(ids)} {verdict}: {reason}"
        console.print(Text(text, style=MARKS.get(verdict, "")), soft_wrap=True)


def _count(check: Check) -> str:
    """How many problems decided, and of how many if not all."""
    return f"{check.examples}/{check.examples + check.undecided}" if check.undecided else str(check.examples or "")


def _grouped(report: Report) -> Iterator[tuple[tuple[str, str, str], Check]]:
    """Every check, and its names as far as they are not those of the row above."""
    before: tuple[str, str, str] = ("", "", "")
    for check in report.checks:
        names = (check.cell, check.target, check.dtype)
        same = [names[: n + 1] == before[: n + 1] for n in range(3)]
        yield ("" if same[0] else names[0], "" if same[1] else names[1], "" if same[2] else names[2]), check
        before = names


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
