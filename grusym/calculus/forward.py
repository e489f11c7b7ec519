"""Forward mode: tangents of equations, by structural recursion over their expressions.

Written apart from reverse mode and sharing only the derivative rules with it, so that <g, JVP v> = <VJP g, v> tests
both. It works on the equations as they stand, before any normal form.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import singledispatch

from sympy import Add, Expr, Function, Idx, Indexed, Integer, Mul, Pow, Sum, Symbol

from grusym.calculus.rules import partials
from grusym.equations.cell import Cell, Equation, State
from grusym.equations.names import tangent_name
from grusym.equations.tensor import Role, Tensor, access, indices_of, is_access, tensor_of
from grusym.errors import DerivativeError

ZERO = Integer(0)
Known = Mapping[Expr, Expr]


def tangent_cell(cell: Cell) -> Cell:
    """The cell that carries a tangent along: v_X for every tensor X, by the chain rule in forward mode.

    Its states are those of `cell` and their tangents, its parameters likewise; its outputs are the tangents of the
    outputs over time (v_y of the first state, where the cell names none). A JVP is thus a cell like any other. Raises
    DerivativeError for a function without a rule.
    """
    known: dict[Expr, Expr] = {}  # by the equations so far
    equations = []
    for primal in cell.equations:
        if primal.value.atoms(Idx).issuperset(indices_of(primal.target)):  # not one value spread along an axis
            known.setdefault(primal.value, primal.target)
        equations += [primal, Equation(_tangent_of(primal.target), tangent(primal.value, known))]
    outputs = tuple(_renamed(tensor) for tensor in cell.outputs)
    if not outputs:
        update = cell.states[0].update
        outputs = (replace(_renamed(update), name=tangent_name("y"), role=Role.OUTPUT),)
        equations.append(Equation(outputs[0].element, _renamed(update).element))
    return Cell(
        name=f"{cell.name}_jvp",
        axes=cell.axes,
        inputs=(*cell.inputs, *map(_renamed, cell.inputs)),
        states=(*cell.states, *(State(_renamed(s.tensor), _renamed(s.update)) for s in cell.states)),
        parameters=(*cell.parameters, *map(_renamed, cell.parameters)),
        intermediates=(*cell.intermediates, *cell.outputs, *map(_renamed, cell.intermediates)),
        outputs=outputs,
        equations=tuple(equations),
        text=cell.text,
        options=cell.options,
    )


def _renamed(tensor: Tensor) -> Tensor:
    return replace(tensor, name=tangent_name(tensor.name))


def _tangent_of(element: Expr) -> Expr:
    return access(tangent_name(tensor_of(element)), indices_of(element))


@singledispatch
def tangent(expression: Expr, known: Known) -> Expr:
    """The derivative of an expression along the tangents; `known` maps an expression to the tensor that holds it."""
    if expression.is_number:
        return ZERO
    raise DerivativeError(f"{type(expression).__name__} has no rule in forward mode: {expression}")


@tangent.register
def _(expression: Indexed, known: Known) -> Expr:
    return _tangent_of(expression)


@tangent.register
def _(expression: Idx, known: Known) -> Expr:
    return ZERO


@tangent.register
def _(expression: Symbol, known: Known) -> Expr:
    return _tangent_of(expression) if is_access(expression) else ZERO


@tangent.register
def _(expression: Add, known: Known) -> Expr:
    return Add(*(tangent(term, known) for term in expression.args))


@tangent.register
def _(expression: Mul, known: Known) -> Expr:
    factors = expression.args
    return Add(*(Mul(*factors[:n], tangent(factor, known), *factors[n + 1 :]) for n, factor in enumerate(factors)))


@tangent.register
def _(expression: Pow, known: Known) -> Expr:
    base, exponent = expression.args
    return exponent * base ** (exponent - 1) * tangent(base, known)


@tangent.register
def _(expression: Sum, known: Known) -> Expr:
    inside = tangent(expression.function, known)
    return ZERO if inside == 0 else Sum(inside, *expression.limits)


@tangent.register
def _(expression: Function, known: Known) -> Expr:
    slopes = partials(expression, known.get(expression, expression))
    return Add(*(slope * tangent(a, known) for slope, a in zip(slopes, expression.args, strict=True)))
