"""Gradients from Jacobians: cotangents of one step's results pulled back to its arguments, and steps chained over time.

The Jacobians come from forward mode (grusym.oracle.step); here they are only transposed and multiplied.
"""

from collections.abc import Mapping
from typing import Any

from grusym.equations.cell import Cell
from grusym.equations.evaluate import Arithmetic
from grusym.oracle.step import Values, arguments_of, results_of


def pulled_back(
    cell: Cell, slopes: Mapping[tuple[str, str], Any], cotangents: Values, arithmetic: Arithmetic, zero: Any
) -> Values:
    """The cotangent of every argument of a step, by its name.

    `slopes` is what `jacobian` returns, `cotangents` holds one for each result, (N, ...). With L elements of the
    argument, those of inputs and states are (L, N), those of parameters are summed over the samples and (L,).
    """
    parameters = {tensor.name for tensor in cell.parameters}
    found: Values = {}
    for argument in arguments_of(cell):
        parts = []
        for result in results_of(cell):
            slope = slopes.get((result.name, argument.name))
            if slope is None or cotangents[result.name] is zero:
                continue
            product = arithmetic.multiply([cotangents[result.name].spread(slope.shape), slope])
            first = 1 if argument.name in parameters else 2
            parts.append(product.spread(slope.shape).summed(tuple(range(first, len(slope.shape)))))
        found[argument.name] = arithmetic.add(parts) if parts else zero
    return found
