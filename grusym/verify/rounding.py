"""Rounding errors, bounded: arithmetic on values that carry a bound on their error (Higham, Accuracy and Stability of
Numerical Algorithms, 2002, chapters 2 and 3).

A value v with bound e stands for any computed number within e of v. Sums are bounded for any order of their terms. A
function is bounded by what it does at the ends of the interval, plus what its implementation may be off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sympy import Expr, Rational

from grusym.verify.functions import ANALYTIC

# How far implementations are off, in unit roundoffs u. NumPy states at most 4 units in the last place (8 u) for its
# vectorised exp, log and tanh, glibc less for its own; the others are compositions of them and a few operations.
LIBRARY = 8.0
COMPOSED = {"sigmoid": LIBRARY + 2, "softplus": 2 * LIBRARY + 1, "abs": 0, "max": 0, "min": 0, "relu": 0, "step": 0}
COMPOSED |= {"sqrt": 1}
LIPSCHITZ = ("cos", "sin", "abs", "max", "min")  # with constant 1; all others grow all the way


@dataclass(frozen=True)
class Bounded:
    """Arrays of one shape, or numbers: a value, and how far a computed one may be off."""

    value: Any
    error: Any

    @property
    def size(self) -> Any:
        """The largest magnitude that a computed value may have."""
        return np.abs(self.value) + self.error


@dataclass(frozen=True)
class Rounding:
    """Arithmetic of floating-point numbers with unit roundoff `unit` and smallest positive number `tiny`."""

    unit: float
    tiny: float

    @staticmethod
    def of(dtype: str) -> "Rounding":
        """The arithmetic of a NumPy dtype: half its epsilon, and the distance between its subnormal numbers."""
        info = np.finfo(dtype)
        return Rounding(float(info.eps) / 2, float(info.smallest_subnormal))

    def gamma(self, operations: int) -> float:
        """n u / (1 - n u): what n roundings in a row may come to."""
        return operations * self.unit / (1 - operations * self.unit)

    def number(self, expression: Expr) -> Bounded:
        value = float(expression)
        return Bounded(value, 0.0 if expression.is_Integer else self.unit * abs(value))

    def whole(self, index: Any) -> Bounded:
        """Exact up to 1/u, as every whole number is there; rounded beyond."""
        value = np.asarray(index, np.float64)
        return Bounded(value, np.where(np.abs(value) * self.unit > 1, self.unit * np.abs(value), 0.0))

    def add(self, terms: Sequence[Bounded]) -> Bounded:
        value = sum(term.value for term in terms)
        sizes = sum(term.size for term in terms)
        return Bounded(value, sum(term.error for term in terms) + self.gamma(len(terms) - 1) * sizes)

    def multiply(self, factors: Sequence[Bounded]) -> Bounded:
        value, size = factors[0].value, factors[0].size
        for factor in factors[1:]:
            value, size = value * factor.value, size * factor.size
        roundings = len(factors) - 1
        return Bounded(value, self._grown(size, roundings) - np.abs(value) + roundings * self.tiny)

    def power(self, base: Bounded, exponent: Expr) -> Bounded:
        if not exponent.is_Integer:
            function = "sqrt" if exponent == Rational(1, 2) else f"power {exponent}"
            return self._monotone(lambda x: x ** float(exponent), base, 1 if function == "sqrt" else LIBRARY)
        count = abs(int(exponent))
        product = self.multiply([base] * count) if count else Bounded(np.ones_like(base.value), 0.0)
        return product if exponent >= 0 else self._inverse(product)

    def total(self, value: Bounded, shape: tuple[int, ...], added: int) -> Bounded:
        axes, count = tuple(range(added)), int(np.prod(shape[:added]))
        values, errors = (np.broadcast_to(array, shape) for array in (value.value, value.error))
        sizes = (np.abs(values) + errors).sum(axis=axes)
        return Bounded(values.sum(axis=axes), errors.sum(axis=axes) + self.gamma(max(0, count - 1)) * sizes)

    def apply(self, function: str, arguments: Sequence[Bounded]) -> Bounded:
        compute, own = ANALYTIC[function], COMPOSED.get(function, LIBRARY)
        if function == "step":
            (argument,) = arguments
            jumps = compute(argument.value - argument.error) != compute(argument.value + argument.error)
            return Bounded(compute(argument.value), np.where(jumps, 1.0, 0.0))
        if function in LIPSCHITZ:
            value = compute(*(argument.value for argument in arguments))
            reach = np.max(np.broadcast_arrays(*(argument.error for argument in arguments)), axis=0)
            return Bounded(value, reach + self._own(own, np.abs(value) + reach))
        return self._monotone(compute, arguments[0], own)

    def _monotone(self, compute: Any, argument: Bounded, own: float) -> Bounded:
        """A function that grows or falls throughout is extreme at the ends of an interval."""
        value = compute(argument.value)
        ends = [np.abs(compute(argument.value + side * argument.error) - value) for side in (-1, 1)]
        reach = np.nan_to_num(np.maximum(*ends), nan=np.inf, posinf=np.inf)  # nan: an end is outside the domain
        return Bounded(value, reach + self._own(own, np.abs(value) + reach))

    def _inverse(self, divisor: Bounded) -> Bounded:
        nearest = np.abs(divisor.value) - divisor.error
        reach = np.where(nearest > 0, divisor.error / (np.abs(divisor.value) * nearest), np.inf)
        value = 1 / divisor.value
        return Bounded(value, reach + self.unit * (np.abs(value) + reach) + self.tiny)

    def _own(self, roundings: float, size: Any) -> Any:
        """What the implementation of a function may add; a choice, such as relu, adds nothing."""
        return roundings * self.unit * size + self.tiny if roundings else 0.0

    def _grown(self, size: Any, roundings: int) -> Any:
        return size * (1 + self.gamma(roundings))
