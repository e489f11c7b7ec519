"""What judges know of functions: slopes by the complex step, and that no slope is steeper than is said."""

import numpy as np
import pytest

from grusym.equations import functions
from grusym.oracle.functions import FUNCTIONS

SLOPES = {
    "abs": np.sign, "cos": lambda x: -np.sin(x), "erf": lambda x: 2 / np.sqrt(np.pi) * np.exp(-(x**2)), "exp": np.exp,
    "log": lambda x: 1 / x, "relu": lambda x: 1.0 * (x > 0), "sigmoid": lambda x: 1 / (2 + 2 * np.cosh(x)),
    "sin": np.cos, "softplus": lambda x: 1 / (1 + np.exp(-x)), "sqrt": lambda x: 0.5 / np.sqrt(x),
    "step": lambda x: 0.0 * x, "tanh": lambda x: 1 / np.cosh(x) ** 2,
}  # fmt: skip
POINTS = np.array([0.3, 1.0, 2.5, 4.0])


def points(name, sign):
    return POINTS if name in ("log", "sqrt") else sign * POINTS


def test_every_function_of_the_notation_is_there():
    assert set(FUNCTIONS) == set(functions.FUNCTIONS)
    assert set(SLOPES) == set(FUNCTIONS) - {"max", "min"}


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_complex_step_gives_the_slope_of_a_function(name, sign):
    x = points(name, sign)
    slope = FUNCTIONS[name].values(x + 1e-30j).imag / 1e-30
    np.testing.assert_allclose(slope, SLOPES[name](x), rtol=1e-13)


@pytest.mark.parametrize("name", ["max", "min"])
def test_a_complex_step_through_a_choice(name):
    x, y = np.array([0.3, 0.7]), np.array([0.5, 0.5])
    slope = FUNCTIONS[name].values(x + 1e-30j, y).imag / 1e-30
    np.testing.assert_array_equal(slope, [0, 1] if name == "max" else [1, 0])


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("reach", [0.0, 0.2])
def test_no_slope_of_an_interval_is_steeper_than_is_said(name, sign, reach):
    x = points(name, sign)
    steepest = FUNCTIONS[name].steepest(x - reach, x + reach)
    inside = np.abs([SLOPES[name](x + side * reach) for side in np.linspace(-1, 1, 21)]).max(axis=0)
    assert (inside <= steepest * (1 + 1e-14)).all()
    if name not in ("cos", "sin", "relu", "abs", "step"):
        np.testing.assert_allclose(steepest, inside, rtol=1e-13)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"max", "min", "step"}))
def test_what_is_no_number_stays_none(name):
    with np.errstate(all="ignore"):
        assert np.isnan(FUNCTIONS[name].values(np.array(np.nan)))
