r"""Matrix expressions as LaTeX: U^{(r)\top} \bar{a}^{(r)}_{t}, with \odot for what is elementwise."""

from functools import singledispatch
from types import UnionType

from grusym.calculus.program import Node
from grusym.emit import matrix_tree as tree
from grusym.emit.latex import application
from grusym.emit.layout import FACTOR, TERM, Line, beside, bracket, solid
from grusym.emit.matrix_form import recognise
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
    matrix = recognise(equation, notation.order)
    if matrix is None:
        return None
    right = show(matrix, notation)
    if totals and isinstance(matrix, tree.Plus):
        right = bracket(right)
    return Line(notation.whole(tensor_of(equation.target)), totals + right)


@singledispatch
def show(matrix: tree.Matrix, notation: Notation) -> str:
    """A matrix expression, with marks where a line may break."""
    raise GrusymError(f"no LaTeX for the matrix expression {type(matrix).__name__}")


@show.register
def _(matrix: tree.Leaf, notation: Notation) -> str:
    return notation.whole(matrix.tensor)


@show.register
def _(matrix: tree.Constant, notation: Notation) -> str:
    return size_text(matrix.value)


@show.register
def _(matrix: tree.Ones, notation: Notation) -> str:
    return r"\mathbf{1}"


@show.register
def _(matrix: tree.Transposed, notation: Notation) -> str:
    if isinstance(matrix.operand, tree.Leaf):
        return notation.whole(matrix.operand.tensor, r"\top")
    inner = show(matrix.operand, notation)
    return f"{inner if isinstance(matrix.operand, tree.Ones) else bracket(inner)}^{{\\top}}"


@show.register
def _(matrix: tree.Diagonal, notation: Notation) -> str:
    return rf"\operatorname{{diag}}{bracket(show(matrix.operand, notation))}"


@show.register
def _(matrix: tree.Times, notation: Notation) -> str:
    return beside(_atom(factor, notation, tree.Plus | tree.Hadamard) for factor in matrix.factors)


@show.register
def _(matrix: tree.Hadamard, notation: Notation) -> str:
    scalars = [_atom(factor, notation, tree.Plus | tree.Times) for factor in matrix.factors if not factor.indices]
    rest = [factor for factor in matrix.factors if factor.indices]
    loose = tree.Plus if len(rest) == 1 else tree.Plus | tree.Times
    elementwise = f" {FACTOR}\\odot ".join(_atom(factor, notation, loose) for factor in rest)
    return beside(filter(None, (*scalars, elementwise)))


@show.register
def _(matrix: tree.Plus, notation: Notation) -> str:
    text = ""
    for term, minus in zip(matrix.terms, matrix.negative, strict=True):
        sign = "-" if minus else "+"
        item = _atom(term, notation, tree.Plus) if minus else show(term, notation)
        text += f" {TERM}{sign} {item}" if text else f"{'-' if minus else ''}{item}"
    return text


@show.register
def _(matrix: tree.Power, notation: Notation) -> str:
    exponent = (r"\odot " if matrix.indices else "") + size_text(matrix.exponent)
    inner = show(matrix.base, notation)
    plain = isinstance(matrix.base, tree.Leaf) and not notation.head(matrix.base.tensor).above
    return f"{inner if plain else bracket(inner)}^{{{exponent}}}"


@show.register
def _(matrix: tree.Applied, notation: Notation) -> str:
    return application(matrix.function, [show(argument, notation) for argument in matrix.arguments])


def _atom(matrix: tree.Matrix, notation: Notation, loose: type | UnionType) -> str:
    """A factor, in brackets where it is of a kind that binds less."""
    inner = show(matrix, notation)
    return bracket(inner) if isinstance(matrix, loose) or inner.startswith("-") else inner
