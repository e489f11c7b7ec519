"""Derivative rules against numerical derivatives in 50 digits, and the values that are stated at kinks."""

import mpmath
import numpy as np
import pytest
from sympy import Function, Integer, Symbol

from grusym.calculus.rules import KINKED, RULES, partials
from grusym.equations.functions import ARITY, FUNCTIONS, NAMES, step
from grusym.errors import DerivativeError
from tests.calculus.evaluate import value_of

# Written from the definitions, apart from both the rules and the evaluator.
DEFINITIONS = {
    "abs": abs,
    "cos": mpmath.cos,
    "erf": mpmath.erf,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "max": lambda a, b: a if a > b else b,
    "min": lambda a, b: a if a < b else b,
    "relu": lambda a: a if a > 0 else mpmath.mpf(0),
    "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "sin": mpmath.sin,
    "softplus": lambda a: mpmath.log(1 + mpmath.exp(a)),
    "sqrt": mpmath.sqrt,
    "tanh": mpmath.tanh,
}
POINTS = [(-2.5, 0.5), (-0.75, -1.5), (0.25, 0.75), (1.0, -0.5), (3.0, 2.0), (12.0, 1.0), (-30.0, 1.0)]


def slopes(name: str, *point: float) -> list[float]:
    """The partial derivatives that the rule gives, from the function's value at that point in double precision."""
    letters = [Symbol(letter) for letter in "ab"[: len(point)]]
    arrays = {letter.name: np.array(complex(at)) for letter, at in zip(letters, point, strict=True)}
    arrays["y"] = np.array(complex(DEFINITIONS[name](*map(mpmath.mpf, point))))
    found = partials(FUNCTIONS[name](*letters), Symbol("y"))
    return [value_of(slope, arrays, {}, {}).real for slope in found]


def test_every_function_but_step_has_a_rule():
    assert {NAMES[function] for function in RULES} == set(FUNCTIONS) - {"step"} == set(DEFINITIONS)
    assert {NAMES[function] for function in KINKED} == {"relu", "abs", "max", "min"}


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_rules_agree_with_numerical_derivatives(name, point):
    point = point[: ARITY[name]]
    if name in ("log", "sqrt"):
        point = (abs(point[0]),)
    with mpmath.workdps(50):
        order = [tuple(int(n == m) for m in range(len(point))) for n in range(len(point))]
        want = [mpmath.diff(DEFINITIONS[name], tuple(map(mpmath.mpf, point)), n) for n in order]
    for got, exact in zip(slopes(name, *point), want, strict=True):
        # 1 - tanh^2 and y (1 - y) lose digits where the function is flat; what they lose is small beside 1.
        tolerance = 1e-15 if name in ("tanh", "sigmoid", "erf") else 1e-13 * abs(exact)
        assert abs(got - exact) <= tolerance, f"{name}'{point} is {float(exact)}, not {got}"


@pytest.mark.parametrize(
    ("name", "point", "stated"),
    [
        ("relu", (0.0,), [0]),
        ("abs", (0.0,), [0]),
        ("max", (1.5, 1.5), [0, 1]),
        ("min", (1.5, 1.5), [0, 1]),
    ],
)
def test_kinks_have_the_stated_derivative(name, point, stated):
    assert slopes(name, *point) == stated


def test_the_partials_of_max_and_min_add_up_to_one_everywhere():
    for name in ("max", "min"):
        for point in [*POINTS, (0.0, 0.0)]:
            assert sum(slopes(name, *point)) == 1


def test_softplus_keeps_its_digits_where_it_is_small():
    # 1 - exp(-y), read off the value, had lost all of them here.
    assert slopes("softplus", -40.0) == pytest.approx([np.exp(-40.0)], rel=1e-12)


def test_a_function_without_a_rule_is_named():
    known = "abs, cos, erf, exp, log, max, min, relu, sigmoid, sin, softplus, sqrt, tanh"
    for application, name in ((step(Symbol("a")), "step"), (Function("gamma")(Symbol("a")), "gamma")):
        with pytest.raises(DerivativeError) as caught:
            partials(application, Integer(1))
        assert str(caught.value) == (
            f"{name} has no derivative rule, so {name}(a) cannot be differentiated; functions with a rule are {known}"
        )
