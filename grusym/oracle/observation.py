"""What an implementation returned on a case, kept for many programs to be compared with, and how far each is off."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grusym.oracle.bounds import UP
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.predict import QUICK, Engine, Memory, Predicted, bounded, predicted
from grusym.oracle.profile import Profile
from grusym.oracle.program import Program, right_program
from grusym.oracle.subject import Misbehaviour, Subject

# A first look, without bounds, passes what is within so many bounds of the right program: those of a wrong one differ.
ROOM = 64.0
FLOAT64 = 2.0**-52


@dataclass(frozen=True)
class Observation:
    """A case, what came back from two calls in a row (None where the call failed), and gradients likewise."""

    case: Case
    first: Run | None
    again: Run | None
    gradients: Arrays | None = None
    gradients_again: Arrays | None = None
    failure: str = ""

    @property
    def values(self) -> Arrays:
        return _values(self.first)

    @property
    def values_again(self) -> Arrays:
        return _values(self.again)


def observed(subject: Subject, case: Case, gradients: bool) -> Observation:
    """Call twice; a failure is a result, too."""
    first = again = None
    grads: list[Arrays | None] = [None, None]
    failure = ""
    try:
        first, again = subject.forward(case), subject.forward(case)
        if gradients and subject.has_gradients:
            grads = [subject.gradients(case), subject.gradients(case)]
    except Misbehaviour as wrong:
        failure = wrong.check
    return Observation(case, first, again, grads[0], grads[1], failure)


def _values(run: Run | None) -> Arrays:
    if run is None:
        return {}
    named = {f"series {name}": array for name, array in run.series.items()}
    return named | {f"final {name}": array for name, array in run.final.items()}


class Bench:
    """Programs are compared with one observation: quickly, and within derived bounds."""

    def __init__(self, observation: Observation, profile: Profile):
        self.seen, self.profile = observation, profile
        self.right = right_program(observation.case)
        self._rooms: dict[bool, dict[str, Any]] = {}
        self._memory: Memory = {}

    def ratio(self, program: Program | None, gradients: bool, quick: bool = False) -> float:
        """The largest error in terms of its bound; infinite where the program says what did not happen.

        None is a program that cannot run here: that fits where the call failed. A quick look gives a number that is
        small where the program may fit.
        """
        failed = (self.seen.gradients if gradients else self.seen.first) is None
        if program is None:
            return 0.0 if self.seen.failure == "exception" else np.inf
        if failed:
            return np.inf
        if program.open_start:
            return self._after_start(program)
        if program.leftover and not gradients:
            return self._leftover(program, quick)
        calls = (
            [self.seen.gradients, self.seen.gradients_again]
            if gradients
            else [self.seen.values, self.seen.values_again]
        )
        if gradients and any(strand.backward.accumulates for strand in program.strands):
            calls = [self._added()]
        return self._worst([found for found in calls if found is not None], program, gradients, quick)

    def _worst(self, calls: list[Arrays], program: Program, gradients: bool, quick: bool) -> float:
        engine = QUICK if quick else bounded(self.profile, program)
        loose = bool(program.looser or program.operands)
        if quick and loose:
            return 0.0
        with np.errstate(all="ignore"):
            memory = self._memory if quick and gradients else None
            wanted = predicted(program, engine, gradients, memory)
            if quick:
                room = self._room(gradients)
                wanted = {name: (value, room[name]) for name, (value, _) in wanted.items() if name in room}
            pairs = [(array, wanted[name]) for found in calls for name, array in found.items() if name in wanted]
            return max((self._far(array, pair) for array, pair in pairs), default=0.0)

    def _far(self, found: Any, wanted: tuple[Any, Any]) -> float:
        """The prediction is in float64 itself: its own error is that of a float64 implementation."""
        value, bound = wanted
        own = FLOAT64 / self.profile.unit if self.profile.unit > FLOAT64 else 1.0
        error, allowed = np.abs(found - value), bound * (1 + own) * UP
        ratio = np.where(error <= 0, 0.0, error / allowed)
        ratio = np.where(np.isfinite(found) | ~np.isfinite(value), np.where(np.isinf(allowed), 0.0, ratio), np.inf)
        return float(np.nan_to_num(ratio, nan=np.inf, posinf=np.inf).max(initial=0.0))

    def _room(self, gradients: bool) -> dict[str, Any]:
        if gradients not in self._rooms:
            wanted = predicted(self.right, bounded(self.profile, self.right), gradients)
            self._rooms[gradients] = {
                name: ROOM * np.maximum(bound, np.max(bound, initial=0.0)) for name, (_, bound) in wanted.items()
            }
        return self._rooms[gradients]

    def _added(self) -> Arrays:
        """What the second call added to the gradients of parameters."""
        first, second = self.seen.gradients, self.seen.gradients_again
        assert first is not None
        assert second is not None
        tensors = self.seen.case.tensors
        return {name: second[name] - array if name in tensors else array for name, array in first.items()}

    def _leftover(self, program: Program, quick: bool) -> float:
        """The second call begins with what the first one left."""
        first, again = self.seen.first, self.seen.again
        assert first is not None
        assert again is not None
        if set(first.final) != set(self.seen.case.initial):
            return np.inf
        begun = tuple(
            replace(strand, initial={**strand.initial, **_of_way(first.final, way, len(program.strands))})
            for way, strand in enumerate(program.strands)
        )
        return self._worst([_values(again)], replace(program, strands=begun, leftover=False), False, quick)

    def _after_start(self, program: Program) -> float:
        """The steps after the first, from the state that it left; the first one must ignore the initial state."""
        case = self.seen.case
        values = self.seen.values
        state = case.cell.states[0].name
        plain = case.directions == 1 and case.lengths is None and len(case.cell.states) == 1 and not case.cell.outputs
        if not plain:
            return np.inf
        if case.steps < 2:
            return 0.0
        start = values["series y"][0]
        rest = replace(
            case,
            sizes={**case.sizes, "T": case.steps - 1},
            inputs={name: array[1:] for name, array in case.inputs.items()},
            initial={state: start},
            dy={name: array[1:] for name, array in case.dy.items()},
        )
        found = {name: array[1:] if name.startswith("series") else array for name, array in values.items()}
        del program
        return self._worst([found], right_program(rest), False, quick=False)


def _of_way(final: Arrays, way: int, count: int) -> Arrays:
    return {name: array[way] if count > 1 else array for name, array in final.items()}


def apart(one: Program | None, other: Program | None, profile: Profile, gradients: bool) -> bool:
    """Whether two programs on a case return what no correct rounding makes equal."""
    if one is None or other is None:
        return (one is None) != (other is None)
    if _flags(one) != _flags(other):
        return True
    first, second = (_told(program, bounded(profile, program), gradients) for program in (one, other))
    return any(
        bool((np.abs(first[name][0] - second[name][0]) > 2 * (first[name][1] + second[name][1])).any())
        for name in first.keys() & second.keys()
    )


def _flags(program: Program) -> tuple[object, ...]:
    """What says more than which values come back."""
    accumulates = any(strand.backward.accumulates for strand in program.strands)
    return program.leftover, program.open_start, accumulates, bool(program.looser), bool(program.operands)


def _told(program: Program, engine: Engine, gradients: bool) -> Predicted:
    with np.errstate(all="ignore"):
        return predicted(program, engine, gradients)
