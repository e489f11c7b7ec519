"""How far a correct implementation may be off, derived: the equations walked with values that carry a bound.

Rules, with u the unit roundoff of the profile and eta its smallest number:
- n numbers are summed, in any order, with an error of at most (n - 1) u sum|term| (Jeannerod and Rump 2013). A sum
  inside a sum counts as part of it, since an implementation may add a bias first or last. A zero is no term: what is
  added to it is not rounded. Each term may be a subnormal number that is flushed to zero, and lost: n eta;
- a product is off by |a| E_b + |b| E_a + E_a E_b, and rounded. Where a factor is a sum, its terms may be multiplied one
  by one: their magnitudes count, not that of the sum;
- a function is off by its largest slope over the interval of its argument, and by its own inaccuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sympy import Expr, Integer, Rational

from grusym.oracle.functions import FUNCTIONS
from grusym.oracle.profile import Profile

UP = 1 + 2.0**-40  # the bounds are themselves computed in float64: this is more than they lose


@dataclass(frozen=True)
class Estimate:
    """A sum of `count` terms: its value, the error that its terms bring along, and the sum of their magnitudes."""

    value: Any
    carried: Any
    size: Any
    count: Any = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    def take(self, where: tuple[Any, ...], inside: Any) -> "Estimate":
        """Elements of the arrays, zero outside."""
        parts = (self.value, self.carried, self.size, self.count)
        return Estimate(*(np.where(inside, np.asarray(part)[where], 0.0) for part in parts))

    def turned(self, order: tuple[int, ...], shape: tuple[int, ...]) -> "Estimate":
        """The arrays with their axes in another order, and then of this shape."""
        parts = (self.value, self.carried, self.size, self.count)
        return Estimate(*(np.transpose(part, order).reshape(shape) for part in parts))

    def spread(self, shape: tuple[int, ...]) -> "Estimate":
        """The same for arrays of this shape."""
        parts = (self.value, self.carried, self.size, self.count)
        return Estimate(*(np.broadcast_to(np.asarray(part, dtype=np.float64), shape) for part in parts))

    def summed(self, axes: tuple[int, ...]) -> "Estimate":
        """The sum over axes of the arrays."""
        return Estimate(*(np.sum(part, axis=axes) for part in (self.value, self.carried, self.size, self.count)))


def exactly(array: Any) -> Estimate:
    """Numbers that an implementation is given: they are what they are. A zero is no term of a sum."""
    value = np.asarray(array, dtype=np.float64)
    return Estimate(value, np.zeros_like(value), np.abs(value), np.where(value == 0, 0.0, 1.0))


ZERO = Estimate(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Bounds:
    """The arithmetic of a profile, for `grusym.equations.evaluate`.

    `distributed`: whether an implementation may multiply the terms of a sum one by one; not where the products that it
    computes are known.
    """

    profile: Profile
    distributed: bool = field(default=True, kw_only=True)

    def error(self, sum_: Estimate) -> Any:
        """How far an implementation may be off; infinite where nothing can be said."""
        roundings = np.maximum(sum_.count - 1, 0.0)
        with np.errstate(all="ignore"):
            lost = np.minimum(sum_.count * self.profile.tiny, sum_.size)  # what is not there cannot underflow
            own = roundings * self.profile.unit * sum_.size + lost
            total = (sum_.carried + own) * UP
        known = np.isfinite(total) & (roundings * self.profile.unit < 1)
        return np.where(sum_.count > 0, np.where(known, total, np.inf), 0.0)

    def settled(self, sum_: Estimate, stored: bool = False) -> Estimate:
        """The sum as one number; `stored` where an implementation may keep it in its coarser format."""
        error = self.error(sum_)
        if stored and self.profile.storage:
            error = error + self.profile.storage * (np.abs(sum_.value) + error)
        return Estimate(sum_.value, error, np.abs(sum_.value) + error, np.where(np.asarray(sum_.count) > 0, 1.0, 0.0))

    def number(self, expression: Expr) -> Estimate:
        value = float(expression)
        exact = isinstance(expression, Rational) and _is_power(int(expression.q))
        return Estimate(value, 0.0 if exact else self.profile.unit * abs(value), abs(value))

    def whole(self, numbers: Any) -> Estimate:
        """Whole numbers: exact as far as every one has a place in the format."""
        known = exactly(numbers)
        inexact = np.where(known.size * self.profile.unit > 1, self.profile.unit * known.size, 0.0)
        return Estimate(known.value, inexact, known.size, known.count)

    def add(self, terms: Sequence[Estimate]) -> Estimate:
        there = [term for term in terms if term is not ZERO]
        if len(there) < 2:
            return there[0] if there else ZERO
        value, carried, size, count = (sum(getattr(term, part) for term in there) for part in PARTS)
        return Estimate(value, carried, size, count)

    def multiply(self, factors: Sequence[Estimate]) -> Estimate:
        if any(factor is ZERO for factor in factors):
            return ZERO
        sign, others = 1.0, []
        for factor in factors:
            if np.ndim(factor.value) == 0 and abs(factor.value) == 1 and not factor.carried:
                sign *= float(factor.value)
            else:
                others.append(factor)
        if not others:
            return Estimate(sign, 0.0, 1.0)
        first, *rest = others
        if not rest:
            return Estimate(sign * first.value, first.carried, first.size, first.count)
        return self.product(sign, others)

    def product(self, sign: float, factors: Sequence[Estimate]) -> Estimate:
        """The product of two factors or more, none of which is a sign."""
        first, *rest = factors if self.distributed else [self.settled(factor) for factor in factors]
        value, error, size = first.value, self.error(first), first.size + first.carried
        with np.errstate(all="ignore"):
            tiny = np.maximum(size, 1.0)
            for factor in rest:
                own = self.error(factor)
                error = np.abs(value) * own + np.abs(factor.value) * error + error * own
                value, size = value * factor.value, size * (factor.size + factor.carried)
                tiny = tiny * np.maximum(factor.size, 1.0)
            rounding = (
                len(rest) * (self.profile.unit + 2 * self.profile.operands) * size
                + len(rest) * self.profile.tiny * tiny
            )
        there = np.prod(np.broadcast_arrays(*(np.asarray(f.count) > 0 for f in factors)), axis=0)
        carried = np.where(there, (error + rounding) * UP, 0.0)
        return Estimate(sign * value, carried, np.abs(value) + carried, np.where(there, 1.0, 0.0))

    def power(self, base: Estimate, exponent: Expr) -> Estimate:
        if exponent.is_Integer:
            count = abs(int(exponent))
            product = self.multiply([base] * count) if count else self.number(Integer(1))
            return product if exponent >= 0 else self.inverse(product)
        if exponent == Rational(1, 2):
            return self.apply("sqrt", [base])
        if exponent == Rational(-1, 2):
            return self.inverse(self.apply("sqrt", [base]))
        return self.apply("exp", [self.multiply([self.number(exponent), self.apply("log", [base])])])

    def total(self, value: Estimate, shape: tuple[int, ...], added: int) -> Estimate:
        return value if value is ZERO else value.spread(shape).summed(tuple(range(added)))

    def apply(self, function: str, arguments: Sequence[Estimate]) -> Estimate:
        known, given = FUNCTIONS[function], [self.settled(argument, stored=True) for argument in arguments]
        with np.errstate(all="ignore"):
            value = known.values(*(np.asarray(argument.value) for argument in given))
            reach = np.zeros_like(value)
            for argument in given:
                low, high = argument.value - argument.carried, argument.value + argument.carried
                steepest = known.steepest(np.asarray(low), np.asarray(high))
                moved = np.where(argument.carried > 0, steepest * argument.carried, 0.0)
                if function == "step":
                    moved = np.where((low <= 0) & (high > 0), 1.0, 0.0)
                reach = np.maximum(reach, moved)
            own = 0.0
            if not known.chooses:
                own = 2 * self.profile.ulps * self.profile.unit * known.scale(np.abs(value) + reach) + self.profile.tiny
        carried = np.nan_to_num((reach + own) * UP, nan=np.inf, posinf=np.inf)
        return self.settled(Estimate(value, carried, np.abs(value) + carried, np.ones_like(value)), stored=True)

    def inverse(self, divisor: Estimate) -> Estimate:
        error = self.error(divisor)
        nearest = np.abs(divisor.value) - error
        with np.errstate(all="ignore"):
            value = 1 / np.asarray(divisor.value)
            reach = np.where(nearest > 0, error * np.abs(value) / nearest, np.inf)
            carried = (reach + self.profile.unit * (np.abs(value) + reach) + self.profile.tiny) * UP
        return Estimate(value, carried, np.abs(value) + carried, np.ones_like(value))


PARTS = ("value", "carried", "size", "count")


def _is_power(number: int) -> bool:
    """Whether a whole number is a power of two."""
    return number & (number - 1) == 0
