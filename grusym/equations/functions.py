"""The functions that an equation may apply to its elements, as SymPy functions.

Each is real, elementwise, and opaque to SymPy where SymPy has no function of that name. Derivative rules stand in
`calculus/rules.py`; a function listed here without one can be evaluated and emitted, not differentiated.
"""

from sympy import Function, cos, erf, exp, log, sin


class sigmoid(Function):
    """Logistic function 1 / (1 + exp(-x))."""

    nargs = 1


class relu(Function):
    """max(x, 0)."""

    nargs = 1


class softplus(Function):
    """log(1 + exp(x))."""

    nargs = 1


class absolute(Function):
    """|x|, written `abs`."""

    nargs = 1


class tanh(Function):
    """Hyperbolic tangent: SymPy's own takes exponential time in how deep it is nested, to learn whether it is real."""

    nargs = 1


class sqrt(Function):
    """Square root of x >= 0."""

    nargs = 1


class step(Function):
    """1 for x > 0, else 0: the derivative stated for relu, with 0 at the kink."""

    nargs = 1


class maximum(Function):
    """The larger of two, written `max`."""

    nargs = 2


class minimum(Function):
    """The smaller of two, written `min`."""

    nargs = 2


FUNCTIONS: dict[str, type[Function]] = {
    "abs": absolute,
    "cos": cos,
    "erf": erf,
    "exp": exp,
    "log": log,
    "max": maximum,
    "min": minimum,
    "relu": relu,
    "sigmoid": sigmoid,
    "sin": sin,
    "softplus": softplus,
    "sqrt": sqrt,
    "step": step,
    "tanh": tanh,
}
NAMES: dict[type[Function], str] = {function: name for name, function in FUNCTIONS.items()}
FLOOR = "floor"  # of sizes, in an index expression; what is differentiated has no use for it
ARITY: dict[str, int] = {name: 2 if name in ("max", "min") else 1 for name in FUNCTIONS}
