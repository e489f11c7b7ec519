"""Other functions in the place of sigmoid and tanh: those that are taken for them, and approximations."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from sympy import Expr, Rational

from grusym.equations.cell import Cell
from grusym.equations.functions import maximum, minimum, sigmoid, tanh
from grusym.equations.tensor import tensor_of
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.edits import edited, functions_replaced, mapped, right_equations
from grusym.oracle.catalogue.entry import Candidate, Setting
from grusym.oracle.program import Program

SLACK = 2.0**-4  # of a function's distance from rest: how far an approximation may be off


def hard(slope: Rational) -> Callable[[Expr], Expr]:
    return lambda a: maximum(0, minimum(1, slope * a + Rational(1, 2)))


def padé(a: Expr) -> Expr:
    return maximum(-1, minimum(1, a * (27 + a**2) / (27 + 9 * a**2)))


def clipped(a: Expr) -> Expr:
    return maximum(-1, minimum(1, a))


def of_candidates(id_: str, function: Callable[[Expr, Expr], Expr], setting: Setting) -> list[Candidate]:
    """Another function of the candidates: of their value and of their argument."""

    def edit(cell: Cell) -> Cell:
        mine = {tensor_of(e.target) for e in roles.candidates(cell)}
        return mapped(cell, lambda e: function(e.value, e.value.args[0]) if tensor_of(e.target) in mine else e.value)

    return edited(id_, edit, setting.cell)


def approximated(id_: str, function: str, known: Iterable[Callable[[Expr], Expr]], setting: Setting) -> list[Candidate]:
    used = any(e.value.has(tanh if function == "tanh" else sigmoid) for e in setting.cell.equations)
    if not used:
        return []
    found = [candidate for by in known for candidate in edited(id_, functions_replaced(function, by), setting.cell)]

    def loosened(program: Program) -> Program:
        return replace(program, looser={**program.looser, function: SLACK})

    lines = right_equations(setting.cell, functions_replaced(function, lambda a: a)(setting.cell) or setting.cell)
    return [*found, Candidate(id_, loosened, lines, open=True)]
