"""Exact references: arithmetic on balls, numbers with a radius that encloses what is left out (Arb, python-flint)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, ctx
from sympy import Expr, NumberSymbol, Rational, pi

Elementwise = Callable[..., Any]


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Balls have this many bits while it lasts."""
    with ctx.workprec(bits):
        yield


@dataclass(frozen=True)
class Ball:
    """An array of balls; an element that is the int 0 is exactly zero, which costs nothing to multiply by."""

    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.array)

    def take(self, where: tuple[Any, ...], inside: Any) -> "Ball":
        """Elements of the array, zero outside."""
        return Ball(np.where(inside, np.asarray(self.array, dtype=object)[where], 0))

    def turned(self, order: tuple[int, ...], shape: tuple[int, ...]) -> "Ball":
        """The array with its axes in another order, and then of this shape."""
        return Ball(np.transpose(self.array, order).reshape(shape))

    def spread(self, shape: tuple[int, ...]) -> "Ball":
        """The same for an array of this shape."""
        return Ball(np.broadcast_to(np.asarray(self.array, dtype=object), shape))

    def summed(self, axes: tuple[int, ...]) -> "Ball":
        """The sum over axes of the array."""
        return Ball(np.sum(np.asarray(self.array, dtype=object), axis=axes))

    def distance(self, found: Any) -> Any:
        """How far these floating-point numbers are from the balls at most, as float64, rounded up."""
        return np.asarray(_distance(self.array, np.asarray(found, dtype=np.float64)), np.float64)

    def between(self, nearest: Any, below: Any, above: Any) -> Any:
        """Whether the balls are surely nearer to these numbers than to their neighbours below and above."""
        numbers = (np.asarray(each, dtype=np.float64) for each in (nearest, below, above))
        return np.asarray(_between(self.array, *numbers), bool)

    def middle(self) -> Any:
        """The balls' centres as float64."""
        return np.asarray(np.frompyfunc(float, 1, 1)(self.array), np.float64)

    def radius(self) -> Any:
        """The balls' radii as float64."""
        return np.asarray(np.frompyfunc(lambda ball: float(arb(ball).rad()), 1, 1)(self.array), np.float64)


ZERO = Ball(0)


def exactly(array: Any) -> Ball:
    """Floating-point numbers as balls without a radius."""
    return Ball(np.frompyfunc(lambda x: arb(float(x)) if x else 0, 1, 1)(np.asarray(array)))


class Balls:
    """The arithmetic, for `grusym.equations.evaluate`."""

    def number(self, expression: Expr) -> Ball:
        if isinstance(expression, Rational):
            return Ball(arb(int(expression.p)) / int(expression.q) if expression.p else 0)
        if isinstance(expression, NumberSymbol):
            return Ball(arb.pi() if expression == pi else arb(1).exp())
        return Ball(arb(float(expression)))

    def whole(self, numbers: Any) -> Ball:
        return exactly(numbers)

    def add(self, terms: Sequence[Ball]) -> Ball:
        there = [term.array for term in terms if term is not ZERO]
        return Ball(sum(there[1:], there[0])) if there else ZERO

    def multiply(self, factors: Sequence[Ball]) -> Ball:
        if any(factor is ZERO for factor in factors):
            return ZERO
        product = factors[0].array
        for factor in factors[1:]:
            product = _times(product, factor.array)
        return Ball(product)

    def power(self, base: Ball, exponent: Expr) -> Ball:
        if exponent.is_Integer:
            product = self.multiply([base] * abs(int(exponent))) if exponent else Ball(arb(1))
            return product if exponent >= 0 else Ball(_one_over(product.array))
        whole, half = divmod(int(2 * exponent), 2) if (2 * exponent).is_Integer else (0, 0)
        if half:
            return Ball(_root(base.array) * _power(base.array, whole))
        return Ball(_power(base.array, self.number(exponent).array))

    def total(self, value: Ball, shape: tuple[int, ...], added: int) -> Ball:
        return value if value is ZERO else value.spread(shape).summed(tuple(range(added)))

    def apply(self, function: str, arguments: Sequence[Ball]) -> Ball:
        return Ball(_FUNCTIONS[function](*(argument.array for argument in arguments)))


def _multiplied(one: Any, other: Any) -> Any:
    return 0 if one.__class__ is int or other.__class__ is int else one * other


def _of(compute: Callable[..., Any], count: int = 1) -> Elementwise:
    return np.frompyfunc(lambda *balls: compute(*map(arb, balls)), count, 1)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + (-x).exp())


def _step(x: Any) -> Any:
    return arb(1) if x > 0 else arb(0) if x <= 0 else arb(0.5, 0.5)


_FUNCTIONS: dict[str, Elementwise] = {
    "abs": _of(abs),
    "cos": _of(lambda x: x.cos()),
    "erf": _of(lambda x: x.erf()),
    "exp": _of(lambda x: x.exp()),
    "log": _of(lambda x: x.log()),
    "max": _of(lambda one, other: one.max(other), 2),
    "min": _of(lambda one, other: one.min(other), 2),
    "relu": _of(lambda x: x.max(arb(0))),
    "sigmoid": _of(_sigmoid),
    "sin": _of(lambda x: x.sin()),
    "softplus": _of(lambda x: x.exp().log1p()),
    "sqrt": _of(lambda x: x.sqrt()),
    "step": _of(_step),
    "tanh": _of(lambda x: x.tanh()),
}
_times = np.frompyfunc(_multiplied, 2, 1)
_one_over = _of(lambda x: 1 / x)
_root = _of(lambda x: x.sqrt())
_power = _of(lambda x, y: x**y, 2)
_distance = np.frompyfunc(lambda ball, number: float((arb(ball) - number).abs_upper()) * (1 + 2.0**-50), 2, 1)


def _is_between(ball: Any, nearest: float, below: float, above: float) -> bool:
    """In balls, as half the distance between two subnormal numbers is no number."""
    exact, number = arb(ball), arb(nearest)
    return bool(2 * (exact - number) < arb(above) - number and 2 * (number - exact) < number - arb(below))


_between = np.frompyfunc(_is_between, 4, 1)
