"""Changes of a cell's equations, as changes of programs."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from sympy import Expr, Integer

from grusym.equations.cell import Cell, Equation
from grusym.equations.functions import NAMES
from grusym.equations.library import BUILT_IN, options_of, settings_of
from grusym.equations.library import cell as built_in
from grusym.equations.tensor import accesses, tensor_of
from grusym.oracle.catalogue.entry import Candidate, Change
from grusym.oracle.program import Program, Strand, each_strand

Edit = Callable[[Cell], Cell | None]
ONE, ZERO = Integer(1), Integer(0)


def editing(edit: Edit) -> Change:
    """The change of a program that computes other equations."""
    cached = lru_cache(maxsize=64)(edit)

    def change(program: Program) -> Program | None:
        def edited(strand: Strand) -> Strand | None:
            cell = cached(strand.cell)
            return None if cell is None else replace(strand, cell=cell)

        return each_strand(program, edited)

    return change


def edited(id_: str, edit: Edit, cell: Cell, open_: bool = False) -> list[Candidate]:
    """The candidate of an edit on a cell, with the equations that it changes as its fix; none where it changes none."""
    other = edit(cell)
    if other is None or other.equations == cell.equations:
        return []
    return [Candidate(id_, editing(edit), right_equations(cell, other), open_)]


def right_equations(cell: Cell, other: Cell) -> str:
    """The equations of a cell, as it writes them, that another cell has differently."""
    theirs = {tensor_of(e.target): e.value for e in other.equations}
    names = [tensor_of(e.target) for e in cell.equations if theirs.get(tensor_of(e.target)) != e.value]
    return "; ".join(line for name in names for line in [equation_line(cell, name)] if line)


def equation_line(cell: Cell, name: str) -> str:
    """The line of a cell's text that defines a tensor."""
    for line in cell.text.splitlines():
        left, equals, _ = line.partition("=")
        if equals and left.partition("[")[0].strip() == name:
            return " ".join(line.split())
    return ""


def mapped(cell: Cell, change: Callable[[Equation], Expr]) -> Cell:
    """The cell with other right sides."""
    return replace(cell, equations=tuple(Equation(e.target, change(e)) for e in cell.equations))


def substituted(expression: Expr, names: set[str], value: Callable[[Expr], Expr]) -> Expr:
    """The expression with other values for the accesses of some tensors."""
    return expression.xreplace({a: value(a) for a in accesses(expression) if tensor_of(a) in names})


def without(names: set[str]) -> Edit:
    """The cell as if these tensors were zero."""
    return lambda cell: mapped(cell, lambda e: substituted(e.value, names, lambda _: ZERO))


def doubled(names: set[str]) -> Edit:
    """The cell with these tensors twice."""
    return lambda cell: mapped(cell, lambda e: substituted(e.value, names, lambda access: 2 * access))


def functions_replaced(function: str, by: Callable[[Expr], Expr], only: set[str] | None = None) -> Edit:
    """The cell with another function for one of its functions, everywhere or in the equations of some tensors."""

    def change(equation: Equation) -> Expr:
        if only is not None and tensor_of(equation.target) not in only:
            return equation.value
        return equation.value.replace(lambda e: NAMES.get(type(e)) == function, lambda e: by(e.args[0]))

    return lambda cell: mapped(cell, change)


def option(key: str, value: str) -> Edit:
    """A built-in cell with another value of an option, where it has the option and the same parameters then."""

    def other(cell: Cell) -> Cell | None:
        if cell.name not in BUILT_IN or value not in options_of(cell.name).get(key, ()):
            return None
        found = built_in(cell.name, **settings_of(cell) | {key: value})
        if {t.name for t in found.parameters} != {t.name for t in cell.parameters}:
            return None
        original = built_in(cell.name, **settings_of(cell))
        if cell.equations != original.equations:  # changed already: only what the option changes is taken over
            return _merged(cell, original, found)
        return replace(found, parameters=cell.parameters)

    return other


def _merged(cell: Cell, original: Cell, found: Cell) -> Cell | None:
    """What an option changes, in a cell that was changed elsewhere."""
    before = {tensor_of(e.target): e.value for e in original.equations}
    now = {tensor_of(e.target): e.value for e in cell.equations}
    after = {tensor_of(e.target): e.value for e in found.equations}
    changed = {name for name in now if now[name] != before.get(name)}
    moved = {name for name in after if after[name] != before.get(name)} | (before.keys() - after.keys())
    if changed & moved or before.keys() - now.keys():
        return None
    equations = [
        Equation(e.target, now[t] if (t := tensor_of(e.target)) in changed else e.value) for e in found.equations
    ]
    return replace(found, parameters=cell.parameters, equations=tuple(equations))
