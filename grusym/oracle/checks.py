"""The checks of one case: what an implementation returned, beside exact values and derived bounds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from sympy import Add, Expr

from grusym.conventions.library import layout_of
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.tensor import indices_of, is_access, tensor_of
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.gate_a import Judged, Steps, steps_at, trajectory
from grusym.oracle.gate_b import Sequence
from grusym.oracle.profile import Profile
from grusym.oracle.spec import single_steps, truncated
from grusym.oracle.subject import Addressed, Misbehaviour, Subject, takes

Found = dict[str, list[Judged]]  # by the id of the check


@dataclass(frozen=True)
class Observed:
    """A run of an implementation, and the states that it was in before each step, (T, B, ...)."""

    run: Run
    before: Arrays


def every_check(cell: Cell, convention: str | None) -> dict[str, list[str]]:
    """The ids of the checks of a cell by group, whatever an implementation takes."""
    layout = layout_of(cell, convention)
    arrays = [tensor.name for tensor in cell.inputs] + [f"{state.name}0" for state in cell.states]
    arrays += [layout.key(name) for name, _ in layout.arrays]
    identity = ["bias-identity"] if summed_only(cell) else []
    return {
        "forward": ["deterministic", "forward-step", "final-state", "forward-sequence", "saturation"],
        "behaviour": ["reentrant", "alignment"],
        "vjp": [*(f"vjp-{name}" for name in arrays), *identity, "vjp-sequence"],
        "lengths": ["lengths", "empty-sequence", "vjp-lengths"],
        "directions": ["bidirectional", "vjp-bidirectional"],
        "frozen": ["vjp-frozen"],
        "absent": ["initial-state-absent"],
    }


def checks_of(cell: Cell, convention: str | None, subject: Subject) -> dict[str, list[str]]:
    """The ids of the checks by group that are made of this implementation, if it returns what they look at."""
    found = {}
    for group, names in every_check(cell, convention).items():
        made = [name for name in names if unmade(group, name, subject) is None]
        if made:
            found[group] = made
    return found


UNTAKEN = {
    "lengths": "only Python functions with an argument lengths (forward and vjp) are called with lengths",
    "directions": "only Python functions with an argument bidirectional (forward and vjp) run both directions",
    "frozen": "only a Python vjp with an argument wanted is asked for some gradients alone",
    "absent": "only Python functions and torch modules whose h0 is None by default are called without it",
}


def unmade(group: str, check: str, subject: Subject) -> str | None:
    """Why a check is not made of an implementation, whatever it returns; None where it is made."""
    if not subject.has_gradients and (group == "vjp" or check.startswith("vjp-")):
        return "no gradients were given"
    if group in UNTAKEN and not takes(subject, group):
        return UNTAKEN[group]
    if check == "alignment" and not isinstance(subject, Addressed):
        return "it is not handed addresses of arrays"
    return None


def observe(subject: Subject, case: Case) -> Observed | None:
    """Run a case. None where the implementation does not show its states: then only whole sequences can be judged.

    States that are no series are seen as final states of the case cut short.
    """
    run = subject.forward(case)
    states = trajectory(case, run)
    if states is not None:
        return Observed(run, {name: array[:-1] for name, array in states.items()})
    if {state.name for state in case.cell.states} - set(run.final):
        return None
    shown = [case.initial, *(subject.forward(truncated(case, n)).final for n in range(1, case.steps))]
    return Observed(run, {s.name: np.stack([final[s.name] for final in shown]) for s in case.cell.states})


def forward_checks(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    """One step from the implementation's own states, the final state, the same bits again; `whole` sequences too."""
    observed = observe(subject, case)
    run = observed.run if observed else subject.forward(case)
    found: Found = {"deterministic": [_same_bits(case, run, subject.forward(case))]}
    if observed:
        steps = steps_at(case, observed.before, profile)
        stepwise = {name: _reshaped(case, pair) for name, pair in steps.results().items()}
        likely = {name: _by_step(case, stepwise[name], array) for name, array in steps.likely_results().items()}
        found["forward-step"] = [
            replace(judged(s.name, run.series[s.name], stepwise[s.tensor.name], likely.get(s.tensor.name)), steps=True)
            for s in Layer(case.cell).series
        ]
        if run.final:
            found["final-state"] = [
                judged(
                    f"{state.name}_n",
                    run.final[state.name],
                    _last(stepwise[state.update.name]),
                    likely[state.update.name][-1] if likely else None,
                )
                for state in case.cell.states
            ]
    if whole or not observed:
        values = {**run.series, **{f"final {name}": array for name, array in run.final.items()}}
        found["forward-sequence"] = [
            replace(judged(name.replace("final ", "final state "), values[name], pair), steps=name in run.series)
            for name, pair in Sequence(case, profile).outputs().items()
            if name in values
        ]
    return found


