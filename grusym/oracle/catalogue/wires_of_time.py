"""Changes of the states that steps read, of the order in which they run, and of inputs that are held."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from grusym.equations.cell import Cell, Equation, State
from grusym.equations.tensor import access, indices_of, tensor_of
from grusym.oracle.case import Arrays, Case
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.edits import ZERO, substituted
from grusym.oracle.catalogue.entry import GRADIENTS, Candidate, Setting
from grusym.oracle.catalogue.wires import Rewire
from grusym.oracle.program import Program, Strand, backwards, each_strand
from grusym.oracle.wiring import NOTHING, Wiring, wired


def not_carried(case: Case, wiring: Wiring, again: bool) -> Wiring:
    """Every step begins with zero, or with the initial state `again`."""
    batch = case.batch
    restart = np.broadcast_to(np.arange(batch), wiring.h.shape) if again else np.full(wiring.h.shape, NOTHING)
    return replace(wiring, h=np.where(wiring.h >= batch, restart, wiring.h))


def start_ignored(case: Case, wiring: Wiring) -> Wiring:
    """The first step begins with zero."""
    return replace(wiring, h=np.where((wiring.h >= 0) & (wiring.h < case.batch), NOTHING, wiring.h))


def leftover(program: Program) -> Program:
    """A call begins with the state that the call before it left."""
    return replace(program, leftover=True)


def unknown_start(program: Program) -> Program:
    """The first step begins with anything."""
    return replace(program, open_start=True)


def positive_start(program: Program) -> Program | None:
    """The initial state goes through the function that keeps candidates positive."""
    return each_strand(program, lambda s: replace(s, initial={name: _g(array) for name, array in s.initial.items()}))


def _g(h: Any) -> Any:
    return np.where(h >= 0, h + 0.5, 1 / (1 + np.exp(-np.minimum(h, 0.0))))


FRESH = "fresh"  # a state that is 1 before the first step, and 0 from then on


def undecayed_start(program: Program) -> Program | None:
    """The initial state enters a scan without the first step's coefficient."""

    def entered(strand: Strand) -> Strand:
        names = {f"{FRESH}_{state.name}": state.name for state in strand.cell.states}
        ones = {name: np.ones_like(strand.initial[origin]) for name, origin in names.items()}
        ties = {**strand.ties, **{name: name for name in names}}
        return replace(strand, cell=undecayed(strand.cell), initial={**strand.initial, **ones}, ties=ties)

    return each_strand(program, entered)


@lru_cache(maxsize=64)
def undecayed(cell: Cell) -> Cell:
    """The initial state enters the first step's result as it is, without the coefficient of that step."""
    updates = {state.update.name: state for state in cell.states}
    states, equations = list(cell.states), []
    for equation in cell.equations:
        state = updates.get(tensor_of(equation.target))
        if state is None:
            equations.append(equation)
            continue
        name, own = f"{FRESH}_{state.name}", indices_of(equation.target)
        fresh = access(name, own)
        alone = substituted(equation.value, {s.name for s in cell.states}, lambda _: ZERO)
        value = fresh * (access(state.name, own) + alone) + (1 - fresh) * equation.value
        states.append(State(replace(state.tensor, name=name), replace(state.update, name=f"{name}'")))
        equations += [Equation(equation.target, value), Equation(access(f"{name}'", own), ZERO)]
    return replace(cell, states=tuple(states), equations=tuple(equations))


def scan(setting: Setting) -> list[Candidate]:
    """For cells whose gates and candidates do not read the state."""
    states = {state.name for state in setting.cell.states}
    updates = {state.update.name for state in setting.cell.states}
    reading = [e for e in setting.cell.equations if roles.reads(e.value) & states]
    if not all(tensor_of(e.target) in updates for e in reading):
        return []
    fix = "h[t] = a[t] h[t-1] + b[t], with a[0] h0 + b[0] first"
    return [Candidate("parallel-scan-initial-state", change, fix) for change in (positive_start, undecayed_start)]


def run_backwards(flipped: bool) -> Rewire:
    """From the last step to the first; what is returned is `flipped` back, or stands in the order of the run."""

    def rewire(case: Case, wiring: Wiring) -> Wiring:
        other = wired(case.steps, case.batch, case.lengths, backwards=True)
        return other if flipped else replace(other, y=wiring.y)

    return rewire


def frozen(setting: Setting) -> list[Candidate]:
    """The values of the first step, of an input besides the first, at every step: in the gradients, or everywhere."""
    found = []
    for tensor in setting.cell.inputs[1:]:
        name = tensor.name

        def constant(program: Program, name: str = name) -> Program | None:
            def held(strand: Strand) -> Strand:
                array = strand.inputs[name]
                inputs: Arrays = {**strand.inputs, name: np.broadcast_to(array[:1], array.shape)}
                return replace(strand, inputs=inputs)

            return each_strand(program, held)

        def in_gradients(program: Program, name: str = name) -> Program | None:
            first = np.broadcast_to(np.arange(program.case.batch), (program.case.steps, program.case.batch))
            return backwards(program, inputs={name: first})

        fix = f"at step t, read {name}[t]"
        found.append(Candidate("zoneout-mask-frozen", in_gradients, fix, group=GRADIENTS))
        found.append(Candidate("zoneout-mask-frozen", constant, fix))
    return found
