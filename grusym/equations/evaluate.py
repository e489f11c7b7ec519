"""The value of an equation's right side, by walking the expression as it stands.

Written apart from lowering and its interpreter, so that it can judge them. What numbers are is left to an arithmetic:
real or complex arrays, or values with a bound on their rounding error.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from sympy import Add, Expr, Idx, Integer, Mul, Number, NumberSymbol, Pow, Sum, floor

from grusym.equations.axis import extent_of
from grusym.equations.functions import NAMES
from grusym.equations.tensor import is_access

Grid = dict[Expr, Any]  # sizes and indices as numbers; an index over an axis is an array along an array axis of its own
Read = Callable[[Expr, Grid], Any]


class Arithmetic(Protocol):
    """How numbers are added, multiplied and put into functions."""

    def number(self, expression: Expr) -> Any: ...

    def whole(self, index: Any) -> Any:
        """The values of an index, as whole numbers, where it stands as a number."""

    def add(self, terms: Sequence[Any]) -> Any: ...

    def multiply(self, factors: Sequence[Any]) -> Any: ...

    def power(self, base: Any, exponent: Expr) -> Any: ...

    def total(self, value: Any, shape: tuple[int, ...], added: int) -> Any:
        """The sum of a value of this shape over its first axes, `added` of them."""

    def apply(self, function: str, arguments: Sequence[Any]) -> Any: ...


def evaluate(expression: Expr, grid: Grid, read: Read, arithmetic: Arithmetic) -> Any:
    """The value of an expression at every point of the grid; `read` gives the value of an access."""
    if is_access(expression):
        return read(expression, grid)
    if isinstance(expression, Number | NumberSymbol):
        return arithmetic.number(expression)
    if isinstance(expression, Idx):
        return arithmetic.whole(grid[expression])
    if expression in grid:  # a size
        return arithmetic.number(Integer(grid[expression]))
    if isinstance(expression, Sum):
        inside = spread(grid, *(limit[0] for limit in expression.limits))
        value = evaluate(expression.function, inside, read, arithmetic)
        return arithmetic.total(value, shape_of(inside), len(expression.limits))
    if isinstance(expression, Pow):
        return arithmetic.power(evaluate(expression.base, grid, read, arithmetic), expression.exp)
    arguments = [evaluate(argument, grid, read, arithmetic) for argument in expression.args]
    if isinstance(expression, Add):
        return arithmetic.add(arguments)
    if isinstance(expression, Mul):
        return arithmetic.multiply(arguments)
    if type(expression) in NAMES:
        return arithmetic.apply(NAMES[type(expression)], arguments)
    raise TypeError(f"{type(expression).__name__} cannot be evaluated: {expression}")


def spread(grid: Grid, *indices: Idx) -> Grid:
    """The grid with these indices as new leading axes, the first outermost."""
    wider = dict(grid)
    depth = len(shape_of(grid))
    for index in reversed(indices):
        wider[index] = np.arange(position(extent_of(index), grid)).reshape(-1, *[1] * depth)
        depth += 1
    return wider


def shape_of(grid: Grid) -> tuple[int, ...]:
    """The shape of a value that depends on every index of the grid."""
    return np.broadcast_shapes(*(np.shape(value) for value in grid.values()))


def position(expression: Expr, grid: Mapping[Expr, Any]) -> Any:
    """An index expression or an extent as whole numbers."""
    if expression in grid:
        return grid[expression]
    if isinstance(expression, Integer):
        return int(expression)
    if isinstance(expression, Add | Mul):
        first, *others = (position(argument, grid) for argument in expression.args)
        for other in others:
            first = first + other if isinstance(expression, Add) else first * other
        return first
    if isinstance(expression, floor):
        above, below = expression.args[0].as_numer_denom()
        return position(above, grid) // position(below, grid)
    if isinstance(expression, Pow):
        return position(expression.base, grid) ** int(expression.exp)
    raise TypeError(f"{expression} is not an index or a size that has a value here")


def gather(positions: Sequence[Any], shape: tuple[int, ...]) -> tuple[tuple[Any, ...], Any]:
    """Where to read an array of this shape, kept inside it, and whether each position lies inside."""
    inside: Any = True
    kept = []
    for index, extent in zip(positions, shape, strict=True):
        nearest = np.minimum(np.maximum(index, 0), extent - 1)
        kept.append(nearest)
        inside = inside & (nearest == index)
    return tuple(kept), inside
