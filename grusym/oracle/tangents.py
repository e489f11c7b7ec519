"""The tangents' equations as somebody derives them: with other derivatives of functions, and other terms."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sympy import Expr, Symbol

from grusym.calculus.forward import tangent
from grusym.equations.cell import Cell, Equation
from grusym.equations.names import tangent_name
from grusym.equations.tensor import access, indices_of, tensor_of
from grusym.oracle.program import Derivative, Tangents
from grusym.oracle.step import tangents_of

Equations = tuple[Equation, ...]


@lru_cache(maxsize=4096)
def tangents_made(cell: Cell, derivatives: tuple[Derivative, ...] = (), edits: tuple[Tangents, ...] = ()) -> Equations:
    """The equations of the tangents: derived with these derivatives of functions, then edited."""
    if edits:
        before = tangents_made(cell, derivatives, edits[:-1])
        return edits[-1](cell, before) or before
    return derived(cell, derivatives) if derivatives else tangents_of(cell)


def derived(cell: Cell, derivatives: tuple[Derivative, ...]) -> Equations:
    """The equations of forward mode with other derivatives of some functions."""
    wrong, known = dict(derivatives), dict[Expr, Expr]()
    found = []
    for equation in cell.equations:
        # What the equation defines stands for its right side, as in forward mode: another edit finds no copy of it.
        value = _along(equation.value, wrong, {**known, equation.value: equation.target})
        known.setdefault(equation.value, equation.target)
        found.append(Equation(access(tangent_name(tensor_of(equation.target)), indices_of(equation.target)), value))
    names = {tensor_of(e.target) for e in found}
    return (*found, *(e for e in tangents_of(cell) if tensor_of(e.target) not in names))


def _along(expression: Expr, wrong: Mapping[Any, Any], known: dict[Expr, Expr]) -> Expr:
    """The derivative along the tangents; `known` maps expressions to the tensors that hold them."""
    functions = sorted(expression.atoms(*wrong), key=str)
    stand_ins = {function: Symbol(f"stand_in{n}") for n, function in enumerate(functions)}
    value = tangent(expression.xreplace(stand_ins), known)
    for function, symbol in stand_ins.items():
        moving = Symbol(tangent_name(symbol.name))
        if value.has(moving):
            (argument,) = function.args
            slope = wrong[type(function)](known.get(function, function), argument)
            value = value.xreplace({moving: slope * _along(argument, wrong, known)})
        value = value.xreplace({symbol: function})
    return value
