"""How far programs are from what an implementation returned: at a glance, for many, and within derived bounds."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from grusym.oracle.bounds import UP
from grusym.oracle.case import Arrays
from grusym.oracle.engine import QUICK, bounded
from grusym.oracle.observation import Observation
from grusym.oracle.predict import Memory, predicted, predicted_gradients
from grusym.oracle.profile import Profile
from grusym.oracle.program import Program, right_program
from grusym.oracle.stack import values_of
from grusym.oracle.strand_run import Predicted

# A first look, without bounds, passes what is within so many bounds of the right program: those of a wrong one differ.
ROOM = 64.0
FLOAT64 = 2.0**-52


class Bench:
    """Programs are compared with one observation: quickly, and within derived bounds."""

    def __init__(self, observation: Observation, profile: Profile):
        self.seen, self.profile = observation, profile
        self.right = right_program(observation.case)
        self._rooms: dict[bool, dict[str, Any]] = {}
        self._quick: Memory = {}
        self._bounded: Memory = {}

    def ratio(self, program: Program | None, gradients: bool) -> float:
        """The largest error in terms of its bound; infinite where the program says what did not happen.

        None is a program that cannot run here: that fits where the call failed.
        """
        known = self._known(program, gradients)
        if known is not None or program is None:
            return np.inf if known is None else known
        if program.open_start:
            return self._after_start(program)
        if program.leftover and not gradients:
            begun = self._begun(program)
            return np.inf if begun is None else self._worst([self.seen.values_again], begun, gradients)
        return self._worst(self._calls(program, gradients), program, gradients)

    def glances(self, programs: Sequence[Program | None], gradients: bool, brief: bool = False) -> list[float]:
        """A number for each that is small where the program may fit: the ratio, without bounds of its own.

        A brief one ends at the first gradient that is off.
        """
        known = [self._known(program, gradients) for program in programs]
        asked = [program for program, ratio in zip(programs, known, strict=True) if program and ratio is None]
        with np.errstate(all="ignore"):
            if gradients:
                seen = iter([self._gradients_at_a_glance(program, brief) for program in asked])
            else:
                seen = iter(self._outputs_at_a_glance(asked))
        return [next(seen) if ratio is None else ratio for ratio in known]

    def _known(self, program: Program | None, gradients: bool) -> float | None:
        """The ratio where nothing is to be computed for it."""
        if program is None:
            return 0.0 if self.seen.failure == "exception" else np.inf
        return np.inf if (self.seen.gradients if gradients else self.seen.first) is None else None

    def _calls(self, program: Program, gradients: bool) -> list[Arrays]:
        """What came back from both calls; once where it is the same."""
        if not gradients:
            return self._outputs
        if any(strand.backward.accumulates for strand in program.strands):
            return [self._added()]
        return self._gradients

    @cached_property
    def _outputs(self) -> list[Arrays]:
        return _distinct(self.seen.values, self.seen.values_again)

    @cached_property
    def _gradients(self) -> list[Arrays]:
        return _distinct(*(found for found in (self.seen.gradients, self.seen.gradients_again) if found is not None))

    def _outputs_at_a_glance(self, programs: list[Program]) -> list[float]:
        """Programs of the same equations are run as one."""
        begun = [self._begun(program) if program.leftover else program for program in programs]
        loose = [bool(program.looser or program.operands or program.open_start) for program in programs]
        looked = [p for p, open_ in zip(begun, loose, strict=True) if p is not None and not open_]
        values = iter(values_of(looked))
        found = []
        for program, own, open_ in zip(programs, begun, loose, strict=True):
            if open_ or own is None:
                found.append(0.0 if open_ else np.inf)
                continue
            calls = [self.seen.values_again] if program.leftover else self._calls(program, False)
            wanted, room = next(values), self._room(False)
            told_of = [(c[n], wanted[n], room[n]) for c in calls for n in c if n in wanted and n in room]
            found.append(max((self._far(*each) for each in told_of), default=0.0))
        return found

    def _gradients_at_a_glance(self, program: Program, brief: bool) -> float:
        if program.looser or program.operands or program.open_start:
            return 0.0
        calls, room, worst = self._calls(program, True), self._room(True), 0.0
        for name, (value, _) in predicted_gradients(program, QUICK, self._quick):
            if name in room:
                worst = max([worst, *(self._far(found[name], value, room[name]) for found in calls if name in found)])
            if brief and worst > 1:
                break
        return worst

    def _worst(self, calls: list[Arrays], program: Program, gradients: bool) -> float:
        with np.errstate(all="ignore"):
            wanted = told(program, self.profile, gradients, self._bounded)
            pairs = [(found[name], *wanted[name]) for found in calls for name in found if name in wanted]
            return max((self._far(*each) for each in pairs), default=0.0)

    def _far(self, found: Any, value: Any, bound: Any) -> float:
        """The prediction is in float64 itself: its own error is that of a float64 implementation."""
        own = FLOAT64 / self.profile.unit if self.profile.unit > FLOAT64 else 1.0
        error, allowed = np.abs(found - value), bound * (1 + own) * UP
        worst = float((error / allowed).max(initial=0.0))
        if np.isfinite(worst):
            return worst
        ratio = np.where(error <= 0, 0.0, error / allowed)
        ratio = np.where(np.isfinite(found) | ~np.isfinite(value), np.where(np.isinf(allowed), 0.0, ratio), np.inf)
        return float(np.nan_to_num(ratio, nan=np.inf, posinf=np.inf).max(initial=0.0))

    def _room(self, gradients: bool) -> dict[str, Any]:
        if gradients not in self._rooms:
            wanted = told(self.right, self.profile, gradients, self._bounded)
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

    def _begun(self, program: Program) -> Program | None:
        """The second call, which begins with what the first one left; None where that does not show."""
        first = self.seen.first
        assert first is not None
        if set(first.final) != set(self.seen.case.initial):
            return None
        begun = tuple(
            replace(strand, initial={**strand.initial, **_of_way(first.final, way, len(program.strands))})
            for way, strand in enumerate(program.strands)
        )
        return replace(program, strands=begun, leftover=False)

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
        if not np.isfinite(start).all():  # what is no number explains all that follows, whoever computes it
            return np.inf
        rest = replace(
            case,
            sizes={**case.sizes, "T": case.steps - 1},
            inputs={name: array[1:] for name, array in case.inputs.items()},
            initial={state: start},
            dy={name: array[1:] for name, array in case.dy.items()},
        )
        found = {name: array[1:] if name.startswith("series") else array for name, array in values.items()}
        del program
        return self._worst([found], right_program(rest), False)


def _of_way(final: Arrays, way: int, count: int) -> Arrays:
    return {name: array[way] if count > 1 else array for name, array in final.items()}


def apart(one: Program | None, other: Program | None, profile: Profile, gradients: bool) -> bool:
    """Whether two programs on a case return what no correct rounding makes equal."""
    if one is None or other is None:
        return (one is None) != (other is None)
    if _flags(one) != _flags(other):
        return True
    with np.errstate(all="ignore"):
        first, second = (told(program, profile, gradients) for program in (one, other))
    return any(
        bool((np.abs(first[name][0] - second[name][0]) > 2 * (first[name][1] + second[name][1])).any())
        for name in first.keys() & second.keys()
    )


def _flags(program: Program) -> tuple[object, ...]:
    """What says more than which values come back."""
    accumulates = any(strand.backward.accumulates for strand in program.strands)
    return program.leftover, program.open_start, accumulates, bool(program.looser), bool(program.operands)


def told(program: Program, profile: Profile, gradients: bool, memory: Memory | None = None) -> Predicted:
    """What a program returns, within the bounds of a profile: the memory holds runs of programs within these alone."""
    engine, loose = bounded(profile, program), bool(program.looser or program.operands)
    if not gradients:
        return predicted(program, engine)
    return dict(predicted_gradients(program, engine, None if loose else memory))


def _distinct(first: Arrays, *again: Arrays) -> list[Arrays]:
    """What came back, but for a second time that is as the first."""
    return [first, *(found for found in again if not _alike(first, found))]


def _alike(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(array, other[name]) for name, array in one.items())
