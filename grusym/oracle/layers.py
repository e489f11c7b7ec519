"""Layers with lengths, two directions or frozen parameters: whole sequences, judged within their bounds."""

from dataclasses import replace
from typing import Any

import numpy as np

from grusym.equations.layer import Layer
from grusym.oracle import balls
from grusym.oracle.balls import Ball
from grusym.oracle.bounds import UP
from grusym.oracle.case import Arrays, Case
from grusym.oracle.checks import Found, judged
from grusym.oracle.gate_a import FIRST_BITS, Judged
from grusym.oracle.gate_b import Reference, Sequence
from grusym.oracle.profile import Profile
from grusym.oracle.subject import Misbehaviour, Subject
from grusym.oracle.wiring import NOTHING, Wiring, wired


def layer_checks(subject: Subject, case: Case, profile: Profile, name: str, gradients: bool) -> Found:
    """What a layer returns, and its gradients, as checks `name` and `vjp-` + name; empty sequences apart."""
    found: Found = {}
    empty = case.lengths is not None and bool((np.asarray(case.lengths) == 0).any())
    try:
        run = subject.forward(case)
    except Misbehaviour as wrong:
        if not empty or wrong.check != "exception":
            raise
        case = replace(case, lengths=np.maximum(case.lengths, 1))
        run = subject.forward(case)  # what fails here, fails for other lengths, too
        raise Misbehaviour("empty-sequence", f"with a length of 0, {wrong.what}") from wrong
    wanted = outputs(case, profile)
    values = {**run.series, **{f"final {key}": array for key, array in run.final.items()}}
    found[name] = [
        judged(key.replace("final ", "final state "), values[key], wanted[key]) for key in wanted if key in values
    ]
    if empty and run.final:
        found["empty-sequence"] = [_of_empty(case, state, array) for state, array in run.final.items()]
    if gradients and subject.has_gradients:
        references, returned = layer_gradients(case, profile), subject.gradients(case)
        found[f"vjp-{name}"] = [judged(f"d{key}", array, references[key]) for key, array in returned.items()]
    return found


def frozen_checks(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    """dx and dh0 where no gradient of a parameter is asked for."""
    del whole
    names = {*case.inputs, *case.initial}
    returned = subject.gradients(replace(case, frozen=True))
    wanted = Sequence(case, profile).gradients()
    return {"vjp-frozen": [judged(f"d{n}", array, wanted[n]) for n, array in returned.items() if n in names]}


def _of_empty(case: Case, name: str, final: Any) -> Judged:
    """The final states of sequences of length 0 are their initial states."""
    rows = np.flatnonzero(np.asarray(case.lengths) == 0)
    initial = case.initial[name]
    found, wanted = (np.take(a, rows, axis=a.ndim - case.dh[name].ndim + case.directions - 1) for a in (final, initial))
    error = np.where(found == wanted, 0.0, np.inf)
    return Judged(f"{name}_n", np.nan_to_num(found), wanted, error, np.zeros_like(wanted))


def straightened(case: Case, wiring: Wiring) -> Case:
    """One direction as a sequence that runs forwards: inputs and cotangents in the order of the steps."""
    inputs = {n: a.reshape(-1, *a.shape[2:])[wiring.x] for n, a in case.inputs.items()}
    cotangents: Arrays = {}
    used = wiring.y != NOTHING
    for name, array in case.dy.items():
        own = np.zeros_like(array).reshape(-1, *array.shape[2:])
        own[wiring.y[used] - case.batch] = array[used]
        cotangents[name] = own.reshape(array.shape)
    return replace(case, inputs=inputs, dy=cotangents)


def outputs(case: Case, profile: Profile, bits: int = FIRST_BITS) -> Reference:
    """Balls and bounds of the series and final states of a layer."""
    parts = []
    for way in range(case.directions):
        one = case.direction(way)
        wiring = wired(case.steps, case.batch, case.lengths, backwards=way == 1)
        sequence = Sequence(straightened(one, wiring), profile, bits)
        found: Reference = {}
        states = {s.update.name: s.name for s in case.cell.states}
        for series in Layer(case.cell).series:
            name = series.tensor.name
            key = f"state {states[name]}" if name in states else f"series {series.name}"
            rows = np.where(wiring.y == NOTHING, NOTHING, wiring.y - (0 if name in states else case.batch))
            found[series.name] = _rows(sequence, key, rows)
        for state in case.cell.states:
            found[f"final {state.name}"] = _rows(sequence, f"state {state.name}", wiring.final)
        parts.append(found)
    if len(parts) == 1:
        return parts[0]
    return {name: _joined(name, [part[name] for part in parts]) for name in parts[0]}


def _rows(sequence: Sequence, key: str, rows: Any) -> tuple[Any, Any]:
    """Values and bounds by number; zero, without an error, for NOTHING."""
    array, bound = (a.reshape(-1, *a.shape[2:]) for a in (sequence.exact[key].array, sequence.errors[key]))
    there = (rows != NOTHING).reshape(*rows.shape, *[1] * (array.ndim - 1))
    return Ball(np.where(there, array[rows], 0)), np.where(there, bound[rows], 0.0)


def _joined(name: str, pairs: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    arrays, bounds = [ball.array for ball, _ in pairs], [bound for _, bound in pairs]
    if name.startswith("final"):
        return Ball(np.stack(arrays)), np.stack(bounds)
    return Ball(np.concatenate(arrays, axis=2)), np.concatenate(bounds, axis=2)


def layer_gradients(case: Case, profile: Profile, bits: int = FIRST_BITS) -> Reference:
    """Balls and bounds of the gradients of a layer; those of a second direction's parameters are NAME_reverse."""
    found: Reference = {}
    for way in range(case.directions):
        one = case.direction(way)
        wiring = wired(case.steps, case.batch, case.lengths, backwards=way == 1)
        for name, (ball, bound) in Sequence(straightened(one, wiring), profile, bits).gradients().items():
            if name in case.inputs:
                placed = (_placed(ball.array, wiring, 0), _placed(bound, wiring, 0.0))
                found[name] = _summed(found[name], placed, profile) if way else (Ball(placed[0]), placed[1])
            elif name in case.initial and case.directions > 1:
                first = found.get(name)
                found[name] = (ball, bound) if first is None else _joined("final", [first, (ball, bound)])
            else:
                found[name + "_reverse" * way] = (ball, bound)
    return found


def _placed(array: Any, wiring: Wiring, zero: Any) -> Any:
    """What belongs to the steps, back at the inputs that they read."""
    flat = np.full((wiring.x.size, *array.shape[2:]), zero, dtype=array.dtype)
    flat[wiring.x.reshape(-1)] = array.reshape(-1, *array.shape[2:])
    return flat.reshape(array.shape)


def _summed(one: tuple[Any, Any], other: tuple[Any, Any], profile: Profile) -> tuple[Any, Any]:
    with balls.precision(4 * FIRST_BITS):
        total = one[0].array + other[0]
    sizes = np.abs(one[0].middle()) + np.abs(Ball(other[0]).middle()) + one[1] + other[1]
    return Ball(total), (one[1] + other[1] + profile.unit * sizes + 2 * profile.tiny) * UP
