"""The functions of the notation for the complex step: on real numbers as they are, and continued beside the real axis.

A function with a kink is analytic on each side of it, and a step of 1e-30 does not cross: the real part chooses the
side. At the kink itself each takes the side whose derivative `calculus/rules.py` states.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def _sigmoid(x: Any) -> Any:
    small = np.exp(np.where(np.real(x) >= 0, -x, x))  # of a number whose real part is not positive: no overflow
    return np.where(np.real(x) >= 0, 1, small) / (1 + small)


def _softplus(x: Any) -> Any:
    positive = np.real(x) > 0
    return np.where(positive, x, 0) + np.log1p(np.exp(np.where(positive, -x, x)))


def _erf(x: Any) -> Any:
    """To first order beside the real axis, which is all that a step of 1e-30 sees: NumPy has no complex erf."""
    value = np.frompyfunc(math.erf, 1, 1)(np.real(x)).astype(np.float64)
    return value + 2j / math.sqrt(math.pi) * np.exp(-(np.real(x) ** 2)) * np.imag(x) if np.iscomplexobj(x) else value


ANALYTIC: dict[str, Callable[..., Any]] = {
    "abs": lambda x: np.sign(np.real(x)) * x,
    "cos": np.cos,
    "erf": _erf,
    "exp": np.exp,
    "log": np.log,
    "max": lambda x, y: np.where(np.real(x) > np.real(y), x, y),
    "min": lambda x, y: np.where(np.real(x) < np.real(y), x, y),
    "relu": lambda x: np.where(np.real(x) > 0, x, 0),
    "sigmoid": _sigmoid,
    "sin": np.sin,
    "softplus": _softplus,
    "sqrt": np.sqrt,
    "step": lambda x: np.where(np.real(x) > 0, 1.0, 0.0),
    "tanh": np.tanh,
}
