"""A campaign: groups of checks over many cases, found, shrunk and reproduced by hypothesis.

It is a list of tasks, each with its own seed, that run one after the other or on many workers: the verdict is the same.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.oracle.behaviour import behaviour_checks
from grusym.oracle.case import Case
from grusym.oracle.checks import Found, forward_checks, gradient_checks
from grusym.oracle.gate_a import Judged
from grusym.oracle.layers import frozen_checks, layer_checks
from grusym.oracle.profile import Profile
from grusym.oracle.report import FAIL, INCONCLUSIVE, PASS, CheckResult, Where
from grusym.oracle.spec import ANY, KINDS, Spec, both_directions, materialise, rich_sizes, with_lengths
from grusym.oracle.subject import Misbehaviour, Subject, fixed_sizes, takes

WHOLE = 8  # one case in so many is judged from end to end, too: that takes longer
LARGEST, LARGEST_OF_MANY = 6, 3
CHUNK = 25  # cases of a task
FEW = 10  # cases of the groups that are not the main ones


@dataclass(frozen=True)
class Plan:
    """What is judged and how: everything but the implementation."""

    cell: Cell
    convention: str | None
    dtype: str
    profile: Profile
    examples: int = 50
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """Some cases of one group of checks."""

    group: str
    seed: int
    examples: int
    first: bool


@dataclass
class Tally:
    """What a check found so far."""

    ratio: float = 0.0
    where: Where | None = None
    spec: Spec | None = None
    failed: bool = False
    decided: bool = False
    message: str = ""
    cases: int = 0
    curve: dict[str, list[float]] = field(default_factory=dict)


def tasks(plan: Plan, gradients: bool, takes: Collection[str] = ()) -> list[Task]:
    """The campaign in parts, which do not depend on who runs them; `takes` is what the subject takes besides."""
    groups = ["forward", "behaviour", *(["vjp"] if gradients else [])]
    groups += [group for group in ("lengths", "directions", "frozen") if group in takes]
    found = []
    for group in groups:
        total = plan.examples if group in ("forward", "vjp") else min(plan.examples, FEW)
        for number, start in enumerate(range(0, total, CHUNK)):
            found.append(Task(group, plan.seed + 7919 * number, min(CHUNK, total - start), number == 0))
    return found


def run_task(subject: Subject, plan: Plan, task: Task) -> list[CheckResult]:
    """The results of one task."""
    tallies: dict[str, Tally] = {}
    judge = GROUPS[task.group]

    def judged(spec: Spec) -> bool:
        """Judge a case; whether nothing fails."""
        case = case_of(spec, plan, task.group)
        try:
            found = judge(subject, case, plan.profile, spec.seed % WHOLE == 0)
        except Misbehaviour as wrong:
            tally = tallies.setdefault(wrong.check, Tally())
            tally.cases += 1
            _note_failure(tally, spec, float("inf"), None, wrong.what)
            if wrong.costly:
                raise _EnoughError from None
            return False
        ratios = [_count(tallies, check, judgements, spec) for check, judgements in found.items()]
        finite = [ratio for ratio in ratios if np.isfinite(ratio)]
        if finite and len(finite) == len(ratios) and not rich:
            target(max(finite))
        return all(ratio <= 1 for ratio in ratios)

    fixed = fixed_sizes(subject)
    rich = True

    @seed(task.seed)
    @settings(
        max_examples=task.examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.reuse, Phase.generate, Phase.target, Phase.shrink),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(specs(plan.cell, fixed))
    def explore(spec: Spec) -> None:
        if not judged(spec):
            raise _FailedError

    with suppress(_FailedError, Flaky, _EnoughError):
        for kind in KINDS if task.first else ():
            judged(Spec(rich_sizes(plan.cell, fixed), plan.seed * WHOLE, kind))
        rich = False
        explore()
    return [_result(check, tally) for check, tally in tallies.items()]


def case_of(spec: Spec, plan: Plan, group: str) -> Case:
    """The case of a specification as a group of checks wants it: with lengths, with both directions."""
    case = materialise(spec, plan.cell, plan.convention, plan.dtype)
    if group == "directions":
        case = both_directions(spec, case)
    return with_lengths(case, spec.seed) if group == "lengths" else case


def _lengths(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    del whole
    return layer_checks(subject, case, profile, "lengths", gradients=True)


def _directions(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    """Every other case with lengths, where the subject takes them."""
    if whole and takes(subject, "lengths"):
        case = with_lengths(case, len(case.tensors))
    return layer_checks(subject, case, profile, "bidirectional", gradients=True)


GROUPS: dict[str, Callable[..., Found]] = {
    "forward": forward_checks,
    "vjp": gradient_checks,
    "behaviour": behaviour_checks,
    "lengths": _lengths,
    "directions": _directions,
    "frozen": frozen_checks,
}


class _FailedError(Exception):
    """A case failed: hypothesis looks for a smaller one."""


class _EnoughError(BaseException):
    """A case failed in a way that takes long to see: hypothesis, which would catch an Exception, is to stop."""


def specs(cell: Cell, fixed: Mapping[str, int] = ANY) -> Any:
    """The strategy of cases: small sizes, few of them equal, some perhaps `fixed`; every kind of values."""
    symbols = Layer(cell).sizes
    size = st.integers(1, LARGEST if len(symbols) <= 4 else LARGEST_OF_MANY)
    sizes = [st.just(fixed[symbol.name]) if symbol.name in fixed else size for symbol in symbols]
    return st.builds(Spec, st.tuples(*sizes), st.integers(0, 2**16 - 1), st.sampled_from(KINDS))


def merged(results: Iterable[Sequence[CheckResult]]) -> tuple[CheckResult, ...]:
    """The results of tasks, in their order, as one per check."""
    found: dict[str, CheckResult] = {}
    for result in (one for part in results for one in part):
        known = found.get(result.id)
        if known is None:
            found[result.id] = result
            continue
        better = min((known, result), key=_precedence)
        found[result.id] = replace(better, cases=known.cases + result.cases)
    return tuple(found.values())


def _precedence(result: CheckResult) -> tuple[int, float]:
    """Failures first, the smallest case first; then the largest ratio."""
    if result.verdict == FAIL:
        return 0, prod(result.spec.sizes) if result.spec else 0
    return (1, -result.worst_ratio) if result.verdict == PASS else (2, 0)


def _count(tallies: dict[str, Tally], check: str, judgements: list[Judged], spec: Spec) -> float:
    """Add a case to a check's tally; returns the largest ratio."""
    name = "saturation" if spec.kind == "saturated" and check in ("forward-step", "forward-sequence") else check
    tally = tallies.setdefault(name, Tally())
    tally.cases += 1
    worst = 0.0
    for judged in judgements:
        ratio = judged.ratio
        if not ratio.size:
            continue
        tally.decided |= bool(np.isfinite(judged.bound).any())
        largest = float(ratio.max())
        worst = max(worst, largest)
        if check == "forward-step":
            tally.curve[judged.name] = [*map(float, ratio.reshape(len(ratio), -1).max(axis=1))]
        where = _where(judged, np.unravel_index(int(ratio.argmax()), ratio.shape), check)
        if largest > 1:
            _note_failure(tally, spec, largest, where, "")
        elif not tally.failed and largest >= tally.ratio:
            tally.ratio, tally.where, tally.spec = largest, where, spec
    return worst


