"""A layer run by its equations alone: what every generated kernel must return.

Each access reads zero outside its tensor, each sum runs over all its indices, time is a loop: nothing is derived,
scheduled or shared with what it judges. The numbers may be complex, which is what the complex step needs.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add, mul
from typing import Any

import numpy as np
from sympy import Expr, Idx, Rational

from grusym.equations.axis import BATCH, TIME
from grusym.equations.cell import Cell
from grusym.equations.evaluate import Grid, evaluate, gather, position, spread
from grusym.equations.layer import Layer
from grusym.equations.names import final_name, initial_name
from grusym.equations.tensor import indices_of, tensor_of
from grusym.oracle.functions import FUNCTIONS

Arrays = dict[str, Any]


def layer_values(cell: Cell, sizes: Mapping[str, int], arrays: Mapping[str, Any], lanes: int = 1) -> Arrays:
    """Every output by name: series (T, lanes*B, ...) and final states (lanes*B, ...).

    Several problems of the same sizes run beside each other, one in each lane: inputs (T, lanes*B, ...) and initial
    states (lanes*B, ...) hold all samples of the first lane first; parameters, by their names in the equations, are
    (lanes, ...).
    """
    layer = Layer(cell)
    batch = Idx(layer.batch.name, lanes * sizes[BATCH.name])
    grid = spread({symbol: sizes[symbol.name] for symbol in layer.sizes}, batch)
    parameters = {tensor.name for tensor in cell.parameters}
    values: Arrays = {name: np.asarray(arrays[name]) for name in parameters}
    values |= {s.name: np.asarray(arrays[initial_name(s.name)]) for s in cell.states}
    series: dict[str, list[Any]] = {s.name: [] for s in layer.series}

    def read(element: Expr, at: Grid) -> Any:
        name = tensor_of(element)
        lead = at[batch] // sizes[BATCH.name] if name in parameters else at[batch]
        positions = [lead, *(position(index, at) for index in indices_of(element))]
        where, inside = gather(positions, values[name].shape)
        return np.where(inside, values[name][where], 0)

    for step in range(sizes[TIME.name]):
        values |= {tensor.name: np.asarray(arrays[tensor.name])[step] for tensor in cell.inputs}
        for equation in cell.equations:
            own = indices_of(equation.target)
            here = spread({symbol: grid[symbol] for symbol in layer.sizes}, batch, *own)
            value = evaluate(equation.value, here, read, NumPy())
            shape = (len(here[batch]), *(np.size(here[index]) for index in own))
            values[tensor_of(equation.target)] = np.broadcast_to(value, shape)
        for output in layer.series:
            series[output.name].append(values[output.tensor.name])
        values |= {s.name: values[s.update.name] for s in cell.states}
    results: Arrays = {name: np.stack(steps) for name, steps in series.items()}
    return results | {final_name(s.name): values[s.name] for s in cell.states}


def arguments(cell: Cell) -> list[str]:
    """What a gradient is taken with respect to: inputs, parameters and initial states, by name."""
    return [t.name for t in (*cell.inputs, *cell.parameters)] + [initial_name(s.name) for s in cell.states]


class NumPy:
    """Real or complex arrays."""

    def number(self, expression: Expr) -> Any:
        return float(expression)

    def whole(self, index: Any) -> Any:
        return np.asarray(index, np.float64)

    def add(self, terms: Sequence[Any]) -> Any:
        return reduce(add, terms)

    def multiply(self, factors: Sequence[Any]) -> Any:
        return reduce(mul, factors)

    def power(self, base: Any, exponent: Expr) -> Any:
        if exponent.is_Integer:
            # Not NumPy's power: of a complex number it goes by the logarithm, and a tiny imaginary part is lost.
            product = self.multiply([base] * abs(int(exponent))) if exponent else np.ones_like(base)
            return product if exponent >= 0 else 1 / product
        return np.sqrt(base) if exponent == Rational(1, 2) else np.exp(float(exponent) * np.log(base))

    def total(self, value: Any, shape: tuple[int, ...], added: int) -> Any:
        return np.broadcast_to(value, shape).sum(axis=tuple(range(added)))

    def apply(self, function: str, arguments: Sequence[Any]) -> Any:
        return FUNCTIONS[function].values(*arguments)
