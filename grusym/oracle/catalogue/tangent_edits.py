"""Changes of the equations of the tangents, as changes of programs."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sympy import Expr, Function

from grusym.equations.cell import Cell, Equation
from grusym.equations.names import tangent_name
from grusym.oracle.catalogue.entry import Candidate, Change, Setting
from grusym.oracle.program import Program, Tangents, each_strand
from grusym.oracle.step import tangents_of

Equations = tuple[Equation, ...]


def with_tangents(change: Tangents) -> Change:
    """A program whose tangents' equations are changed."""

    def changed(program: Program) -> Program | None:
        return each_strand(
            program,
            lambda s: replace(s, backward=replace(s.backward, tangents=(*s.backward.tangents, change))),
        )

    return changed


def edited(id_: str, setting: Setting, fix: str, *changes: Tangents) -> list[Candidate]:
    """Candidates for those changes that change something for this cell."""
    right = tangents_of(setting.cell)
    found = []
    for change in changes:
        other = change(setting.cell, right)
        if other is not None and other != right:
            found.append(Candidate(id_, with_tangents(change), fix))
    return found


def each(change: Callable[[Equation], Expr]) -> Callable[[Cell, Equations], Equations]:
    """A change of every equation by itself."""
    return lambda cell, equations: tuple(Equation(e.target, change(e)) for e in equations)


def v(names: Iterable[str]) -> set[str]:
    """The tangents of these tensors, by name."""
    return {tangent_name(name) for name in names}


def deriving(kind: type[Function], wrong: Callable[[Expr, Expr], Expr]) -> Change:
    """Another derivative of a function: of its value and its argument."""

    def change(program: Program) -> Program | None:
        return each_strand(
            program,
            lambda s: replace(s, backward=replace(s.backward, derivatives=(*s.backward.derivatives, (kind, wrong)))),
        )

    return change


def functions(id_: str, kind: type[Function], fix: str, *wrong: Callable[[Expr, Expr], Expr]) -> Any:
    """An entry's ways: these derivatives of a function, in a cell that has it."""

    def ways(setting: Setting) -> list[Candidate]:
        if not any(e.value.has(kind) for e in setting.cell.equations):
            return []
        return [Candidate(id_, deriving(kind, w), fix) for w in wrong]

    return ways
