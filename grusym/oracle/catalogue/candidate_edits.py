"""Changes of what a candidate is made of: the reset gate in it, and its recurrent bias."""

from collections.abc import Callable

from sympy import Expr, Sum

from grusym.equations.cell import Cell, Equation
from grusym.equations.tensor import access, accesses, indices_of, tensor_of
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.edits import ONE, ZERO, Edit, mapped, substituted, without


def in_candidates(change: Callable[[Cell, Equation], Expr]) -> Edit:
    """A change of the equations of candidates and of what helps them."""

    def edit(cell: Cell) -> Cell:
        mine = {tensor_of(e.target) for e in roles.candidates(cell)} | set(roles.helpers(cell))
        return mapped(cell, lambda e: change(cell, e) if tensor_of(e.target) in mine else e.value)

    return edit


def reset_omitted(cell: Cell, equation: Equation) -> Expr:
    return substituted(equation.value, set(roles.resets(cell)), lambda _: ONE)


def reset_at_target(cell: Cell, equation: Equation) -> Expr:
    """r[i] for r[k] wherever k is summed."""
    own = indices_of(equation.target)
    return substituted(equation.value, set(roles.resets(cell)), lambda r: access(tensor_of(r), own))


def sums_reset(cell: Cell) -> bool:
    gates = set(roles.resets(cell))
    return any(gates & roles.reads(inner) for e in roles.candidates(cell) for inner in e.value.atoms(Sum))


def outside_reset(cell: Cell) -> Cell | None:
    """The bias of a helper moves to the candidate, out of what the gate multiplies."""
    by_name = {tensor_of(e.target): e.value for e in cell.equations}
    moved: dict[str, Expr] = {}
    for candidate in roles.candidates(cell):
        added: Expr = ZERO
        for name in roles.helpers(cell):
            if name not in roles.reads(candidate.value):
                continue
            biases = [a for a in accesses(by_name[name]) if a in by_name[name].args and _is_parameter(cell, a)]
            for bias in biases:
                moved[name] = moved.get(name, by_name[name]).xreplace({bias: ZERO})
                added += bias
        if added != 0:
            moved[tensor_of(candidate.target)] = candidate.value.func(candidate.value.args[0] + added)
    return mapped(cell, lambda e: moved.get(tensor_of(e.target), e.value)) if moved else None


def _is_parameter(cell: Cell, element: Expr) -> bool:
    return any(tensor.name == tensor_of(element) for tensor in cell.parameters)


def candidate_bias_missing(cell: Cell) -> Cell | None:
    """The recurrent biases of what is no gate are zero."""
    gates = set(roles.gates(cell))
    inside = {n for e in cell.equations if tensor_of(e.target) not in gates for n in roles.reads(e.value)}
    names = {tensor.name for tensor in roles.with_letter(cell, "c")} & inside
    return without(names)(cell) if names else None
