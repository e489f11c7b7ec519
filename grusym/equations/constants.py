"""Constants in an equation: read, and combined only as long as they stay real, finite and as small as a double.

SymPy computes with numbers of any size as soon as it sees them: 9^(9^9) would never come back, 1/0 would become an
infinity. Both are refused before they are computed, and so is 1/p of an index p, which is 1/0 at the first position.
"""

from sympy import Expr, Float, Integer, Pow, Rational

from grusym.equations.condition import NONNEGATIVE, NONZERO, POSITIVE
from grusym.equations.domain import NoValue, require
from grusym.equations.functions import FUNCTIONS
from grusym.equations.tokens import Source, Token

MAX_DIGITS = 40
LARGEST = 10**300
MAX_BITS = 2 * LARGEST.bit_length()  # of numerator and denominator
MAX_EXPONENT = 64
MAX_ARGUMENT = 700  # exp of it is still a double


def number(token: Token, source: Source) -> Rational:
    """The value of a number as it is written. Raises CellError if a double could not hold it."""
    digits, _, exponent = token.text.lower().partition("e")
    if len(digits) > MAX_DIGITS or len(exponent) > 4:
        raise source.error(f"a number has at most {MAX_DIGITS} digits and an exponent up to 300", token)
    value = Rational(token.text)
    if value and not Rational(1, LARGEST) <= value <= LARGEST:
        raise source.error(f"{token.text} is too large or too small for a double", token)
    return value


def in_range(value: Expr, token: Token, source: Source) -> Expr:
    """`value`, unless it holds a constant that has grown beyond a double."""
    for part in (value.as_coeff_Mul()[0], value.as_coeff_Add()[0]):
        if isinstance(part, Rational) and max(part.p.bit_length(), part.q.bit_length()) > MAX_BITS:
            raise source.error("a constant here is too large or too small for a double", token)
    return value


def power(base: Expr, exponent: Expr, token: Token, source: Source) -> Expr:
    """base^exponent.

    Raises CellError for 1/0, the root of a negative constant, also at some position only, and exponents that are no
    constants.
    """
    if not isinstance(exponent, Rational) or max(abs(exponent.p), exponent.q) > MAX_EXPONENT:
        raise source.error(
            f"an exponent must be a whole number or fraction up to {MAX_EXPONENT}, not {exponent}", token
        )
    value = _numeric(base)
    if value is not None:
        # A cancellation such as sin(1)^2 + cos(1)^2 - 1 leaves no exact zero.
        if exponent < 0 and abs(value) < 1e-100:
            raise source.error("this divides by zero", token)
        if value < 0 and not isinstance(exponent, Integer):
            raise source.error(f"{base} is negative and has no real power {exponent}", token)
    if isinstance(base, Rational) and max(base.p.bit_length(), base.q.bit_length()) * abs(exponent) > MAX_BITS:
        raise source.error("a constant here is too large or too small for a double", token)
    if not isinstance(exponent, Integer):
        _require(base, POSITIVE if exponent < 0 else NONNEGATIVE, token, source)
    elif exponent < 0:
        _require(base, NONZERO, token, source)
    return Pow(base, exponent)


def apply(name: str, arguments: list[Expr], token: Token, source: Source) -> Expr:
    """The function called `name` of these arguments. Raises CellError where it has no value at a constant one."""
    for argument in arguments:
        value = _numeric(argument)
        if value is None:
            continue
        if abs(value) > MAX_ARGUMENT:
            raise source.error(f"{name} of a constant takes one between -{MAX_ARGUMENT} and {MAX_ARGUMENT}", token)
        if (name == "log" and value <= 0) or (name == "sqrt" and value < 0):
            raise source.error(f"{name} of {argument} is not a real number", token)
    if name in ("log", "sqrt"):
        _require(arguments[0], POSITIVE if name == "log" else NONNEGATIVE, token, source)
    return FUNCTIONS[name](*arguments)


def _require(operand: Expr, relation: str, token: Token, source: Source) -> None:
    try:
        require(operand, relation)
    except NoValue as error:
        raise source.error(str(error), token) from None


def _numeric(value: Expr) -> Rational | float | None:
    """A constant as a number to compare with; None for what is no constant or has no numerical value in SymPy."""
    if isinstance(value, Rational):
        return value
    approximate = value.evalf(15) if value.is_number else value
    return float(approximate) if isinstance(approximate, Float) else None
