r"""Matrix expressions as LaTeX: U^{(r)\top} \bar{a}^{(r)}_{t}, with \odot for what is elementwise."""

from functools import singledispatch
from types import UnionType

from grusym.calculus.program import Node
from grusym.emit.latex import application
from grusym.emit.layout import FACTOR, TERM, Line, beside, bracket, solid
from grusym.emit.matrix_form import recognise
from grusym.emit.matrix_tree import (
    Applied,
    Constant,
    Diagonal,
    Hadamard,
    Leaf,
    Matrix,
    Ones,
    Plus,
    Power,
    Times,
    Transposed,
)
from grusym.emit.notation import Notation, size_text
from grusym.equations.cell import Equation
from grusym.equations.tensor import tensor_of
from grusym.errors import GrusymError


def matrix_form(equation: Equation | Node, notation: Notation) -> str | None:
    """An equation or node in matrix form, or None where it has none."""
    line = matrix_line(equation, notation)
    return solid(f"{line.left} {line.relation} {line.right}") if line else None


def matrix_line(equation: Equation | Node, notation: Notation, totals: str = "") -> Line | None:
    """An equation or node in matrix form; `totals` are sums outside its own."""
    tree = recognise(equation, notation.order)
    if tree is None:
        return None
    right = show(tree, notation)
    if totals and isinstance(tree, Plus):
        right = bracket(right)
    return Line(notation.whole(tensor_of(equation.target)), totals + right)


@singledispatch
def show(matrix: Matrix, notation: Notation) -> str:
    """A matrix expression, with marks where a line may break."""
    raise GrusymError(f"no LaTeX for the matrix expression {type(matrix).__name__}")


@show.register
def _(matrix: Leaf, notation: Notation) -> str:
    return notation.whole(matrix.tensor)


@show.register
def _(matrix: Constant, notation: Notation) -> str:
    return size_text(matrix.value)


@show.register
def _(matrix: Ones, notation: Notation) -> str:
    return r"\mathbf{1}"


@show.register
def _(matrix: Transposed, notation: Notation) -> str:
    if isinstance(matrix.operand, Leaf):
        return notation.whole(matrix.operand.tensor, r"\top")
    inner = show(matrix.operand, notation)
    return f"{inner if isinstance(matrix.operand, Ones) else bracket(inner)}^{{\\top}}"


@show.register
def _(matrix: Diagonal, notation: Notation) -> str:
    return rf"\operatorname{{diag}}{bracket(show(matrix.operand, notation))}"


@show.register
def _(matrix: Times, notation: Notation) -> str:
    return beside(_atom(factor, notation, Plus | Hadamard) for factor in matrix.factors)


@show.register
def _(matrix: Hadamard, notation: Notation) -> str:
    scalars = [_atom(factor, notation, Plus | Times) for factor in matrix.factors if not factor.indices]
    rest = [factor for factor in matrix.factors if factor.indices]
    loose = Plus if len(rest) == 1 else Plus | Times
    elementwise = f" {FACTOR}\\odot ".join(_atom(factor, notation, loose) for factor in rest)
    return beside(filter(None, (*scalars, elementwise)))


@show.register
def _(matrix: Plus, notation: Notation) -> str:
    text = ""
    for term, minus in zip(matrix.terms, matrix.negative, strict=True):
        sign = "-" if minus else "+"
        item = _atom(term, notation, Plus) if minus else show(term, notation)
        text += f" {TERM}{sign} {item}" if text else f"{'-' if minus else ''}{item}"
    return text


@show.register
def _(matrix: Power, notation: Notation) -> str:
    exponent = (r"\odot " if matrix.indices else "") + size_text(matrix.exponent)
    inner = show(matrix.base, notation)
    plain = isinstance(matrix.base, Leaf) and not notation.head(matrix.base.tensor).above
    return f"{inner if plain else bracket(inner)}^{{{exponent}}}"


@show.register
def _(matrix: Applied, notation: Notation) -> str:
    return application(matrix.function, [show(argument, notation) for argument in matrix.arguments])


def _atom(matrix: Matrix, notation: Notation, loose: type | UnionType) -> str:
    """A factor, in brackets where it is of a kind that binds less."""
    inner = show(matrix, notation)
    return bracket(inner) if isinstance(matrix, loose) or inner.startswith("-") else inner
