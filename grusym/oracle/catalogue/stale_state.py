"""A blend that reads a state of an earlier step."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from sympy import Expr

from grusym.equations.cell import Cell, Equation, State
from grusym.equations.names import fresh
from grusym.equations.tensor import Role, access, indices_of, tensor_of
from grusym.oracle.catalogue.edits import ZERO, mapped, right_equations
from grusym.oracle.catalogue.entry import Candidate, Setting
from grusym.oracle.program import Program, Strand, each_strand

STALE = "stale"


def blend_stale(setting: Setting) -> list[Candidate]:
    """For cells whose update reads the state outside of sums and functions."""
    cell = setting.cell
    updates = {state.update.name: state for state in cell.states}
    plain = [
        e
        for e in cell.equations
        if (s := updates.get(tensor_of(e.target))) and _reads_plainly(e.value, access(s.name, indices_of(e.target)))
    ]
    if not plain:
        return []
    fix = right_equations(cell, mapped(cell, lambda e: ZERO if e in plain else e.value))
    return [Candidate("blend-stale-state", _stale(frozen), fix) for frozen in (False, True)]


def _stale(frozen: bool) -> Callable[[Program], Program | None]:
    """States that the blend reads are those of a step earlier still, or, `frozen`, the initial ones."""

    def edit(cell: Cell) -> Cell | None:
        states, equations, ties = list(cell.states), [], []
        updates = {state.update.name: state for state in cell.states}
        for equation in cell.equations:
            state = updates.get(tensor_of(equation.target))
            direct = access(state.name, indices_of(equation.target)) if state else None
            if state is None or direct is None or not _reads_plainly(equation.value, direct):
                equations.append(equation)
                continue
            name = fresh((f"{state.name}_{STALE}",), cell.tensors)
            old = replace(state.tensor, name=name)
            states.append(State(old, replace(state.update, name=f"{name}'", role=Role.STATE)))
            equations.append(Equation(equation.target, _swapped(equation.value, direct, access(name, direct.indices))))
            kept = access(name if frozen else state.name, direct.indices)
            ties.append(Equation(access(f"{name}'", direct.indices), kept))
        return replace(cell, states=tuple(states), equations=(*equations, *ties)) if ties else None

    cached = lru_cache(maxsize=64)(edit)

    def change(program: Program) -> Program | None:
        def stale(strand: Strand) -> Strand | None:
            cell = cached(strand.cell)
            if cell is None:
                return None
            new = [state.name for state in cell.states if state not in strand.cell.states]
            return replace(strand, cell=cell, ties={name: name.partition(f"_{STALE}")[0] for name in new})

        return each_strand(program, stale)

    return change


def _reads_plainly(value: Expr, direct: Expr) -> bool:
    """Whether an expression reads this element outside of sums and functions."""
    if value == direct:
        return True
    return (value.is_Add or value.is_Mul) and any(_reads_plainly(a, direct) for a in value.args)


def _swapped(value: Expr, direct: Expr, other: Expr) -> Expr:
    if value == direct:
        return other
    if value.is_Add or value.is_Mul:
        return value.func(*(_swapped(a, direct, other) for a in value.args))
    return value
