"""The IR's interpreter, in NumPy: what a kernel means, whatever its schedule.

Loops run in Python; an assignment runs over its whole domain at once. Arrays may hold floats of any NumPy type, or
mpmath numbers (dtype object) for reference values that are the same on every machine.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add, mul
from typing import Any

import numpy as np
from sympy import Add, Expr, Float, Idx, Integer, Mul, Number, NumberSymbol, Pow, Symbol

from grusym.conventions.packing import numbers
from grusym.equations.axis import extent_of, indices_in
from grusym.equations.functions import NAMES
from grusym.equations.tensor import indices_of, is_access, tensor_of
from grusym.lower.ir import Assign, Kernel, Kind, Loop, Statement
from grusym.lower.lowered import Lowered

Arrays = dict[str, Any]


def run(
    kernel: Kernel, sizes: Mapping[str, int], given: Mapping[str, Any], saving: bool = True, dtype: Any = np.float64
) -> Arrays:
    """Run a kernel on `given` arrays (inputs, parameters, and in backward what forward saved); returns all buffers.

    What is not given starts as NaN, so that an element that is read before it is written shows.
    """
    buffers: Arrays = {}
    for buffer in kernel.buffers:
        shape = numbers(buffer.shape, sizes)
        if buffer.name in given and buffer.kind in (Kind.INPUT, Kind.PARAMETER, Kind.SAVED):
            array = np.array(given[buffer.name], dtype=dtype)
            if array.shape != shape:
                raise ValueError(f"{buffer.name} has shape {array.shape}, not {shape}")
            if dtype is object:  # a product of two floats would be rounded to a float
                array = np.asarray(np.frompyfunc(_mpf, 1, 1)(array), dtype=dtype)
        else:
            array = np.full(shape, np.nan, dtype=dtype)
        buffers[buffer.name] = array
    names = dict(buffers)
    for place in kernel.placements:
        names[place.tensor] = place.view(buffers[place.buffer], sizes)
    _Interpreter(dict(sizes), names, saving, dtype).body(kernel.body, {})
    return buffers


def run_both(lowered: Lowered, sizes: Mapping[str, int], given: Mapping[str, Any], dtype: Any = np.float64) -> Arrays:
    """Outputs and gradients by name: forward, then backward on what forward saves."""
    forward, backward = lowered.forward, lowered.backward
    ahead = run(forward, sizes, given, dtype=dtype)
    saved = {buffer.name: ahead[buffer.name] for buffer in forward.of_kind(Kind.SAVED)}
    back = run(backward, sizes, {**given, **saved}, dtype=dtype)
    outputs = {buffer.name: ahead[buffer.name] for buffer in forward.of_kind(Kind.OUTPUT)}
    return outputs | {buffer.name: back[buffer.name] for buffer in backward.of_kind(Kind.OUTPUT, Kind.GRADIENT)}


class _Interpreter:
    def __init__(self, sizes: dict[str, int], arrays: Arrays, saving: bool, dtype: Any):
        self.sizes = sizes
        self.arrays = arrays
        self.saving = saving
        self.dtype = dtype
        self.functions = _mpmath_functions() if dtype is object else _numpy_functions()

    def body(self, statements: tuple[Statement, ...], at: dict[Expr, Any]) -> None:
        for statement in statements:
            if isinstance(statement, Assign):
                self.assign(statement, at)
            elif isinstance(statement, Loop):
                steps = range(self.number(extent_of(statement.index)))
                for step in reversed(steps) if statement.descending else steps:
                    self.body(statement.body, {**at, statement.index: step})
            elif self.saving:
                self.body(statement.body, at)

    def number(self, expression: Expr) -> int:
        return numbers((expression,), self.sizes)[0]

    def assign(self, assign: Assign, at: dict[Expr, Any]) -> None:
        domain = (*assign.free, *assign.over)
        extents = tuple(self.number(extent_of(index)) for index in domain)
        grid = dict(at)
        for axis, (index, extent) in enumerate(zip(domain, extents, strict=True)):
            grid[index] = np.arange(extent).reshape([-1 if n == axis else 1 for n in range(len(domain))])
        value = np.broadcast_to(np.asarray(self.value(assign.value, grid), dtype=self.dtype), extents)
        for guard in assign.guards:
            index, extent = self.index(guard.index, grid), self.number(guard.extent)
            value = np.where(np.broadcast_to((index >= 0) & (index < extent), extents), value, self.zero())
        if assign.over:
            value = value.sum(axis=tuple(range(len(assign.free), len(domain))), initial=self.zero())
        only_free = {**at, **{i: grid[i].reshape(grid[i].shape[: len(assign.free)]) for i in assign.free}}
        array = self.arrays[tensor_of(assign.target)]
        where = tuple(self.index(index, only_free) for index in indices_of(assign.target))
        if assign.guards:  # a scatter that leaves its target adds nothing, and must not wrap around
            where = tuple(np.clip(i, 0, n - 1) for i, n in zip(where, array.shape, strict=True))
        where = np.broadcast_arrays(*where) if where else ()
        shape = where[0].shape if len(where) else ()
        value = np.broadcast_to(value, shape) if len(where) else value
        if assign.accumulate:
            np.add.at(array, tuple(where), value)
        else:
            array[tuple(where)] = value

    def zero(self) -> Any:
        return np.asarray(0, dtype=self.dtype)[()] if self.dtype is not object else _mpf(0)

    def index(self, expression: Expr, at: Mapping[Expr, Any]) -> Any:
        """An index expression as integers over the grid."""
        if isinstance(expression, Idx):
            return np.asarray(at[expression])
        indices, expression = indices_in(expression), expression.expand()
        total: Any = np.asarray(self.number(expression.xreplace(dict.fromkeys(indices, Integer(0)))))
        for index in indices:
            total = total + self.number(expression.coeff(index)) * at[index]
        return total

    def value(self, expression: Expr, at: Mapping[Expr, Any]) -> Any:
        """A scalar expression over the grid; an index out of bounds is clipped, since its guard discards the value."""
        if is_access(expression):
            array = self.arrays[tensor_of(expression)]
            where = (self.index(index, at) for index in indices_of(expression))
            return array[tuple(np.clip(i, 0, n - 1) for i, n in zip(where, array.shape, strict=True))]
        if isinstance(expression, Number | NumberSymbol):
            return self.constant(expression)
        if isinstance(expression, Symbol):
            return self.constant(Integer(self.sizes[expression.name]))
        if isinstance(expression, Idx):
            return self.whole(at[expression])
        arguments = [self.value(argument, at) for argument in expression.args]
        if isinstance(expression, Add):
            return reduce(add, arguments)
        if isinstance(expression, Mul):
            return reduce(mul, arguments)
        if isinstance(expression, Pow):
            exponent = expression.exp
            return arguments[0] ** (int(exponent) if exponent.is_Integer else arguments[1])
        if type(expression) in NAMES:
            return self.functions[NAMES[type(expression)]](*arguments)
        raise TypeError(f"the interpreter cannot evaluate {type(expression).__name__}: {expression}")

    def whole(self, index: Any) -> Any:
        """The values of an index as numbers."""
        if self.dtype is object:
            return np.frompyfunc(_mpf, 1, 1)(index)
        return np.asarray(index, dtype=self.dtype)[()]

    def constant(self, number: Expr) -> Any:
        if self.dtype is object:
            return _mpf(number.p) / number.q if number.is_Rational else _mpf(str(Float(number, 60)))
        return np.asarray(float(number), dtype=self.dtype)[()]


def _mpf(value: Any) -> Any:
    import mpmath

    return mpmath.mpf(value)


def _numpy_functions() -> dict[str, Callable[..., Any]]:
    import math

    def sigmoid(x: Any) -> Any:
        e = np.exp(-np.abs(x))
        return np.where(np.asarray(x) >= 0, 1, e).astype(np.asarray(x).dtype) / (1 + e)

    erf = np.vectorize(math.erf, otypes=[np.float64])  # named, for an array without elements
    return {
        "abs": np.abs,
        "cos": np.cos,
        "erf": lambda x: erf(x).astype(np.asarray(x).dtype),
        "exp": np.exp,
        "log": np.log,
        "max": np.maximum,
        "min": np.minimum,
        "relu": lambda x: np.maximum(x, 0),
        "sigmoid": sigmoid,
        "sin": np.sin,
        "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
        "sqrt": np.sqrt,
        "step": lambda x: (np.asarray(x) > 0).astype(np.asarray(x).dtype),
        "tanh": np.tanh,
    }


def _mpmath_functions() -> dict[str, Callable[..., Any]]:
    import mpmath as mp

    one, zero = mp.mpf(1), mp.mpf(0)
    scalar = {
        "abs": abs,
        "cos": mp.cos,
        "erf": mp.erf,
        "exp": mp.exp,
        "log": mp.log,
        "relu": lambda x: max(x, zero),
        "sigmoid": lambda x: one / (one + mp.exp(-x)),
        "sin": mp.sin,
        "softplus": lambda x: mp.log(one + mp.exp(x)),
        "sqrt": mp.sqrt,
        "step": lambda x: one if x > 0 else zero,
        "tanh": mp.tanh,
    }
    functions: dict[str, Callable[..., Any]] = {name: np.frompyfunc(f, 1, 1) for name, f in scalar.items()}
    return functions | {"max": np.frompyfunc(max, 2, 1), "min": np.frompyfunc(min, 2, 1)}
