"""Scalar expressions and sizes in C."""

from functools import singledispatch

from sympy import Add, Expr, Idx, Integer, Mul, Number, NumberSymbol, Pow, Rational, Symbol, floor
from sympy import Function as SymPyFunction

from grusym.emit.c_functions import called
from grusym.emit.c_types import CType
from grusym.equations.functions import NAMES
from grusym.equations.tensor import indices_of, is_access, tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import Kernel, Kind

SUM, PRODUCT, ATOM = 1, 2, 3  # how tightly a printed expression binds


class Context:
    """What an expression of a kernel needs to be printed: the type, and the shapes that turn indices into offsets."""

    def __init__(self, ctype: CType, kernel: Kernel):
        self.ctype = ctype
        shapes = kernel.shapes
        # A placed tensor is addressed with the strides of the array that it lies in.
        self.shapes = shapes | {place.tensor: shapes[place.buffer] for place in kernel.placements}
        self.places = {place.tensor: place for place in kernel.placements}
        self.scalars = {buffer.name for buffer in kernel.of_kind(Kind.SCALAR)}

    def element(self, access: Expr) -> str:
        """An access as C: W_r[i*I + j]; alpha[0] for an array without axes; a local scalar by its name."""
        name, indices = tensor_of(access), indices_of(access)
        if name in self.places:
            indices = self.places[name].offsets(indices)
        return name if name in self.scalars else f"{name}[{offset(indices, self.shapes[name])}]"


def offset(indices: tuple[Expr, ...], shape: tuple[Expr, ...]) -> str:
    """The row-major offset of an element, in Horner form: (t*B + b)*H + i."""
    if not indices:
        return "0"
    text, binds = size(indices[0]), _binding(indices[0])
    for index, extent in zip(indices[1:], shape[1:], strict=True):
        if text == "0":
            text, binds = size(index), _binding(index)
            continue
        times = "" if text == "1" else f"{text if binds > SUM else f'({text})'}*"
        scaled = times + (_bracketed(extent, SUM) if times or index != 0 else size(extent))
        text = scaled if index == 0 else f"{scaled} + {_bracketed(index, 0)}"
        binds = PRODUCT if index == 0 else SUM
    return text


def size(expression: Expr) -> str:
    """A size or an index expression as C over int64_t."""
    if isinstance(expression, Integer | Symbol | Idx):
        return str(expression)
    if isinstance(expression, Add):
        positive = [t for t in expression.as_ordered_terms() if not t.could_extract_minus_sign()]
        negative = [-t for t in expression.as_ordered_terms() if t.could_extract_minus_sign()]
        text = " + ".join(_bracketed(t, 0) for t in positive)
        return (text or "0") + "".join(f" - {_bracketed(t, SUM)}" for t in negative)
    if isinstance(expression, Mul):
        number, rest = expression.as_coeff_Mul()
        if isinstance(number, Integer):
            factors = [_bracketed(f, SUM) for f in rest.as_ordered_factors()]
            return "*".join(factors if number == 1 else [str(number), *factors])
    if isinstance(expression, floor):  # of what is not negative, where C's division rounds down
        above, below = expression.args[0].as_numer_denom()
        return f"({_bracketed(above, SUM)}/{size(below)})"
    if isinstance(expression, Pow) and isinstance(expression.exp, Integer) and expression.exp > 0:
        return "*".join([_bracketed(expression.base, SUM)] * int(expression.exp))
    raise LoweringError(f"the size {expression} is not a polynomial with integer coefficients, so C cannot index by it")


def _binding(expression: Expr) -> int:
    return SUM if isinstance(expression, Add) else PRODUCT if isinstance(expression, Mul | Pow) else ATOM


def _bracketed(expression: Expr, above: int) -> str:
    text = size(expression)
    return text if _binding(expression) > above else f"({text})"


def scalar(expression: Expr, context: Context, above: int = 0) -> str:
    """A scalar expression in C, in brackets unless it binds more tightly than `above`."""
    text, binds = _print(expression, context)
    return text if binds > above else f"({text})"


@singledispatch
def _print(expression: Expr, context: Context) -> tuple[str, int]:
    if is_access(expression):
        return context.element(expression), ATOM
    raise LoweringError(f"C has no way to write {type(expression).__name__}: {expression}")


@_print.register
def _(expression: Symbol, context: Context) -> tuple[str, int]:
    if is_access(expression):
        return context.element(expression), ATOM
    return f"({context.ctype.name}){expression.name}", PRODUCT


@_print.register
def _(expression: Idx, context: Context) -> tuple[str, int]:
    return f"({context.ctype.name}){expression.name}", PRODUCT


@_print.register
def _(expression: Number, context: Context) -> tuple[str, int]:
    ctype, sign = context.ctype, ATOM if expression >= 0 else SUM
    if isinstance(expression, Integer) and abs(expression) <= ctype.largest_integer:
        return str(expression), sign
    if isinstance(expression, Rational) and max(abs(expression.p), expression.q) <= ctype.largest_integer:
        return f"{expression.p}.0{ctype.mark}/{expression.q}.0{ctype.mark}", min(sign, PRODUCT)
    return ctype.literal(expression), sign


@_print.register
def _(expression: NumberSymbol, context: Context) -> tuple[str, int]:
    return context.ctype.literal(expression), ATOM


@_print.register
def _(expression: Add, context: Context) -> tuple[str, int]:
    text = ""
    for term in sorted(expression.as_ordered_terms(), key=lambda t: t.could_extract_minus_sign()):
        if term.could_extract_minus_sign():
            text += f" - {scalar(-term, context, SUM)}" if text else f"-{scalar(-term, context, SUM)}"
        else:
            text += f" + {scalar(term, context, 0)}" if text else scalar(term, context, 0)
    return text, SUM


@_print.register
def _(expression: Mul, context: Context) -> tuple[str, int]:
    if expression.could_extract_minus_sign():
        return f"-{scalar(-expression, context, SUM)}", SUM
    above: list[Expr] = []
    below: list[Expr] = []
    for factor in expression.as_ordered_factors():
        inverse = isinstance(factor, Pow) and factor.exp.could_extract_minus_sign()
        (below if inverse else above).append(1 / factor if inverse else factor)
    text = "*".join(scalar(f, context, SUM) for f in above) or f"1.0{context.ctype.mark}"
    for factor in below:
        text += f"/{scalar(factor, context, PRODUCT)}"
    return text, PRODUCT


@_print.register
def _(expression: Pow, context: Context) -> tuple[str, int]:
    base, exponent = expression.args
    if exponent.could_extract_minus_sign():
        return f"1.0{context.ctype.mark}/{scalar(1 / expression, context, PRODUCT)}", PRODUCT
    if isinstance(exponent, Integer) and exponent <= 4:
        return "*".join([scalar(base, context, PRODUCT)] * int(exponent)), PRODUCT
    mark = context.ctype.mark
    if exponent == Rational(1, 2):
        return f"sqrt{mark}({scalar(base, context)})", ATOM
    return f"pow{mark}({scalar(base, context)}, {scalar(exponent, context)})", ATOM


@_print.register
def _(expression: SymPyFunction, context: Context) -> tuple[str, int]:
    name = NAMES.get(type(expression))
    if name is None:
        raise LoweringError(f"C has no way to write the function {type(expression).__name__}: {expression}")
    return f"{called(name, context.ctype)}({', '.join(scalar(a, context) for a in expression.args)})", ATOM
