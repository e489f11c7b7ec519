"""Steps and Jacobians in plain float64, fast: an equation is walked once, for any number of samples and any values.

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
from grusym.equations.evaluate import Grid, gather, position
from grusym.equations.functions import NAMES
from grusym.equations.layer import Layer
from grusym.equations.names import tangent_name
from grusym.equations.tensor import Tensor, accesses, indices_of, is_access, tensor_of
from grusym.oracle.functions import FUNCTIONS
from grusym.oracle.step import results_of, tangents_of, whole

Values = dict[str, Any]
Sizes = tuple[tuple[Expr, int], ...]
Names = frozenset[str]
Compute = Callable[[Values], Any]
ABSENT = 0.0  # what is read of a tensor that has no value: a tangent that is zero


def quick_step(cell: Cell, sizes: Mapping[str, int], given: Values, apart: bool = False) -> Values:
    """The values of every tensor: inputs and states have the samples as first axis, parameters only if `apart`."""
    values = dict(given)
    shared = frozenset() if apart else _parameters(cell)
    extents = _extents(cell, sizes)
    for equation in cell.equations:
        compute, shape = _compiled(equation, extents, shared)
        values[tensor_of(equation.target)] = _spread(compute(values), 1, shape)
    return values


def quick_jacobian(
    cell: Cell, sizes: Mapping[str, int], values: Values, tangents: tuple[Equation, ...] | None, only: Iterable[Tensor]
) -> dict[tuple[str, str], Any]:
    """The derivative of every result by these arguments, (L, N, ...), as `grusym.oracle.step.jacobian` has it."""
    shared, extents = _parameters(cell), _extents(cell, sizes)
    moving = tuple((tangent_name(name), name in shared) for name in cell.tensors)
    compiled = [
        (tensor_of(e.target), *_compiled(e, extents, shared, moving))
        for e in (tangents_of(cell) if tangents is None else tangents)
    ]
    found = {}
    samples = sizes["B"]
    for argument in only:
        shape = numbers(argument.shape, sizes)
        count = prod(shape)
        seed = np.eye(count).reshape(count, *shape)
        if argument.name not in shared:
            seed = np.broadcast_to(seed[:, None], (count, samples, *shape))
        now = values | {tangent_name(argument.name): seed}
        for name, compute, own in compiled:
            value = compute(now)
            now[name] = value if np.ndim(value) == 0 else _spread(value, 2, own)
        for result in results_of(cell):
            slope = now[tangent_name(result.name)]
            if np.ndim(slope):
                found[result.name, argument.name] = np.broadcast_to(
                    slope, (count, samples, *numbers(result.shape, sizes))
                )
    return found


def _parameters(cell: Cell) -> Names:
    return frozenset(tensor.name for tensor in cell.parameters)


def _extents(cell: Cell, sizes: Mapping[str, int]) -> Sizes:
    return tuple((symbol, sizes[symbol.name]) for symbol in Layer(cell).sizes[2:])


@lru_cache(maxsize=4096)
def _compiled(
    equation: Equation, sizes: Sizes, shared: Names, moving: tuple[tuple[str, bool], ...] = ()
) -> tuple[Compute, tuple[int, ...]]:
    """The right side as a function of the values, and the shape of what it defines."""
    walk, own = _Walk(sizes, shared, dict(moving)), indices_of(equation.target)
    return walk.expression(equation.value, own), tuple(position(extent_of(index), walk.sizes) for index in own)


def _spread(value: Any, lead: int, shape: tuple[int, ...]) -> Any:
    """The value with these as its axes after the leading ones, in full: another equation may read it elsewhere."""
    array = np.asarray(value)
    front = array.shape[:lead] if array.ndim == lead + len(shape) else (1,) * lead
    return array if array.shape == (*front, *shape) else np.broadcast_to(array, (*front, *shape))


class _Walk:
    """Expressions to functions of the values; results have lanes, samples, own indices, then indices summed over.

    `shared` tensors have no axis of samples; `tangents` have one of lanes, and say whether they lack that of samples.
    """

    def __init__(self, sizes: Sizes, shared: Names, tangents: Mapping[str, bool]):
        self.sizes, self.shared, self.tangents = dict(sizes), shared, tangents

    def expression(self, expression: Expr, indices: tuple[Idx, ...]) -> Compute:
        """A function of the values, for an expression at these indices, one array axis each."""
        if is_access(expression):
            return self.access(expression, indices)
        if isinstance(expression, SympyNumber | NumberSymbol):
            number = float(expression)
            return lambda values: number
        if isinstance(expression, Idx):
            whole_numbers = _deep(self.grid(indices)[expression], len(indices)).astype(np.float64)
            return lambda values: whole_numbers
        if expression in self.sizes:
            size = float(self.sizes[expression])
            return lambda values: size
        if isinstance(expression, Sum):
            return self.total(expression, indices)
        if isinstance(expression, Pow):
            base, exponent = self.expression(expression.base, indices), float(expression.exp)
            return lambda values: np.asarray(base(values), dtype=np.float64) ** exponent
        if isinstance(expression, Mul):
            return self.product(expression, indices)
        parts = [self.expression(argument, indices) for argument in expression.args]
        if isinstance(expression, Add):
            return lambda values: sum((part(values) for part in parts[1:]), parts[0](values))
        function = FUNCTIONS[NAMES[type(expression)]].values
        return lambda values: function(*(np.asarray(part(values), dtype=np.float64) for part in parts))

    def product(self, expression: Expr, indices: tuple[Idx, ...]) -> Compute:
        """Tangents come first: where they are absent, nothing else is computed."""
        moving = [any(tensor_of(a) in self.tangents for a in accesses(factor)) for factor in expression.args]
        factors = [factor for _, factor in sorted(zip(moving, expression.args, strict=True), key=lambda p: not p[0])]
        parts = [self.expression(factor, indices) for factor in factors]

        def compute(values: Values) -> Any:
            result: Any = 1.0
            for part in parts:
                result = result * part(values)
                if type(result) is float and result == ABSENT:
                    return ABSENT
            return result

        return compute

    def total(self, expression: Sum, indices: tuple[Idx, ...]) -> Compute:
        bound = tuple(limit[0] for limit in expression.limits)
        inner = self.expression(expression.function, (*indices, *bound))
        extents = [position(extent_of(index), self.sizes) for index in bound]
        axes, count = tuple(range(-len(bound), 0)), prod(extents)
        depth = len(indices) + len(bound)

        def compute(values: Values) -> Any:
            value = inner(values)
            if np.ndim(value) < depth:  # the same for every index
                return value * count
            repeats = prod(extent for axis, extent in zip(axes, extents, strict=True) if value.shape[axis] == 1)
            return value.sum(axis=axes) * repeats if repeats != 1 else value.sum(axis=axes)

        return compute

    def grid(self, indices: tuple[Idx, ...]) -> Grid:
        """The sizes, and the values of indices along an array axis each."""
        found: Grid = dict(self.sizes)
        for after, index in enumerate(reversed(indices)):
            found[index] = np.arange(position(extent_of(index), self.sizes)).reshape(-1, *[1] * after)
        return found

    def access(self, element: Expr, indices: tuple[Idx, ...]) -> Compute:
        name, depth = tensor_of(element), len(indices)
        grid = self.grid(indices)
        positions = [position(index, grid) for index in indices_of(element)]
        moving = name in self.tangents
        sampled = not self.tangents[name] if moving else name not in self.shared
        lead = int(moving) + int(sampled)
        # Axes of lanes and samples that a tensor lacks: samples of a parameter's tangent, lanes of a primal value.
        extra: tuple[Any, ...] = (slice(None) if sampled else None,)
        if self.tangents:
            extra = (slice(None) if moving else None, *extra)
        reads: dict[tuple[int, ...], Callable[[Any], Any]] = {}

        def read(values: Values) -> Any:
            value = values.get(name, ABSENT)
            if np.ndim(value) == 0:
                return value
            if not positions:
                return value[extra].reshape(*value[extra].shape, *[1] * depth)
            own = value.shape[lead:]
            if own not in reads:
                reads[own] = _reading(positions, own, lead, depth)
            return reads[own](value)[(*extra, ...)]

        return read


def _reading(positions: list[Any], shape: tuple[int, ...], lead: int, depth: int) -> Callable[[Any], Any]:
    """How an array with these axes after the leading ones is read: turned, if each is read whole, else gathered."""
    order = whole(positions, shape)
    if order is not None:
        axes = (*range(lead), *(lead + axis for axis in order[0]))
        turned = (*[1] * (depth - len(order[1])), *order[1])
        return lambda value: value.transpose(axes).reshape(*value.shape[:lead], *turned)
    where, inside = gather([_deep(index, depth) for index in positions], shape)
    at = (*[slice(None)] * lead, *where)
    if np.all(inside):
        return lambda value: value[at]
    return lambda value: np.where(inside, value[at], 0.0)


def _deep(array: Any, depth: int) -> Any:
    """The array with axes of one element before its own, so many in all."""
    return np.reshape(array, (*[1] * (depth - np.ndim(array)), *np.shape(array)))
