"""Pieces of NumPy text that know their axes: how they are bracketed, transposed and aligned for broadcasting."""

from dataclasses import dataclass, replace

from sympy import Expr, Idx, Integer, Rational, Symbol, floor
from sympy.core.numbers import Exp1, Pi

from grusym.equations.axis import indices_in
from grusym.errors import LoweringError

SUM, MATMUL, PRODUCT, SIGN, POWER, ATOM = range(6)  # how strongly a text holds together, weakest first
Axes = tuple[Idx, ...]


@dataclass(frozen=True)
class Operand:
    """A NumPy expression with one index of the equations for each of its axes; Python scalars have none."""

    text: str
    axes: Axes = ()
    binding: int = ATOM

    def within(self, binding: int) -> str:
        """The text as an operand of something that binds this strongly."""
        return self.text if self.binding >= binding else f"({self.text})"

    def renamed(self, mapping: dict[Idx, Idx]) -> "Operand":
        return replace(self, axes=tuple(mapping.get(i, i) for i in self.axes))


def union(operands: list[Operand], scope: Axes) -> Axes:
    """The axes of an expression of these operands, in the order of the scope."""
    present = {axis for operand in operands for axis in operand.axes}
    return tuple(axis for axis in scope if axis in present)


def transposed(operand: Operand, axes: Axes) -> Operand:
    """The operand with its axes in this order."""
    if operand.axes == axes:
        return operand
    order = [operand.axes.index(axis) for axis in axes]
    how = ".T" if order == [1, 0] else f".transpose({', '.join(map(str, order))})"
    return Operand(operand.within(ATOM) + how, axes)


def aligned(operand: Operand, axes: Axes) -> Operand:
    """The operand so that it broadcasts against an array with these axes; missing leading axes need nothing."""
    operand = transposed(operand, tuple(axis for axis in axes if axis in operand.axes))
    if not operand.axes:
        return operand
    tail = axes[axes.index(operand.axes[0]) :]
    if tail == operand.axes:
        return replace(operand, axes=axes)
    subscript = ", ".join(":" if axis in operand.axes else "None" for axis in tail)
    return Operand(f"{operand.within(ATOM)}[{subscript}]", axes)


def spread(index: Idx, name: str, axes: Axes) -> str:
    """A one-dimensional index array so that it varies along its axis among these."""
    return aligned(Operand(name, (index,)), axes).text


def number(value: Expr) -> Operand:
    """A constant as a Python scalar: whole, a decimal where it is one, or a quotient."""
    if isinstance(value, Pi):
        return Operand("np.pi")
    if isinstance(value, Exp1):
        return Operand("np.e")
    if not isinstance(value, Rational):
        raise LoweringError(f"NumPy text of the constant {value} ({type(value).__name__}) is not known")
    if value.is_Integer:
        return Operand(str(value), (), ATOM if value >= 0 else SIGN)
    if Rational(repr(float(value))) == value:
        return Operand(repr(float(value)), (), ATOM if value >= 0 else SIGN)
    return Operand(f"{value.p} / {value.q}", (), PRODUCT)


def linear(expression: Expr, indices: dict[Idx, str], names: dict[str, str]) -> str:
    """An index or extent as text: p[:, None] + u - 1 for these texts of its indices, 3 * H without any.

    `names` are the Python names of sizes. A positive term stands first.
    """
    affine = expression.expand()
    moving = [(affine.coeff(index), text) for index, text in indices.items()]
    rest = affine.xreplace(dict.fromkeys(indices_in(affine), Integer(0))).expand()
    fixed = []
    for term in sorted(rest.as_ordered_terms(), key=lambda t: (not t.free_symbols, str(t))):
        slope, symbols = term.as_coeff_Mul()
        fixed.append((slope, _sizes(symbols, names)))
    first, last = (
        [(slope.could_extract_minus_sign(), _scaled(slope, text, names)) for slope, text in terms if slope != 0]
        for terms in (moving, fixed)
    )
    first.sort(key=lambda word: word[0])
    words = [*first, *last] if first and not first[0][0] else [*sorted(last, key=lambda word: word[0]), *first]
    if not words:
        return "0"
    (negative, text), *others = words
    return ("-" if negative else "") + text + "".join(f" {'-' if minus else '+'} {word}" for minus, word in others)


def _scaled(slope: Expr, text: str, names: dict[str, str]) -> str:
    """|slope| * text, without a factor of one."""
    size = -slope if slope.could_extract_minus_sign() else slope
    if size == 1:
        return text or "1"
    factor = linear(size, {}, names) if size.free_symbols else str(size)
    factor = f"({factor})" if " + " in factor or " - " in factor else factor
    return f"{factor} * {text}" if text else factor


def _sizes(symbols: Expr, names: dict[str, str]) -> str:
    """A product of extents; empty for one."""
    factors = [] if symbols == 1 else sorted(symbols.as_ordered_factors(), key=str)
    words = []
    for factor in factors:
        if isinstance(factor, floor):
            above, below = factor.args[0].as_numer_denom()
            words.append(f"(({linear(above, {}, names)}) // {linear(below, {}, names)})")
            continue
        base, power = factor.as_base_exp()
        if not isinstance(base, Symbol) or not (power.is_Integer and power > 0):
            raise LoweringError(f"NumPy text of the extent {symbols} is not known: it is no product of sizes")
        words.append(names[base.name] + (f"**{power}" if power != 1 else ""))
    return " * ".join(words)
