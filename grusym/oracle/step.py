"""One step of a cell for many samples at once, and its Jacobian in forward mode, in any arithmetic.

Straight from the cell's equations: nothing here is derived in reverse, lowered or emitted.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from sympy import Expr, Idx

from grusym.calculus.forward import tangent_cell
from grusym.conventions.packing import numbers
from grusym.equations.cell import Cell, Equation
from grusym.equations.evaluate import Arithmetic, Grid, evaluate, gather, position, spread
from grusym.equations.layer import Layer
from grusym.equations.names import tangent_name
from grusym.equations.tensor import Tensor, accesses, indices_of, tensor_of

Values = dict[str, Any]


def results_of(cell: Cell) -> list[Tensor]:
    """What a step gives: the updates of the states, and the outputs."""
    return [*(state.update for state in cell.states), *cell.outputs]


def arguments_of(cell: Cell) -> list[Tensor]:
    """What a step takes: inputs, states, parameters."""
    return [*cell.inputs, *(state.tensor for state in cell.states), *cell.parameters]


def step(cell: Cell, sizes: Mapping[str, int], given: Values, arithmetic: Arithmetic, zero: Any) -> Values:
    """The values of every tensor of the cell: those `given` and those that the equations define.

    Inputs and states have the samples as first axis, parameters have none.
    """
    walk = _Walk(cell, sizes, arithmetic, zero)
    walk.values |= given
    for equation in cell.equations:
        walk.define(equation.target, equation.value)
    return walk.values


def jacobian(
    cell: Cell,
    sizes: Mapping[str, int],
    values: Values,
    arithmetic: Arithmetic,
    zero: Any,
    exactly: Any,
    arguments: Iterable[Tensor] | None = None,
    tangents: tuple[Equation, ...] | None = None,
) -> dict[tuple[str, str], Any]:
    """The derivative of every result by every argument (or by these), by their names, at `values` of `step`.

    One of shape (L, N, ...): L runs over the elements of the argument, N over the samples, then come the result's axes.
    A result that does not depend on an argument has no entry. `tangents` stand for the equations of forward mode.
    """
    tangents = tangents_of(cell) if tangents is None else tangents
    found = {}
    for argument in arguments_of(cell) if arguments is None else arguments:
        walk = _Walk(cell, sizes, arithmetic, zero)
        walk.values |= values
        shape = numbers(argument.shape, sizes)
        count = prod(shape)
        walk.lanes = count
        seed = np.eye(count).reshape(count, *shape)
        if argument not in cell.parameters:
            seed = np.broadcast_to(seed[:, None], (count, walk.samples, *shape))
        walk.values[tangent_name(argument.name)] = exactly(seed)
        for equation in tangents:
            if any(tensor_of(element) in walk.moving for element in accesses(equation.value)):
                walk.define(equation.target, equation.value)
        for result in results_of(cell):
            slope = walk.values.get(tangent_name(result.name), zero)
            if slope is not zero:
                found[result.name, argument.name] = slope
    return found


@lru_cache(maxsize=64)
def tangents_of(cell: Cell) -> tuple[Equation, ...]:
    """The equations of forward mode, those of the tangents alone."""
    return tuple(e for e in tangent_cell(cell).equations if tensor_of(e.target) not in cell.tensors)


@lru_cache(maxsize=64)
def _batch_letter(cell: Cell) -> str:
    """A letter for the samples that the cell leaves free."""
    return Layer(cell).batch.name


class _Walk:
    """The values so far; tangents have an axis for the lanes before that of the samples."""

    def __init__(self, cell: Cell, sizes: Mapping[str, int], arithmetic: Arithmetic, zero: Any):
        self.cell, self.arithmetic, self.zero = cell, arithmetic, zero
        self.grid: Grid = {symbol: sizes[symbol.name] for symbol in Layer(cell).sizes}
        self.parameters = {tensor.name for tensor in cell.parameters}
        self.tangents = {tangent_name(name): name for name in cell.tensors}
        self.values: Values = {}
        self.samples = sizes["B"]
        self.sample = Idx(_batch_letter(cell), self.samples)
        self.lane = Idx("lane", 1)
        self.lanes = 0

    @property
    def moving(self) -> set[str]:
        """The tangents that are not zero."""
        return self.tangents.keys() & self.values.keys()

    def define(self, target: Expr, value: Expr) -> None:
        own = indices_of(target)
        tangent = tensor_of(target) in self.tangents
        lead = (Idx("lane", self.lanes), self.sample) if tangent else (self.sample,)
        self.lane = lead[0]
        grid = spread(self.grid, *lead, *own)
        result = evaluate(value, grid, self.read, self.arithmetic)
        shape = tuple(position(index.upper + 1, grid) for index in (*lead, *own))
        if result is not self.zero:
            self.values[tensor_of(target)] = result.spread(shape)

    def read(self, element: Expr, at: Grid) -> Any:
        name = tensor_of(element)
        value = self.values.get(name, self.zero)
        if value is self.zero:
            return value
        origin = self.tangents.get(name)
        lead = [at[self.lane]] if origin else []
        if (origin or name) not in self.parameters:
            lead.append(at[self.sample])
        positions = [*lead, *(position(index, at) for index in indices_of(element))]
        order = whole(positions, value.shape)
        if order is not None:
            return value.turned(*order)
        where, inside = gather(positions, value.shape)
        return value.take(where, inside)


def whole(positions: list[Any], shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """How an array is turned to be read at these positions, if each runs over one of its axes, whole and by itself.

    The order of its axes and the shape that they then have, 1 for axes of the grid that are not read; None elsewhere.

    >>> whole([np.arange(3), np.arange(2).reshape(2, 1)], (3, 2))
    ((1, 0), (2, 3))
    """
    depths = [np.ndim(index) for index in positions]
    if len(set(depths)) < len(depths) or not all(depths):
        return None
    for index, extent in zip(positions, shape, strict=True):
        if index.shape[0] != index.size or index.size != extent or index.flat[0] != 0 or index.flat[-1] != extent - 1:
            return None
    order = sorted(range(len(shape)), key=lambda axis: -depths[axis])
    turned = [1] * max(depths, default=0)
    for axis in order:
        turned[-depths[axis]] = shape[axis]
    return tuple(order), tuple(turned)
