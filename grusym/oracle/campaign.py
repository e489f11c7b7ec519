"""A campaign: groups of checks over many cases, found, shrunk and reproduced by hypothesis.

It is a list of tasks, each with its own seed, that run one after the other or on many workers: the verdict is the same.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky

from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.oracle.behaviour import behaviour_checks
from grusym.oracle.case import Case
from grusym.oracle.checks import Found, forward_checks, gradient_checks
from grusym.oracle.gate_a import Judged
from grusym.oracle.layers import frozen_checks, layer_checks
from grusym.oracle.profile import Profile
from grusym.oracle.report import FAIL, INCONCLUSIVE, PASS, CheckResult, Expectation, Where
from grusym.oracle.spec import (
    ANY,
    KINDS,
    Spec,
    allowed_sizes,
    both_directions,
    materialise,
    rich_sizes,
    with_lengths,
    without_start,
)
from grusym.oracle.subject import HANG, Misbehaviour, Subject, fixed_sizes, takes

WHOLE = 8  # one case in so many is judged from end to end, too: that takes longer
LARGEST, LARGEST_OF_MANY = 6, 3
AUTO = "auto"  # as the convention of a plan: the one that fits, which is recognised first
CHUNK = 25  # cases of a task
FEW = 10  # cases of the groups that are not the main ones
# Drawn as digits below 128: of a wider range hypothesis takes some from the source code that happens to be imported.
_SEEDS = st.tuples(st.integers(0, 127), st.integers(0, 127)).map(lambda digits: 128 * digits[0] + digits[1])
_PASSED = (b".pareto", b".secondary")  # keys under which hypothesis keeps what did not fail


@dataclass(frozen=True)
class Plan:
    """What is judged and how: everything but the implementation."""

    cell: Cell
    convention: str | None
    dtype: str
    profile: Profile
    examples: int = 50
    seed: int = 0
    only: Spec | None = None  # judge this one case


@dataclass(frozen=True)
class Task:
    """Some cases of one group of checks: the telling ones if it is the `first`, and examples that the seed draws."""

    group: str
    seed: int
    examples: int
    first: bool


@dataclass
class Tally:
    """What a check found so far."""

    ratio: float = 0.0  # at `where`
    worst: float = 0.0  # of all cases
    where: Where | None = None
    spec: Spec | None = None
    failed: bool = False
    decided: dict[str, bool] = field(default_factory=dict)  # tensors, and whether any case says something of them
    message: str = ""
    cases: int = 0
    curve: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    curve_spec: Spec | None = None
    curve_worth: tuple[bool, int, float] = (False, 0, 0.0)
    expectation: Expectation | None = None


def tasks(plan: Plan, gradients: bool, takes: Collection[str] = ()) -> list[Task]:
    """The campaign in parts, which do not depend on who runs them; the first ones are short, for an early verdict.

    `takes` is what the subject takes besides.
    """
    groups = ["forward", "behaviour", *(["vjp"] if gradients else [])]
    groups += [group for group in ("lengths", "directions", "frozen", "absent") if group in takes]
    if plan.only is not None:
        return [Task(group, plan.seed, 0, first=True) for group in groups]
    found = [Task(group, plan.seed, 0, first=True) for group in groups]
    for group in groups:
        total = plan.examples if group in ("forward", "vjp") else min(plan.examples, FEW)
        for number, start in enumerate(range(0, total, CHUNK)):
            found.append(Task(group, plan.seed + 7919 * number, min(CHUNK, total - start), first=False))
    return found


def until_hang(parts: Iterable[list[CheckResult]]) -> Iterator[list[CheckResult]]:
    """The results of tasks up to the first that hangs: to see it again would take as long, in every further one.

    What comes later is dropped, also where workers have it already: the report is the same whoever runs the campaign.
    """
    for part in parts:
        yield part
        if any(result.id == HANG for result in part):
            break
    if isinstance(parts, Generator):
        parts.close()


def run_task(subject: Subject, plan: Plan, task: Task) -> list[CheckResult]:
    """The results of one task."""
    tallies: dict[str, Tally] = {}
    judge = GROUPS[task.group]

    def judged(spec: Spec, drawn: bool) -> bool:
        """Judge a case; whether nothing fails."""
        case = case_of(spec, plan, task.group)
        try:
            found = judge(subject, case, plan.profile, spec.seed % WHOLE == 0 or plan.only is not None)
        except Misbehaviour as wrong:
            tally = tallies.setdefault(wrong.check, Tally())
            tally.cases += 1
            _note_failure(tally, spec, float("inf"), None, wrong.what)
            if wrong.costly:
                raise _EnoughError from None
            return False
        ratios = [_count(tallies, check, judgements, spec, case) for check, judgements in found.items()]
        finite = [ratio for ratio in ratios if np.isfinite(ratio)]
        if finite and len(finite) == len(ratios) and drawn:
            target(max(finite))
        return all(ratio <= 1 for ratio in ratios)

    fixed = fixed_sizes(subject)
    telling = [Spec(rich_sizes(plan.cell, fixed), plan.seed * WHOLE, kind) for kind in KINDS]

    @seed(task.seed)
    @settings(
        max_examples=max(task.examples, 1),
        deadline=None,
        database=_failures_of(settings().database),
        suppress_health_check=list(HealthCheck),
        phases=(Phase.reuse, Phase.generate, Phase.target, Phase.shrink),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(specs(plan.cell, fixed))
    def explore(spec: Spec) -> None:
        if not judged(spec, drawn=True):
            raise _FailedError

    with suppress(_FailedError, Flaky, _EnoughError):
        for spec in (telling if plan.only is None else [plan.only]) if task.first else ():
            judged(spec, drawn=False)
        if task.examples:
            explore()
    return [_result(check, tally) for check, tally in tallies.items()]


class _Failures(ExampleDatabase):
    """The user's database, of which only failures are used: what passed leaves no trace in the next campaign."""

    def __init__(self, database: ExampleDatabase):
        super().__init__()
        self.database = database

    def save(self, key: bytes, value: bytes) -> None:
        if not key.endswith(_PASSED):
            self.database.save(key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        return () if key.endswith(_PASSED) else self.database.fetch(key)

    def delete(self, key: bytes, value: bytes) -> None:
        self.database.delete(key, value)


def _failures_of(database: ExampleDatabase | None) -> ExampleDatabase | None:
    return None if database is None else _Failures(database)


def case_of(spec: Spec, plan: Plan, group: str) -> Case:
    """The case of a specification as a group of checks wants it: with lengths, both directions, no initial state."""
    case = materialise(spec, plan.cell, plan.convention, plan.dtype)
    if group == "directions":
        case = both_directions(spec, case)
    if group == "absent":
        case = without_start(case)
    return with_lengths(case, spec.seed) if group == "lengths" else case


def _lengths(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    del whole
    return layer_checks(subject, case, profile, "lengths", gradients=True)


def _directions(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    """Every other case with lengths, where the subject takes them."""
    if whole and takes(subject, "lengths"):
        case = with_lengths(case, len(case.tensors))
    return layer_checks(subject, case, profile, "bidirectional", gradients=True)


def _absent(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    del whole
    return layer_checks(subject, case, profile, "initial-state-absent", gradients=False)


GROUPS: dict[str, Callable[..., Found]] = {
    "forward": forward_checks,
    "vjp": gradient_checks,
    "behaviour": behaviour_checks,
    "lengths": _lengths,
    "directions": _directions,
    "frozen": frozen_checks,
    "absent": _absent,
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
    drawn = st.tuples(*sizes)
    if cell.conditions:
        drawn = drawn.map(lambda numbers: allowed_sizes(cell, numbers, fixed))
    return st.builds(Spec, drawn, _SEEDS, st.sampled_from(KINDS))


def merged(results: Iterable[Sequence[CheckResult]]) -> tuple[CheckResult, ...]:
    """The results of tasks, in their order, as one per check.

    The first tasks have the telling cases: what those cannot decide, no others do, which may be too small to be hard.
    """
    found: dict[str, CheckResult] = {}
    for result in (one for part in results for one in part):
        known = found.get(result.id)
        if known is None:
            found[result.id] = result
            continue
        verdicts = {known.verdict, result.verdict}
        better = known if verdicts == {PASS, INCONCLUSIVE} else min((known, result), key=_precedence)
        shown = max((known, result), key=_curve_worth)
        found[result.id] = replace(
            better,
            worst_ratio=max(known.worst_ratio, result.worst_ratio),
            cases=known.cases + result.cases,
            curve=shown.curve,
            curve_spec=shown.curve_spec,
            expectation=max((known, result), key=_surprise).expectation,
        )
    return tuple(found.values())


def _precedence(result: CheckResult) -> tuple[int, float]:
    """Failures first, the smallest case first; then the largest ratio."""
    if result.verdict == FAIL:
        return 0, prod(result.spec.sizes) if result.spec else 0
    return (1, -result.worst_ratio) if result.verdict == PASS else (2, 0)


def _surprise(result: CheckResult) -> float:
    return result.expectation.ratio if result.expectation else 0.0


def _count(tallies: dict[str, Tally], check: str, judgements: list[Judged], spec: Spec, case: Case) -> float:
    """Add a case to a check's tally; returns the largest ratio."""
    name = "saturation" if spec.kind == "saturated" and check in ("forward-step", "forward-sequence") else check
    tally = tallies.setdefault(name, Tally())
    tally.cases += 1
    worst = 0.0
    _note_curve(tally, spec, {j.name: _per_step(j) for j in judgements if j.steps and j.found.size})
    for judged in judgements:
        ratio = judged.ratio
        if not ratio.size:
            continue
        tally.decided[judged.name] = tally.decided.get(judged.name, False) or judged.decides
        _note_expectation(tally, spec, judged, case)
        largest = float(ratio.max())
        worst, tally.worst = max(worst, largest), max(tally.worst, largest)
        if largest <= 1 and (tally.failed or largest < tally.ratio):
            continue
        where = _where(judged, np.unravel_index(int(ratio.argmax()), ratio.shape), case)
        if largest > 1:
            _note_failure(tally, spec, largest, where, "")
        else:
            tally.ratio, tally.where, tally.spec = largest, where, spec
    return worst


def _note_expectation(tally: Tally, spec: Spec, judged: Judged, case: Case) -> None:
    """Keep the element that is off the most in terms of what is expected."""
    ratio = judged.expected_ratio
    largest = float(ratio.max())
    if judged.likely is None or (tally.expectation and largest <= tally.expectation.ratio):
        return
    index = np.unravel_index(int(ratio.argmax()), ratio.shape)
    where = _where(replace(judged, bound=judged.likely), index, case)
    tally.expectation = Expectation(largest, where, spec)


def _per_step(judged: Judged) -> tuple[float, ...]:
    """The worst error / bound of every step."""
    ratio = judged.ratio
    return tuple(map(float, ratio.reshape(len(ratio), -1).max(axis=1)))


def _note_curve(tally: Tally, spec: Spec, curve: Mapping[str, tuple[float, ...]]) -> None:
    """Keep the curve of the longest case that fails, else of the one with the largest ratio."""
    worth = _worth(curve.values())
    if curve and (tally.curve_spec is None or worth > tally.curve_worth):
        tally.curve, tally.curve_spec, tally.curve_worth = curve, spec, worth


def _worth(curves: Iterable[Sequence[float]]) -> tuple[bool, int, float]:
    ratios = [ratio for curve in curves for ratio in curve]
    worst = max(ratios, default=0.0)
    return worst > 1, len(ratios) if worst > 1 else 0, worst


def _curve_worth(result: CheckResult) -> tuple[bool, int, float]:
    return _worth(ratios for _, ratios in result.curve)


def _note_failure(tally: Tally, spec: Spec, ratio: float, where: Where | None, message: str) -> None:
    """Keep the failure of the smallest case, of its elements the worst."""
    tally.worst = max(tally.worst, ratio)
    if tally.failed and tally.spec is not None:
        known, new = prod(tally.spec.sizes), prod(spec.sizes)
        if known < new or (known == new and tally.ratio >= ratio):
            return
    tally.failed = True
    tally.ratio, tally.where, tally.spec, tally.message = ratio, where, spec, message


def _where(judged: Judged, index: tuple[Any, ...], case: Case) -> Where:
    place = tuple(int(number) for number in index)
    values = (judged.found, judged.wanted, np.broadcast_to(judged.bound, np.shape(judged.found)))
    got, want, bound = (float(np.asarray(array)[index]) for array in values)
    step = place[0] if judged.steps else -1
    tensor = judged.name[1:]
    if tensor not in case.tensors:
        return Where(judged.name, place, step, got, want, bound)
    array, packed = case.place_of(tensor, place)
    block = "" if array == tensor else f"{judged.name}[{', '.join(map(str, place))}]"
    return Where(f"d{array}", packed, step, got, want, bound, block)


def _result(check: str, tally: Tally) -> CheckResult:
    open_ = [name for name, decided in tally.decided.items() if not decided]
    verdict = FAIL if tally.failed else INCONCLUSIVE if open_ or not tally.decided else PASS
    message = tally.message
    if verdict == INCONCLUSIVE:
        message = (
            f"most bounds of {', '.join(open_)} are as large as the values, or infinite: nothing can be said at this "
            "precision"
            if open_
            else "nothing came back that it looks at"
        )
    return CheckResult(
        check,
        verdict,
        tally.worst,
        tally.where,
        message,
        tally.cases,
        tally.spec,
        tuple(tally.curve.items()),
        tally.curve_spec,
        tally.expectation,
    )
