"""How far a correct kernel may be off: rounding errors, followed through the kernels as they come from the equations.

This is where the tolerance of float32 comes from. It is a bound on what rounding can do at these very sizes and
values, not a guess: it grows with the number of terms of a sum, with time, and where a problem is ill-conditioned. The
rules are those of `grusym.oracle.bounds`. They hold for any order of the terms, also of a sum that several statements
add up, so that a schedule may fuse them; products, and what is contracted, are as the IR has them. The oracle walks the
equations instead: but gradients by reverse mode round otherwise than slopes of forward mode, and Jacobians by all
parameters take minutes where cells are convolutional.
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
from grusym.oracle.bounds import PARTS, Bounds, Estimate, exactly
from grusym.oracle.profile import profile_named
from grusym.verify.problem import Problem


def error_bounds(lowered: Lowered, problem: Problem, dtype: str) -> dict[str, Any]:
    """For every output and gradient by name, the largest error of each element that rounding in `dtype` explains."""
    rules = Bounds(profile_named(None, dtype), distributed=False)
    given = {name: exactly(array) for name, array in problem.arrays.items()}
    with np.errstate(all="ignore"):  # a bound may be infinite: then rounding explains anything
        ahead = _run(lowered.forward, problem.sizes, given, rules)
        saved = {buffer.name: ahead[buffer.name] for buffer in lowered.forward.of_kind(Kind.SAVED)}
        back = _run(lowered.backward, problem.sizes, given | saved, rules)
    wanted = [(ahead, buffer.name) for buffer in lowered.forward.of_kind(Kind.OUTPUT)]
    wanted += [(back, buffer.name) for buffer in lowered.backward.of_kind(Kind.OUTPUT, Kind.GRADIENT)]
    return {name: rules.error(results[name]) for results, name in wanted}


def _run(kernel: Kernel, sizes: Mapping[str, int], given: Mapping[str, Estimate], rules: Bounds) -> dict[str, Estimate]:
    buffers = {}
    for buffer in kernel.buffers:
        if buffer.name in given and buffer.kind in (Kind.INPUT, Kind.PARAMETER, Kind.SAVED):
            buffers[buffer.name] = given[buffer.name]
        else:
            shape = numbers(buffer.shape, sizes)
            buffers[buffer.name] = Estimate(*(np.zeros(shape) for _ in PARTS))
    names = dict(buffers)
    for place in kernel.placements:
        whole = buffers[place.buffer]
        names[place.tensor] = Estimate(*(place.view(getattr(whole, part), sizes) for part in PARTS))
    _Walk(names, rules).body(kernel.body, {symbol: sizes[symbol.name] for symbol in kernel.sizes})
    return buffers


class _Walk:
    def __init__(self, tensors: dict[str, Estimate], rules: Bounds):
        self.tensors = tensors
        self.rules = rules

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

    def terms(self, element: Expr, grid: Grid) -> Estimate:
        tensor = self.tensors[tensor_of(element)]
        return tensor.take(*gather([position(index, grid) for index in indices_of(element)], tensor.shape))

    def number(self, element: Expr, grid: Grid) -> Estimate:
        return self.rules.settled(self.terms(element, grid))

    def assign(self, assign: Assign, grid: Grid) -> None:
        outer = spread(grid, *assign.free)
        inner = spread(outer, *assign.over)
        shape = shape_of(inner)
        holds: Any = True
        for guard in assign.guards:
            index = position(guard.index, inner)
            holds = holds & (np.asarray(index) >= 0) & (np.asarray(index) < position(guard.extent, inner))
        # What is contracted was computed before; a term of a plain sum, a schedule may fuse with those beside it.
        read = self.number if assign.over else self.terms
        terms = evaluate(assign.value, inner, read, self.rules).spread(shape).take((...,), holds)
        self.store(assign, outer, terms.summed(tuple(range(len(assign.over)))))

    def store(self, assign: Assign, grid: Grid, value: Estimate) -> None:
        tensor = self.tensors[tensor_of(assign.target)]
        where, inside = gather([position(index, grid) for index in indices_of(assign.target)], tensor.shape)
        where = tuple(np.broadcast_arrays(*where)) if where else ()
        kept = value.spread(where[0].shape if where else ()).take((...,), inside)
        for name in PARTS:
            array, part = getattr(tensor, name), getattr(kept, name)
            if assign.accumulate:
                np.add.at(array, where, part)
            else:
                array[where] = part
