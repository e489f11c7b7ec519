"""What the checks of a campaign found, counted case by case, and the results of its tasks as one per check."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from grusym.oracle.case import Case
from grusym.oracle.gate_a import Judged
from grusym.oracle.report import FAIL, INCONCLUSIVE, PASS, CheckResult, Expectation, Where
from grusym.oracle.spec import Spec


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


def count(tallies: dict[str, Tally], check: str, judgements: list[Judged], spec: Spec, case: Case) -> float:
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
            note_failure(tally, spec, largest, where, "")
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


def note_failure(tally: Tally, spec: Spec, ratio: float, where: Where | None, message: str) -> None:
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


def result_of(check: str, tally: Tally) -> CheckResult:
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