def gradient_checks(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    """The gradients of single steps from the implementation's own states; `whole` sequences too."""
    observed = observe(subject, case)
    found: Found = {}
    if observed:
        one = single_steps(case, observed.before)
        cotangents = _cotangents(one)
        steps = Steps(case.cell, dict(one.sizes), _arguments(one), profile)
        wanted, likely = steps.gradients(cotangents), steps.likely_gradients(cotangents)
        for _, check, compared in _compared(one, subject.gradients(one), wanted, likely, (case.steps, case.batch)):
            found.setdefault(check, []).append(compared)
        found |= _bias_identity(one, found)
    if whole or not observed:
        wanted = Sequence(case, profile).gradients()
        found["vjp-sequence"] = [j for _, _, j in _compared(case, subject.gradients(case), wanted, {}, None)]
    return found


def _arguments(one: Case) -> Arrays:
    """What single steps read, samples first."""
    return {name: array[0] for name, array in one.inputs.items()} | one.initial | one.tensors


def _cotangents(one: Case) -> dict[str, Any]:
    """What arrives at each result of a step: the parts of a sum."""
    parts: dict[str, list[Any]] = {state.update.name: [one.dh[state.name]] for state in one.cell.states}
    for series in Layer(one.cell).series:
        parts.setdefault(series.tensor.name, []).insert(0, one.dy[series.name][0])
    return {name: tuple(arrays) for name, arrays in parts.items()}


def _compared(
    case: Case,
    gradients: Arrays,
    wanted: dict[str, tuple[Any, Any]],
    likely: Arrays,
    samples: tuple[int, int] | None,
) -> list[tuple[str, str, Judged]]:
    """Tensor, check and judgement of every gradient that was returned. Raises Misbehaviour if there is none at all.

    `samples` are the steps and the batch that a case of single steps was made of; None for whole sequences.
    """
    keys = {place.tensor: case.layout.key(place.buffer) for place in case.layout.placements}
    states = {state.name for state in case.cell.states}
    if not gradients:
        raise Misbehaviour("output-type", "the gradients are an empty dict")
    compared = []
    for name, array in gradients.items():
        check = f"vjp-{keys.get(name, f'{name}0' if name in states else name)}"
        label = f"d{name}{'0' if name in states else ''}"
        if samples is None:
            compared.append((name, check, replace(judged(label, array, wanted[name]), steps=name in case.inputs)))
            continue
        rows = array[0] if name in case.inputs else array
        # Lanes first, then samples.
        lanes = rows.reshape(-1) if name in keys else rows.reshape(rows.shape[0], -1).T
        shape = rows.shape if name in keys else (*samples, *rows.shape[1:])
        one = judged(label, lanes, wanted[name], likely.get(name))
        compared.append((name, check, _unfolded(one, shape, name not in keys)))
    return compared


def _unfolded(judged: Judged, shape: tuple[int, ...], steps: bool) -> Judged:
    """Lanes in the shape that the gradient has: of single steps those of inputs and states are (T, B, ...)."""

    def unfolded(array: Any) -> Any:
        return (array.T if steps else array).reshape(shape)

    found, wanted, error = unfolded(judged.found), unfolded(judged.wanted), unfolded(judged.error)
    bound = unfolded(np.broadcast_to(judged.bound, judged.found.shape))
    likely = None if judged.likely is None else unfolded(judged.likely)
    return Judged(judged.name, found, wanted, error, bound, steps, likely)


def _bias_identity(case: Case, found: Found) -> Found:
    """Parameters that enter the equations only as a sum have the same gradient, whatever else is right or wrong."""
    by_name = {one.name: one for judgements in found.values() for one in judgements}
    pairs = []
    for one, other in summed_only(case.cell):
        if f"d{one}" not in by_name or f"d{other}" not in by_name:
            continue
        first, second = by_name[f"d{one}"], by_name[f"d{other}"]
        error = np.abs(first.found - second.found)
        pairs.append(Judged(f"d{one} - d{other}", first.found, second.found, error, first.bound + second.bound))
    return {"bias-identity": pairs} if pairs else {}


@lru_cache(maxsize=64)
def summed_only(cell: Cell) -> tuple[tuple[str, str], ...]:
    """Pairs of parameters that stand in the equations once, beside each other in a sum, at the same indices.

    >>> from grusym.equations.library import cell
    >>> summed_only(cell("gru"))
    (('b_r', 'c_r'), ('b_z', 'c_z'))
    """
    nodes = [node for equation in cell.equations for node in _nodes(equation.value)]
    elements = [node for node in nodes if is_access(node)]
    once = {
        tensor.name: next(element for element in elements if tensor_of(element) == tensor.name)
        for tensor in cell.parameters
        if sum(tensor_of(element) == tensor.name for element in elements) == 1
    }
    sums = [node.args for node in nodes if isinstance(node, Add)]
    return tuple(
        (one, other)
        for one, other in combinations(once, 2)
        if indices_of(once[one]) == indices_of(once[other])
        and any(once[one] in terms and once[other] in terms for terms in sums)
    )


def _nodes(value: Expr) -> Iterator[Expr]:
    """Every part of an expression, as often as it stands there; what is inside an access is none."""
    yield value
    if not is_access(value):
        for argument in value.args:
            yield from _nodes(argument)


def _same_bits(case: Case, run: Run, again: Run) -> Judged:
    """Both runs of a case, as one tensor; any difference is infinitely far outside."""
    pairs = [(run.series[n], again.series[n]) for n in run.series] + [(run.final[n], again.final[n]) for n in run.final]
    first, second = (np.concatenate([pair[n].reshape(-1) for pair in pairs]) for n in (0, 1))
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    return Judged("y", np.nan_to_num(first), second, np.where(same, 0.0, np.inf), np.zeros_like(first))


def judged(name: str, found: Any, wanted: tuple[Any, Any], likely: Any = None) -> Judged:
    """What was found beside its ball and bound, and how far it is expected to be off at most."""
    ball, bound = wanted
    finite = np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)
    error = ball.distance(finite).reshape(found.shape)
    if likely is not None:
        likely = np.broadcast_to(likely, ball.shape).reshape(found.shape)
    return Judged(name, found, ball.middle().reshape(found.shape), error, bound, likely=likely)


def _reshaped(case: Case, pair: tuple[Any, Any]) -> tuple[Any, Any]:
    """(T * B, ...) as (T, B, ...)."""
    ball, bound = pair
    shape = (case.steps, case.batch, *ball.shape[1:])
    return type(ball)(ball.array.reshape(shape)), np.broadcast_to(bound, ball.shape).reshape(shape)


def _by_step(case: Case, pair: tuple[Any, Any], array: Any) -> Any:
    """(T * B, ...) or what is spread to it, as (T, B, ...)."""
    shape = pair[0].shape
    return np.broadcast_to(array, (shape[0] * shape[1], *shape[2:])).reshape(shape)


def _last(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    ball, bound = pair
    return type(ball)(ball.array[-1]), bound[-1]
