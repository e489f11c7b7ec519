"""Derivative rules: the one place where the derivative of a function stands.

A rule gives the partial derivatives of y = f(a, ...) in terms of y and the arguments, so that reverse mode reads them
off the saved value. A kinked function states its derivative at the kink.
"""

from collections.abc import Callable

from sympy import Expr, Function, Integer, cos, erf, exp, log, pi, sin
from sympy import sqrt as root

from grusym.equations.functions import NAMES, absolute, maximum, minimum, relu, sigmoid, softplus, sqrt, step, tanh
from grusym.errors import DerivativeError

ONE = Integer(1)
Rule = Callable[..., tuple[Expr, ...]]

RULES: dict[type[Function], Rule] = {
    sigmoid: lambda y, a: (y * (1 - y),),
    tanh: lambda y, a: (1 - y**2,),
    exp: lambda y, a: (y,),
    log: lambda y, a: (1 / a,),
    sqrt: lambda y, a: (ONE / 2 / y,),
    sin: lambda y, a: (cos(a),),
    cos: lambda y, a: (-sin(a),),
    erf: lambda y, a: (2 / root(pi) * exp(-(a**2)),),
    softplus: lambda y, a: (sigmoid(a),),  # 1 - exp(-y) cancels where y is small
    relu: lambda y, a: (step(y),),  # 0 at a = 0
    absolute: lambda y, a: (step(a) - step(-a),),  # 0 at a = 0
    maximum: lambda y, a, b: (step(a - b), 1 - step(a - b)),  # that of the second at a = b
    minimum: lambda y, a, b: (step(b - a), 1 - step(b - a)),  # that of the second at a = b
}
KINKED: frozenset[type[Function]] = frozenset((relu, absolute, maximum, minimum))


def partials(application: Function, value: Expr) -> tuple[Expr, ...]:
    """The derivatives of `application` = `value` with respect to each of its arguments.

    >>> from sympy import Symbol
    >>> partials(tanh(Symbol("a")), Symbol("n"))
    (1 - n**2,)

    Raises DerivativeError, naming the function, where no rule is known.
    """
    rule = RULES.get(type(application))
    if rule is None:
        name = NAMES.get(type(application), type(application).__name__)
        known = ", ".join(sorted(NAMES[function] for function in RULES))
        raise DerivativeError(
            f"{name} has no derivative rule, so {application} cannot be differentiated; "
            f"functions with a rule are {known}"
        )
    return rule(value, *application.args)
