"""Plain float64 arithmetic, for a first look at many programs: no bounds, no exactness."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Float:
    """An array of numbers."""

    value: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    def spread(self, shape: tuple[int, ...]) -> "Float":
        """The same for an array of this shape."""
        return Float(np.broadcast_to(np.asarray(self.value, dtype=np.float64), shape))

    def summed(self, axes: tuple[int, ...]) -> "Float":
        """The sum over axes of the array."""
        return Float(np.sum(self.value, axis=axes))


ZERO = Float(0.0)


def exactly(array: Any) -> Float:
    """Numbers as they are."""
    return Float(np.asarray(array, dtype=np.float64))


class Floats:
    """What chaining Jacobians takes; steps and Jacobians themselves come from `grusym.oracle.quick`."""

    def error(self, number: Float) -> Any:
        """Nothing is known of it."""
        return np.zeros_like(number.value)

    def add(self, terms: Sequence[Float]) -> Float:
        there = [term.value for term in terms if term is not ZERO]
        return Float(sum(there[1:], there[0])) if there else ZERO

    def multiply(self, factors: Sequence[Float]) -> Float:
        if any(factor is ZERO for factor in factors):
            return ZERO
        product = factors[0].value
        for factor in factors[1:]:
            product = product * factor.value
        return Float(product)
