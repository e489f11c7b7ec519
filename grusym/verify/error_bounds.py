"""How far a correct kernel may be off: rounding errors, followed through the kernels as they come from the equations.

This is where the tolerance of float32 comes from. It is a bound on what rounding can do at these very sizes and
values, not a guess: it grows with the number of terms of a sum, with time, and where a problem is ill-conditioned.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sympy import Expr

from grusym.conventions.packing import numbers
from grusym.equations.axis import extent_of
from grusym.equations.evaluate import Grid, evaluate, gather, position, shape_of, spread
from grusym.equations.tensor import indices_of, tensor_of
from grusym.lower.ir import Assign, Kernel, Kind, Loop, Statement
from grusym.lower.lowered import Lowered
from grusym.verify.problem import Problem
from grusym.verify.rounding import Bounded, Rounding


def error_bounds(lowered: Lowered, problem: Problem, dtype: str) -> dict[str, Any]:
    """For every output and gradient by name, the largest error of each element that rounding in `dtype` explains."""
    rounding = Rounding.of(dtype)
    given = {name: Bounded(array, np.zeros_like(array)) for name, array in problem.arrays.items()}
    with np.errstate(all="ignore"):  # a bound may be infinite: then rounding explains anything
        ahead = _run(lowered.forward, problem.sizes, given, rounding)
        saved = {buffer.name: ahead[buffer.name] for buffer in lowered.forward.of_kind(Kind.SAVED)}
        back = _run(lowered.backward, problem.sizes, given | saved, rounding)
    wanted = [(ahead, buffer.name) for buffer in lowered.forward.of_kind(Kind.OUTPUT)]
    wanted += [(back, buffer.name) for buffer in lowered.backward.of_kind(Kind.OUTPUT, Kind.GRADIENT)]
    return {name: results[name].error for results, name in wanted}


def _run(
    kernel: Kernel, sizes: Mapping[str, int], given: Mapping[str, Bounded], rounding: Rounding
) -> dict[str, Bounded]:
    buffers = {}
    for buffer in kernel.buffers:
        shape = numbers(buffer.shape, sizes)
        if buffer.name in given and buffer.kind in (Kind.INPUT, Kind.PARAMETER, Kind.SAVED):
            buffers[buffer.name] = given[buffer.name]
        else:
            buffers[buffer.name] = Bounded(np.zeros(shape), np.zeros(shape))
    names = dict(buffers)
    for place in kernel.placements:
        whole = buffers[place.buffer]
        names[place.tensor] = Bounded(place.view(whole.value, sizes), place.view(whole.error, sizes))
    _Walk(names, rounding).body(kernel.body, {symbol: sizes[symbol.name] for symbol in kernel.sizes})
    return buffers


class _Walk:
    def __init__(self, arrays: dict[str, Bounded], rounding: Rounding):
        self.arrays = arrays
        self.rounding = rounding

    def body(self, statements: tuple[Statement, ...], grid: Grid) -> None:
        for statement in statements:
            if isinstance(statement, Assign):
                self.assign(statement, grid)
            elif isinstance(statement, Loop):
                steps = range(position(extent_of(statement.index), grid))
                for step in reversed(steps) if statement.descending else steps:
                    self.body(statement.body, {**grid, statement.index: step})
            else:
                self.body(statement.body, grid)

    def read(self, element: Expr, grid: Grid) -> Bounded:
        array = self.arrays[tensor_of(element)]
        where, _ = gather([position(index, grid) for index in indices_of(element)], array.value.shape)
        return Bounded(array.value[where], array.error[where])

    def assign(self, assign: Assign, grid: Grid) -> None:
        outer = spread(grid, *assign.free)
        inner = spread(outer, *assign.over)
        shape = shape_of(inner)
        result = evaluate(assign.value, inner, self.read, self.rounding)
        holds: Any = True
        for guard in assign.guards:
            index = position(guard.index, inner)
            holds = holds & (np.asarray(index) >= 0) & (np.asarray(index) < position(guard.extent, inner))
        value, error = (np.where(holds, np.broadcast_to(part, shape), 0.0) for part in (result.value, result.error))
        if assign.over:
            result = self.rounding.total(Bounded(value, error), shape, len(assign.over))
            value, error = result.value, result.error
        self.store(assign, outer, value, np.nan_to_num(error, nan=np.inf, posinf=np.inf))

    def store(self, assign: Assign, grid: Grid, value: Any, error: Any) -> None:
        array = self.arrays[tensor_of(assign.target)]
        positions = [position(index, grid) for index in indices_of(assign.target)]
        where, inside = gather(positions, array.value.shape)
        where = tuple(np.broadcast_arrays(*where)) if where else ()
        shape = where[0].shape if where else ()
        value, error = (np.where(inside, np.broadcast_to(part, shape), 0.0) for part in (value, error))
        if not assign.accumulate:
            array.value[where], array.error[where] = value, error
            return
        # asarray: without axes NumPy makes a number of the sum, and np.add.at wants an array.
        sizes, count = np.asarray(np.abs(array.value) + array.error), np.zeros(array.value.shape)
        for target, part in ((array.value, value), (array.error, error), (sizes, np.abs(value) + error), (count, 1.0)):
            np.add.at(target, where, part)
        unit = self.rounding.unit
        array.error[...] += np.where(count > 0, count * unit / (1 - count * unit) * sizes, 0.0)
