"""Gate C, how far a correct implementation is expected to be off: the walk of grusym.oracle.bounds, with chance in it.

A bound adds the largest errors of n roundings, as if all were largest and of one sign. Errors of at most c_1, ..., c_n
that are independent and have mean zero stay, together, within L r with a probability of at least 1 - 2 exp(-L^2 / 2),
where r^2 = c_1^2 + ... + c_n^2 (Hoeffding's inequality; Higham and Mary 2019, "A new approach to probabilistic rounding
error analysis": for a sum, L sqrt(n) u sum|term| in place of n u sum|term|). This walk finds r.

That allows for errors at the ends of their ranges. Those of a rounding to nearest are spread over it, with a standard
deviation of c / sqrt(3) or less, and partial sums are smaller than sum|term|: LIKELY = 2 is 3.5 standard deviations
where all comes from a few operations, which cannot err much further, and 6 or more in sums. A larger L would say
nothing of short sums, as L sqrt(n) u is more than n u for n < L^2. A function counts as off by two units in the last
place, which mathematical libraries state of theirs (CUDA's tanhf and expf; glibc less), and as good ones are off by
(ONNX Runtime's tanh and sigmoid by 2.3); the bound allows more.

What is expected decides no verdict. Nothing is expected of profiles whose roundings are not to the nearest, since those
have a mean, nor of numbers so small that underflow has a say.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sympy import Expr

from grusym.oracle.bounds import Bounds, Estimate
from grusym.oracle.functions import FUNCTIONS

LIKELY = 2.0
ULPS = 2.0
CLEAR = 2.0**10  # r is this many of the smallest numbers, or errors are none of rounding


class Expected(Bounds):
    """The arithmetic of a profile, where `carried` is the sum of the squares of the errors that terms bring along."""

    def likely(self, sum_: Estimate) -> Any:
        """How far an implementation is expected to be off at most; infinite where nothing is expected."""
        spread = self.error(sum_)
        return np.where(spread > CLEAR * self.profile.tiny, LIKELY * spread, np.inf)

    def error(self, sum_: Estimate) -> Any:
        """r of the sum."""
        roundings = np.maximum(sum_.count - 1, 0.0)
        with np.errstate(all="ignore"):
            square = sum_.carried + roundings * (self.profile.unit * sum_.size) ** 2
            total = np.sqrt(square) + np.minimum(sum_.count * self.profile.tiny, sum_.size)
        return np.where(sum_.count > 0, np.nan_to_num(total, nan=np.inf, posinf=np.inf), 0.0)

    def settled(self, sum_: Estimate, stored: bool = False) -> Estimate:
        with np.errstate(all="ignore"):
            square = self.error(sum_) ** 2
            if stored and self.profile.storage:
                square = square + (self.profile.storage * np.asarray(sum_.value)) ** 2
        return _number(sum_.value, square, sum_.count)

    def number(self, expression: Expr) -> Estimate:
        found = super().number(expression)
        return Estimate(found.value, found.carried**2, found.size)

    def whole(self, numbers: Any) -> Estimate:
        found = super().whole(numbers)
        return Estimate(found.value, found.carried**2, found.size, found.count)

    def product(self, sign: float, factors: Sequence[Estimate]) -> Estimate:
        first, *rest = factors
        unit = self.profile.unit + 2 * self.profile.operands
        value, size, there = first.value, first.size, np.asarray(first.count) > 0
        with np.errstate(all="ignore"):
            square = self.error(first) ** 2
            for factor in rest:
                own = self.error(factor) ** 2
                square = np.square(value) * own + np.square(factor.value) * square + square * own
                value, size, there = value * factor.value, size * factor.size, there & (np.asarray(factor.count) > 0)
                square = square + (unit * size + self.profile.tiny * np.maximum(factor.size, 1.0)) ** 2
        return _number(sign * value, square, there)

    def apply(self, function: str, arguments: Sequence[Estimate]) -> Estimate:
        known, given = FUNCTIONS[function], [self.settled(argument, stored=True) for argument in arguments]
        with np.errstate(all="ignore"):
            value = known.values(*(np.asarray(argument.value) for argument in given))
            square = np.zeros_like(value)
            for argument in given:
                error = np.sqrt(argument.carried)
                low, high = (np.asarray(argument.value + LIKELY * end) for end in (-error, error))
                moved = np.where(error > 0, known.steepest(low, high) * error, 0.0)
                if function == "step":
                    moved = np.where((low <= 0) & (high > 0), 1.0, 0.0)
                square = np.maximum(square, moved**2)
            if not known.chooses:
                square = square + (2 * ULPS * self.profile.unit * known.scale(value) + self.profile.tiny) ** 2
        return self.settled(_number(value, square, 1.0), stored=True)

    def inverse(self, divisor: Estimate) -> Estimate:
        error = self.error(divisor)
        nearest = np.abs(divisor.value) - LIKELY * error
        with np.errstate(all="ignore"):
            value = 1 / np.asarray(divisor.value)
            reach = np.where(nearest > 0, error * np.abs(value) / nearest, np.inf)
            square = reach**2 + (self.profile.unit * np.abs(value) + self.profile.tiny) ** 2
        return _number(value, square, 1.0)


def _number(value: Any, square: Any, count: Any) -> Estimate:
    """A number and the square of its error; none where nothing is counted."""
    there = np.where(np.asarray(count) > 0, 1.0, 0.0)
    square = np.where(there > 0, np.nan_to_num(square, nan=np.inf, posinf=np.inf), 0.0)
    return Estimate(value, square, np.abs(value) + np.sqrt(square), there)
