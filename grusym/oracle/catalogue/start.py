"""Mistakes at the first step alone, where no initial state is given."""

from dataclasses import replace

import numpy as np

from grusym.equations.cell import Cell, Equation, State
from grusym.equations.tensor import access, indices_of, tensor_of
from grusym.oracle.catalogue.edits import ONE, ZERO, Edit
from grusym.oracle.catalogue.entry import Candidate, Change
from grusym.oracle.program import Program, Strand, each_strand

FRESH = "fresh"  # a state that is 1 before the first step, and 0 from then on


def at_absent_start(id_: str, edit: Edit, fix: str) -> Candidate:
    """Other equations at the first step of a case without an initial state; every other case is right."""
    return Candidate(id_, _at_start(edit), fix)


def _at_start(edit: Edit) -> Change:
    def change(program: Program) -> Program | None:
        return each_strand(program, begun) if program.case.absent else program

    def begun(strand: Strand) -> Strand | None:
        other = edit(strand.cell)
        if other is None:
            return None
        state = strand.cell.states[0]
        name = f"{FRESH}_{state.name}"
        ones = {name: np.ones_like(strand.initial[state.name])}
        cell = _both(strand.cell, other, name, state)
        return replace(strand, cell=cell, initial={**strand.initial, **ones}, ties={**strand.ties, name: name})

    return change


def _both(cell: Cell, other: Cell, name: str, state: State) -> Cell:
    """A cell that computes what `other` does at its first step; equations of other axes than the state's stay."""
    theirs = {tensor_of(e.target): e.value for e in other.equations}
    axes = {tensor.name: tensor.axes for tensor in cell.tensors.values()}
    equations = []
    for equation in cell.equations:
        target, own = tensor_of(equation.target), indices_of(equation.target)
        value = theirs.get(target, equation.value)
        if value != equation.value and axes[target] == state.tensor.axes:
            fresh = access(name, own)
            equation = Equation(equation.target, fresh * value + (ONE - fresh) * equation.value)
        equations.append(equation)
    target = next(e.target for e in cell.equations if tensor_of(e.target) == state.update.name)
    cleared = Equation(access(f"{name}'", indices_of(target)), ZERO)
    begun = State(replace(state.tensor, name=name), replace(state.update, name=f"{name}'"))
    return replace(cell, states=(*cell.states, begun), equations=(*equations, cleared))
