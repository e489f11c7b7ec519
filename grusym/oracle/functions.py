"""What judges need to know of each function of the notation: values, how steep it is, how well it is computed.

Values are those of float64 arrays, and of complex ones beside the real axis, for the complex step: a function with a
kink is analytic on each side of it, and a step of 1e-30 does not cross, so that the real part chooses the side. At the
kink itself each takes the side whose derivative `calculus/rules.py` states.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import erf, pi, sqrt
from typing import Any

import numpy as np

Steepness = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Judged:
    """A function: values, the largest slope between low and high, and what one unit of error is.

    `scale` gives, for a value, the size whose unit in the last place an implementation is off by; `chooses` says that
    it selects one of its arguments, or 0 and 1, without rounding.
    """

    values: Callable[..., Any]
    steepest: Steepness
    scale: Callable[[Any], Any] = np.abs
    chooses: bool = False


def _nearest_zero(low: Any, high: Any) -> Any:
    """The smallest magnitude in an interval."""
    return np.maximum(np.maximum(low, -high), 0.0)


def _below(x: Any) -> Any:
    """x or -x, whichever has no positive real part: its exponential does not overflow."""
    return np.where(np.real(x) >= 0, -x, x)


def _sigmoid(x: Any) -> Any:
    e = np.exp(_below(x))
    return np.where(np.real(x) >= 0, 1.0, e) / (1 + e)


def _relu(x: Any) -> Any:
    return np.where(np.real(x) <= 0, 0.0, x)


_real_erf = np.vectorize(erf, otypes=[np.float64])


def _erf(x: Any) -> Any:
    """To first order beside the real axis, which is all that a step of 1e-30 sees: NumPy has no complex erf."""
    value = _real_erf(np.real(x))
    return value + 2j / sqrt(pi) * np.exp(-(np.real(x) ** 2)) * np.imag(x) if np.iscomplexobj(x) else value


def _one(low: Any, high: Any) -> Any:
    return np.ones_like(low)


def _logistic_slope(low: Any, high: Any) -> Any:
    e = np.exp(-_nearest_zero(low, high))
    return e / (1 + e) ** 2


def _tanh_slope(low: Any, high: Any) -> Any:
    return 4 * _logistic_slope(2 * low, 2 * high)


def _beyond_zero(bound: Callable[[Any], Any]) -> Steepness:
    """The slope at the low end of an interval, which must be positive: elsewhere nothing is known."""

    def steepest(low: Any, high: Any) -> Any:
        return np.where(low > 0, bound(np.where(low > 0, low, 1.0)), np.inf)

    return steepest


FUNCTIONS: dict[str, Judged] = {
    "abs": Judged(lambda x: np.sign(np.real(x)) * x, _one, chooses=True),
    "cos": Judged(np.cos, _one),
    "erf": Judged(_erf, lambda low, high: 2 / sqrt(pi) * np.exp(-(_nearest_zero(low, high) ** 2))),
    "exp": Judged(np.exp, lambda low, high: np.exp(high)),
    "log": Judged(np.log, _beyond_zero(lambda low: 1 / low)),
    "max": Judged(lambda x, y: np.where(np.real(x) > np.real(y), x, y), _one, chooses=True),
    "min": Judged(lambda x, y: np.where(np.real(x) < np.real(y), x, y), _one, chooses=True),
    "relu": Judged(_relu, lambda low, high: np.where(high > 0, 1.0, 0.0), chooses=True),
    "sigmoid": Judged(_sigmoid, _logistic_slope, scale=lambda value: np.maximum(np.abs(value), 0.5)),
    "sin": Judged(np.sin, _one),
    "softplus": Judged(lambda x: _relu(x) + np.log1p(np.exp(_below(x))), lambda low, high: _sigmoid(np.asarray(high))),
    "sqrt": Judged(np.sqrt, _beyond_zero(lambda low: 0.5 / np.sqrt(low))),
    "step": Judged(lambda x: np.where(np.real(x) > 0, 1.0, 0.0), lambda low, high: np.zeros_like(low), chooses=True),
    "tanh": Judged(np.tanh, _tanh_slope),
}
