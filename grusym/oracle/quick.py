"""Steps and Jacobians in plain float64, fast: the equations are walked once per cell, for any number of samples.

Only for a first look at many programs; what is reported comes from bounds.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from sympy import Add, Expr, Idx, Mul, NumberSymbol, Pow, Sum
from sympy import Number as SympyNumber

from grusym.conventions.packing import numbers
from grusym.equations.axis import extent_of
from grusym.equations.cell import Cell, Equation
from grusym.equations.evaluate import gather, position
from grusym.equations.functions import NAMES
from grusym.equations.layer import Layer
from grusym.equations.names import tangent_name
from grusym.equations.tensor import Tensor, indices_of, is_access, tensor_of
from grusym.oracle.functions import FUNCTIONS
from grusym.oracle.step import results_of, tangents_of

Values = dict[str, Any]
Sizes = tuple[tuple[str, int], ...]
Compute = Callable[[Values], Any]


def quick_step(cell: Cell, sizes: Mapping[str, int], given: Values) -> Values:
    """The values of every tensor: inputs and states have the samples as first axis, parameters have none."""
    values = dict(given)
    for name, compute in _steps(cell, _key(cell, sizes)):
        values[name] = compute(values)
    return values


def quick_jacobian(
    cell: Cell, sizes: Mapping[str, int], values: Values, tangents: tuple[Equation, ...] | None, only: Iterable[Tensor]
) -> dict[tuple[str, str], Any]:
    """The derivative of every result by these arguments, (L, N, ...), as `grusym.oracle.step.jacobian` has it."""
    compiled = _slopes(cell, tangents_of(cell) if tangents is None else tangents, _key(cell, sizes))
    found = {}
    parameters = {tensor.name for tensor in cell.parameters}
    samples = sizes["B"]
    for argument in only:
        shape = numbers(argument.shape, sizes)
        count = prod(shape)
        seed = np.eye(count).reshape(count, *shape)
        if argument.name not in parameters:
            seed = np.broadcast_to(seed[:, None], (count, samples, *shape))
        now = values | {tangent_name(argument.name): seed}
        for name, compute in compiled:
            now[name] = compute(now)
        for result in results_of(cell):
            slope = now[tangent_name(result.name)]
            if np.ndim(slope):
                found[result.name, argument.name] = np.broadcast_to(
                    slope, (count, samples, *numbers(result.shape, sizes))
                )
    return found


def _key(cell: Cell, sizes: Mapping[str, int]) -> Sizes:
    return tuple((axis.name, sizes[axis.name]) for axis in cell.axes)


@lru_cache(maxsize=512)
def _steps(cell: Cell, sizes: Sizes) -> list[tuple[str, Compute]]:
    walk = _Walk(cell, sizes, lanes=False)
    return [(tensor_of(e.target), walk.equation(e)) for e in cell.equations]


@lru_cache(maxsize=512)
def _slopes(cell: Cell, tangents: tuple[Equation, ...], sizes: Sizes) -> list[tuple[str, Compute]]:
    walk = _Walk(cell, sizes, lanes=True)
    return [(tensor_of(e.target), walk.equation(e)) for e in tangents]


class _Walk:
    """Expressions to functions of the values; results have lanes, samples, own indices, then indices summed over."""

    def __init__(self, cell: Cell, sizes: Sizes, lanes: bool):
        self.sizes = {symbol: number for symbol in Layer(cell).sizes for name, number in sizes if name == symbol.name}
        self.lanes = lanes
        self.parameters = {tensor.name for tensor in cell.parameters}
        self.tangents = {tangent_name(name): name for name in cell.tensors} if lanes else {}

    def equation(self, equation: Equation) -> Compute:
        own = indices_of(equation.target)
        compute = self.expression(equation.value, own)
        shape = tuple(position(extent_of(index), self.sizes) for index in own)
        if self.lanes:
            return compute

        def spread(values: Values) -> Any:
            result = np.asarray(compute(values))
            lead = result.shape[0] if result.ndim > len(shape) else 1
            return np.broadcast_to(result, (lead, *shape))

        return spread

    def expression(self, expression: Expr, indices: tuple[Idx, ...]) -> Compute:
        """A function of the values, for an expression at these indices, one array axis each."""
        if is_access(expression):
            return self.access(expression, indices)
        if isinstance(expression, SympyNumber | NumberSymbol):
            number = float(expression)
            return lambda values: number
        if expression in self.sizes:
            size = float(self.sizes[expression])
            return lambda values: size
        if isinstance(expression, Sum):
            bound = tuple(limit[0] for limit in expression.limits)
            inner = self.expression(expression.function, (*indices, *bound))
            axes, count = tuple(range(-len(bound), 0)), prod(position(extent_of(i), self.sizes) for i in bound)
            depth = len(indices) + len(bound)

            def total(values: Values) -> Any:
                value = inner(values)
                if np.ndim(value) < depth:  # the same for every index
                    return value * count
                missing = prod(
                    position(extent_of(i), self.sizes) for n, i in enumerate(bound) if value.shape[axes[n]] == 1
                )
                repeats = missing if any(value.shape[a] == 1 for a in axes) else 1
                return value.sum(axis=axes) * repeats

            return total
        if isinstance(expression, Pow):
            base, exponent = self.expression(expression.base, indices), float(expression.exp)
            return lambda values: np.asarray(base(values), dtype=np.float64) ** exponent
        parts = [self.expression(argument, indices) for argument in expression.args]
        if isinstance(expression, Add):
            return lambda values: sum((part(values) for part in parts[1:]), parts[0](values))
        if isinstance(expression, Mul):

            def product(values: Values) -> Any:
                result = 1.0
                for part in parts:
                    result = result * part(values)
                return result

            return product
        function = FUNCTIONS[NAMES[type(expression)]].values
        return lambda values: function(*(np.asarray(part(values), dtype=np.float64) for part in parts))

    def access(self, element: Expr, indices: tuple[Idx, ...]) -> Compute:
        name = tensor_of(element)
        depth = len(indices)
        grid = dict(self.sizes)
        for place, index in enumerate(indices):
            shape = [1] * depth
            shape[place] = -1
            grid[index] = np.arange(position(extent_of(index), self.sizes)).reshape(shape)
        positions = [position(index, grid) for index in indices_of(element)]
        sampled = self.tangents.get(name, name) not in self.parameters
        lead = int(name in self.tangents) + int(sampled)
        # Axes of lanes and samples that a tensor lacks: samples of a parameter's tangent, lanes of a primal value.
        extra: tuple[Any, ...] = (slice(None) if sampled else None,)
        if self.lanes:
            extra = (slice(None) if name in self.tangents else None, *extra)

        def read(values: Values) -> Any:
            value = values.get(name)
            if value is None:
                return 0.0
            value = np.asarray(value)
            if value.ndim == 0:
                return value
            if not positions:
                return value[extra].reshape(*value[extra].shape, *[1] * depth)
            own = value.shape[lead:]
            where, inside = gather(positions, own)
            kept = value[(slice(None),) * lead + where]
            kept = kept if np.all(inside) else np.where(inside, kept, 0.0)
            return kept[(*extra, ...)]

        return read
