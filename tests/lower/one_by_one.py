"""A kernel run element by element: what the IR means, written down a second time and as naively as can be.

Numbers are of any type, so that a type that counts can be put through it.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
from sympy import Expr, Float, Idx, Integer, Symbol, lambdify, pi

from grusym.equations.tensor import accesses, indices_of, tensor_of
from grusym.lower.ir import Assign, Kernel, Loop

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log(1 + math.exp(x)),
    "relu": lambda x: max(x, 0.0),
    "step": lambda x: float(x > 0),
    "absolute": abs,
    "maximum": max,
    "minimum": min,
    **{name: getattr(math, name) for name in ("cos", "erf", "exp", "log", "sin", "sqrt", "tanh")},
}


class OneByOne:
    """Arrays of one kernel, and how often each was read and written."""

    def __init__(
        self, kernel: Kernel, sizes: Mapping[str, int], arrays: Mapping[str, Any], functions=FUNCTIONS, number=int
    ):
        self.sizes = sizes
        self.of_index = number  # what an index is where it stands as a number
        self.extents = {size: Integer(sizes[size.name]) for size in kernel.sizes}
        self.arrays = dict(arrays)
        self.functions = functions
        self.places = {place.tensor: place for place in kernel.placements}
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.compiled: dict[Expr, tuple[tuple[Expr, ...], Callable[..., Any]]] = {}

    def body(self, statements, at: dict[Idx, int], saving: bool = True) -> None:
        for statement in statements:
            if isinstance(statement, Assign):
                self.assign(statement, at)
            elif isinstance(statement, Loop):
                values = sorted(range(self.extent(statement.index)), reverse=statement.descending)
                for value in values:
                    self.body(statement.body, {**at, statement.index: value}, saving)
            elif saving:
                self.body(statement.body, at, saving)

    def assign(self, assign: Assign, at: dict[Idx, int]) -> None:
        results = []
        for here in self.points(assign.free, at):
            inside = (point for point in self.points(assign.over, here) if self.holds(assign, point))
            results.append((here, [self.value(assign.value, point) for point in inside]))
        for here, terms in results:  # only now: a value is of what was there before the statement
            self.store(assign, here, terms)

    def store(self, assign: Assign, here: dict[Idx, int], terms: list[Any]) -> None:
        if assign.accumulate and not terms:
            return  # what falls outside adds nothing
        name, where = self.element(assign.target, here)
        self.writes[name] += 1
        if assign.value == 0:
            terms = []
        if assign.accumulate:
            self.reads[name] += 1
            self.arrays[name][where] = sum(terms, start=self.arrays[name][where])
        elif assign.over or not terms:
            self.arrays[name][where] = sum(terms, start=0.0)
        else:
            [self.arrays[name][where]] = terms

    def value(self, expression: Expr, at: dict[Idx, int]) -> Any:
        if expression not in self.compiled:
            self.compiled[expression] = self.function(expression)
        read, function = self.compiled[expression]
        values = [self.of_index(at[r]) if isinstance(r, Idx) else self.load(r, at) for r in read]
        return function(*values, *self.sizes.values())

    def function(self, expression: Expr) -> tuple[tuple[Expr, ...], Callable[..., Any]]:
        """The elements and indices that an expression reads, and a Python function of these and the sizes."""
        elements = accesses(expression)
        standing = sorted(expression.xreplace({e: Symbol("a") for e in elements}).atoms(Idx), key=str)
        names = {read: Symbol(f"a{number}") for number, read in enumerate((*elements, *standing))}
        sizes = [Symbol(name, integer=True, positive=True) for name in self.sizes]
        flat = expression.xreplace({**names, pi: Float(math.pi)})
        return tuple(names), lambdify([*names.values(), *sizes], flat, modules=[self.functions, "math"])

    def load(self, element: Expr, at: dict[Idx, int]) -> Any:
        name, where = self.element(element, at)
        self.reads[name] += 1
        return self.arrays[name][where]

    def element(self, element: Expr, at: dict[Idx, int]) -> tuple[str, tuple[int, ...]]:
        name = tensor_of(element)
        where = tuple(self.number(index, at) for index in indices_of(element))
        if name in self.places:
            place = self.places[name]
            where = tuple(self.number(start, at) + i for start, i in zip(place.starts, where, strict=True))
            name = place.buffer
        assert all(0 <= i < n for i, n in zip(where, self.arrays[name].shape, strict=True)), (element, at)
        return name, where

    def holds(self, assign: Assign, at: dict[Idx, int]) -> bool:
        return all(0 <= self.number(g.index, at) < self.number(g.extent, at) for g in assign.guards)

    def points(self, indices: tuple[Idx, ...], at: dict[Idx, int]) -> Iterator[dict[Idx, int]]:
        for values in product(*(range(self.extent(index)) for index in indices)):
            yield {**at, **dict(zip(indices, values, strict=True))}

    def extent(self, index: Idx) -> int:
        return self.number(index.upper, {}) - self.number(index.lower, {}) + 1

    def number(self, expression: Expr, at: dict[Idx, int]) -> int:
        return int(expression.xreplace({index: Integer(value) for index, value in at.items()}).xreplace(self.extents))


def run_one_by_one(kernel: Kernel, sizes: Mapping[str, int], given: Mapping[str, np.ndarray], saving: bool = True):
    """All buffers, in Python's floats."""
    empty = {b.name: np.full(shape_of(b.shape, sizes), np.nan) for b in kernel.buffers}
    arrays = {name: np.array(given[name]) if name in given else array for name, array in empty.items()}
    machine = OneByOne(kernel, sizes, arrays)
    machine.body(kernel.body, {}, saving)
    return machine.arrays


def shape_of(shape: tuple[Expr, ...], sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(int(extent.subs({s: sizes[s.name] for s in extent.free_symbols})) for extent in shape)
