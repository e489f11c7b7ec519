"""Planting bugs: in text, where what is replaced must stand exactly once, and in the statements of kernels."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from grusym.equations.library import cell
from grusym.equations.tensor import tensor_of
from grusym.lower.ir import Assign, Kernel
from grusym.lower.lowered import Lowered, lower
from grusym.lower.traverse import assigns, map_assigns
from grusym.verify.judge import Evidence
from grusym.verify.report import Report
from grusym.verify.run import compare, evidence
from grusym.verify.subject import subject

EXAMPLES = 2  # all sizes 1, all different: no bug needs more


@cache
def lowered(spelling: str) -> Lowered:
    """A built-in cell as PyTorch packs it, or the cell of a file."""
    return lower(cell(spelling), None if spelling.endswith(".cell") else "torch")


def replaced(text: str, old: str, new: str) -> str:
    """The text with a bug in it. Raises AssertionError unless there is exactly one place for it."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text, not once"
    assert old != new
    return text.replace(old, new)


def changed(kernel: Kernel, target: str, change: Callable[[Assign], Assign], which: int = 0) -> Kernel:
    """The kernel with another statement for `target`, the one of that number where several write it."""
    found = [assign for assign in assigns(kernel.body) if tensor_of(assign.target) == target][which]
    body = map_assigns(kernel.body, lambda assign: change(assign) if assign is found else assign)
    mutant = replace(kernel, body=body)
    assert str(mutant) != str(kernel), f"nothing changed in {found}"
    return mutant


def judged(layer: Lowered, targets: Sequence[str]) -> Report:
    """What verification finds in the kernels of a lowered cell."""
    kernels = [subject(layer, target, "float64") for target in targets]
    return printed(compare(kernels, evidence(layer, ("float64",), EXAMPLES)))


def judged_text(spelling: str, target: str, dtype: str, files: Mapping[str, str]) -> Report:
    """What verification finds in a kernel of these files."""
    return printed(compare([subject(lowered(spelling), target, dtype, files)], heard(spelling, dtype)))


@cache
def heard(spelling: str, dtype: str) -> tuple[Evidence, ...]:
    """What the judges say of a cell that is as it was, and so always the same."""
    return tuple(evidence(lowered(spelling), (dtype,), EXAMPLES))


def printed(report: Report) -> Report:
    """The report, printed for the reader of a failing test."""
    for check in report.checks:
        print(check)
    return report


def assert_caught(report: Report, expected: Iterable[str]) -> None:
    """Verification failed in every target, each time by all of these checks at least, and says where."""
    assert report.verdict == "failed"
    assert not report.ok
    for target in {check.target for check in report.checks}:
        failed = [check for check in report.checks if check.target == target and check.verdict == "failed"]
        assert all(check.where or check.reason for check in failed)
        assert {check.id for check in failed} >= set(expected), target