def _note_failure(tally: Tally, spec: Spec, ratio: float, where: Where | None, message: str) -> None:
    """Keep the failure of the smallest case."""
    if tally.failed and tally.spec is not None and prod(tally.spec.sizes) <= prod(spec.sizes):
        return
    tally.failed, tally.decided = True, True
    tally.ratio, tally.where, tally.spec, tally.message = ratio, where, spec, message


def _where(judged: Judged, index: tuple[Any, ...], check: str) -> Where:
    place = tuple(int(number) for number in index)
    over_time = check in ("forward-step", "forward-sequence") and len(place) > 2
    values = (judged.found, judged.wanted, np.broadcast_to(judged.bound, np.shape(judged.found)))
    got, want, bound = (float(np.asarray(array)[index]) for array in values)
    return Where(judged.name, place, place[0] if over_time else -1, got, want, bound)


def _result(check: str, tally: Tally) -> CheckResult:
    verdict = FAIL if tally.failed else PASS if tally.decided else INCONCLUSIVE
    message = tally.message or (
        "" if tally.decided else "the bounds are infinite: nothing can be said at this precision"
    )
    curve = tuple((name, tuple(values)) for name, values in tally.curve.items())
    return CheckResult(check, verdict, tally.ratio, tally.where, message, tally.cases, tally.spec, curve)
