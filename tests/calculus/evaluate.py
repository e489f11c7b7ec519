"""Programs and cells evaluated by brute force: Python loops over every index, straight from what a Node means.

Independent of everything that lowers or emits: it knows SymPy's expressions. In a cell, an access outside its tensor
reads zero; in a node, the guards must have kept every access inside. All numbers are complex, so that a derivative can
be taken by a complex step, which does not cancel; a function with a kink decides by the real part.
"""

import cmath
import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product

import numpy as np
from sympy import Add, Expr, Idx, Integer, Mul, Number, NumberSymbol, Pow, Sum, Symbol, lambdify

from grusym.calculus.program import Node, Program
from grusym.equations.axis import extent_of
from grusym.equations.cell import Cell
from grusym.equations.functions import NAMES
from grusym.equations.tensor import indices_of, is_access, tensor_of

Sizes = Mapping[str, int]
Arrays = dict[str, np.ndarray]
Where = dict[Idx, int]

FUNCTIONS: dict[str, Callable[..., complex]] = {
    "abs": lambda a: a if a.real > 0 else -a,
    "cos": cmath.cos,
    "erf": lambda a: complex(math.erf(a.real), a.imag * 2 / math.sqrt(math.pi) * math.exp(-(a.real**2))),  # tiny a.imag
    "exp": cmath.exp,
    "log": cmath.log,
    "max": lambda a, b: a if a.real > b.real else b,
    "min": lambda a, b: a if a.real < b.real else b,
    "relu": lambda a: a if a.real > 0 else 0j,
    "sigmoid": lambda a: 1 / (1 + cmath.exp(-a)),
    "sin": cmath.sin,
    "softplus": lambda a: cmath.log(1 + cmath.exp(a)),
    "sqrt": cmath.sqrt,
    "step": lambda a: 1 + 0j if a.real > 0 else 0j,
    "tanh": cmath.tanh,
}


@cache
def affine(expression: Expr) -> tuple[tuple[Expr, ...], Callable[..., int]]:
    """The indices and extents in an index expression, and a function of their values."""
    letters = tuple(sorted(expression.atoms(Idx), key=str))
    extents = tuple(sorted((s for s in expression.free_symbols if isinstance(s, Symbol)), key=str))
    arguments = (*letters, *extents)
    plain = [Symbol(f"a{number}") for number in range(len(arguments))]
    return arguments, lambdify(plain, expression.xreplace(dict(zip(arguments, plain, strict=True))), modules="math")


def whole(expression: Expr, sizes: Sizes, where: Where) -> int:
    """The value of an index expression or an extent."""
    if isinstance(expression, Idx):
        return where[expression]
    if isinstance(expression, Integer):
        return int(expression)
    arguments, function = affine(expression)
    value = function(*(where[a] if isinstance(a, Idx) else sizes[a.name] for a in arguments))
    assert value == int(value), f"{expression} is {value}"
    return int(value)


def places(indices: tuple[Idx, ...], sizes: Sizes) -> Iterator[Where]:
    """Every combination of values of these indices."""
    ranges = (range(whole(extent_of(index), sizes, {})) for index in indices)
    for values in product(*ranges):
        yield dict(zip(indices, values, strict=True))


def value_of(expression: Expr, arrays: Arrays, sizes: Sizes, where: Where, guarded: bool = False) -> complex:
    """The value of an expression where its indices have these values; `guarded`: no access may lie outside."""

    def of(part: Expr) -> complex:
        return value_of(part, arrays, sizes, where, guarded)

    if is_access(expression):
        array = arrays[tensor_of(expression)]
        position = tuple(whole(index, sizes, where) for index in indices_of(expression))
        inside = all(0 <= at < extent for at, extent in zip(position, array.shape, strict=True))
        assert inside or not guarded, f"{expression} reads {position} of {array.shape}"
        return complex(array[position]) if inside else 0j
    if isinstance(expression, Symbol):
        return complex(sizes[expression.name])
    if isinstance(expression, Idx):
        return complex(where[expression])
    if isinstance(expression, Number | NumberSymbol):
        return complex(float(expression))
    if isinstance(expression, Add):
        return sum(map(of, expression.args))
    if isinstance(expression, Mul):
        return math.prod(map(of, expression.args))
    if isinstance(expression, Pow):
        return of(expression.base) ** of(expression.exp).real
    if isinstance(expression, Sum):
        over = tuple(limit[0] for limit in expression.limits)
        return sum(value_of(expression.function, arrays, sizes, {**where, **here}) for here in places(over, sizes))
    return complex(FUNCTIONS[NAMES[type(expression)]](*map(of, expression.args)))


def shape_of(shape: tuple[Expr, ...], sizes: Sizes) -> tuple[int, ...]:
    return tuple(whole(extent, sizes, {}) for extent in shape)


def run_node(node: Node, arrays: Arrays, shape: tuple[int, ...], sizes: Sizes) -> np.ndarray:
    """The tensor that a node defines: zero, plus every term whose guards hold, at the place that its target says."""
    assert not {*node.free} & {*node.over}, f"{node}: an index is free and summed"
    assert node.value.atoms(Idx) | node.target.atoms(Idx) <= {*node.free, *node.over}, f"{node}: an index is unknown"
    result = np.zeros(shape, complex)
    for where in places((*node.free, *node.over), sizes):
        if all(0 <= whole(guard.index, sizes, where) < whole(guard.extent, sizes, where) for guard in node.guards):
            position = tuple(whole(index, sizes, where) for index in indices_of(node.target))
            assert all(at >= 0 for at in position), f"{node} writes at {position}"
            result[position] += value_of(node.value, arrays, sizes, where, guarded=True)
    return result


def run_nodes(program: Program, nodes: tuple[Node, ...], given: Arrays, sizes: Sizes) -> Arrays:
    """`given` and what these nodes define, each once and before it is read."""
    arrays = dict(given)
    for node in nodes:
        assert node.tensor not in arrays, f"{node.tensor} is defined twice"
        arrays[node.tensor] = run_node(node, arrays, shape_of(program.shapes[node.tensor], sizes), sizes)
    return arrays


def run_program(program: Program, given: Arrays, sizes: Sizes) -> Arrays:
    return run_nodes(program, program.nodes, given, sizes)


def run_cell(cell: Cell, given: Arrays, sizes: Sizes) -> Arrays:
    """Every tensor of a cell, straight from its equations."""
    arrays = dict(given)
    for equation in cell.equations:
        name = tensor_of(equation.target)
        arrays[name] = np.zeros(shape_of(cell.tensors[name].shape, sizes), complex)
        for where in places(indices_of(equation.target), sizes):
            position = tuple(where[index] for index in indices_of(equation.target))
            arrays[name][position] = value_of(equation.value, arrays, sizes, where)
    return arrays
