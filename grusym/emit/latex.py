r"""Equations and nodes in index form, as LaTeX: r_{t,i} = \sigma\Bigl(\sum_{j} W^{(r)}_{ij} x_{t,j} + ...\Bigr).

A sum stands over the indices it runs over, with the guards of its shifted accesses below them; elsewhere a shifted
access is multiplied with its condition in square brackets, which is 1 where it holds and 0 where not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import singledispatch

from sympy import Add, Expr, Function, Idx, Indexed, Mul, Number, NumberSymbol, Pow, Sum, Symbol

from grusym.calculus.program import Guard, Node
from grusym.emit.layout import TERM, Line, beside, bracket, solid
from grusym.emit.notation import Notation, index_name, index_text, size_text
from grusym.emit.order import quotient
from grusym.equations.axis import spans
from grusym.equations.cell import Equation
from grusym.equations.functions import NAMES
from grusym.equations.tensor import indices_of, is_access, tensor_of
from grusym.errors import GrusymError

Shapes = Mapping[str, tuple[Expr, ...]]
COMMANDS = {name: f"\\{name}" for name in ("cos", "exp", "log", "max", "min", "sin", "tanh")} | {"sigmoid": r"\sigma"}
FENCED = {"abs": (r"\lvert ", r"\rvert"), "sqrt": (r"\sqrt{", "}")}


@dataclass(frozen=True)
class IndexForm:
    """What an expression is printed with: names, the shapes of tensors, and the guards already stated around it."""

    notation: Notation
    shapes: Shapes
    stated: tuple[Guard, ...] = ()

    def guards(self, element: Expr) -> tuple[Guard, ...]:
        """The conditions under which an access is inside its tensor, where its indices are not plainly so."""
        shape = self.shapes.get(tensor_of(element), ())
        found = (Guard(i, e) for i, e in zip(indices_of(element), shape, strict=bool(shape)) if not spans(i, e))
        return tuple(guard for guard in dict.fromkeys(found) if guard not in self.stated)


def equation_line(equation: Equation, notation: Notation, shapes: Shapes) -> Line:
    """An equation of a cell in index form."""
    return Line(notation.element(equation.target), show(equation.value, IndexForm(notation, shapes)))


def node_line(node: Node, notation: Notation, shapes: Shapes, totals: str = "", adds: bool = False) -> Line:
    """A node in index form; `totals` are sums outside its own, `adds` says that it is one of several contributions."""
    left = notation.element(node.target)
    relation = r"\mathrel{+}=" if adds or node.scatters else "="
    form = IndexForm(notation, shapes, node.guards)
    if node.over or totals:
        right = totals + total(node.value, node.over, node.guards, form)
    else:
        right = _conditions(node.guards) + (_factor if node.guards else show)(node.value, form)
    if node.scatters:
        right += rf"\quad\text{{for all }} {','.join(index_name(i.name) for i in node.free)}"
    return Line(left, right, relation)


def total(body: Expr, over: Iterable[Idx], guards: tuple[Guard, ...], form: IndexForm) -> str:
    """A sum of `body` over these indices, of the terms whose guards hold."""
    names = ",".join(index_name(index.name) for index in over)
    rows = [names, *map(condition, guards)]
    below = rows[0] if len(rows) == 1 else "\\substack{" + r" \\ ".join(rows) + "}"
    sigma = f"\\sum_{{{below}}} " if names else _conditions(guards)
    inner = show(body, form)
    return sigma + (bracket(inner, "big") if isinstance(body, Add) or inner.startswith("-") else inner)


def condition(guard: Guard) -> str:
    """A guard: 0 <= p+u-1 < P."""
    return rf"0\le {index_text(guard.index)}<{size_text(guard.extent)}"


def _conditions(guards: Iterable[Guard]) -> str:
    return "".join(f"[{condition(guard)}]\\," for guard in guards)


@singledispatch
def show(expression: Expr, form: IndexForm) -> str:
    """An expression in index form, with marks where a line may break."""
    if expression.is_number and not expression.args:
        return size_text(expression)
    raise GrusymError(f"no LaTeX for {type(expression).__name__}: {expression}")


@show.register(Number)
@show.register(NumberSymbol)
def _(expression: Expr, form: IndexForm) -> str:
    return size_text(expression)


@show.register(Indexed)
@show.register(Symbol)
def _(expression: Expr, form: IndexForm) -> str:
    if not is_access(expression):
        return size_text(expression)
    return _conditions(form.guards(expression)) + form.notation.element(expression)


@show.register(Idx)
def _(expression: Expr, form: IndexForm) -> str:
    return index_text(expression)


@show.register(Add)
def _(expression: Expr, form: IndexForm) -> str:
    text = ""
    for term in form.notation.order.terms(expression):
        item = show(term, form)
        if not text:
            text = item
        elif item.startswith("-"):
            text += f" {TERM}- {item[1:].lstrip()}"
        else:
            text += f" {TERM}+ {item}"
    return text


@show.register(Mul)
def _(expression: Expr, form: IndexForm) -> str:
    sign, above, below = quotient(expression)
    if not below:
        return sign + (_factor(above[0], form) if len(above) == 1 else product(above, form))
    numerator = product(above, form)
    return f"{sign}\\frac{{{solid(numerator)}}}{{{solid(product(below, form))}}}"


@show.register(Pow)
def _(expression: Expr, form: IndexForm) -> str:
    base, exponent = expression.args
    if exponent.could_extract_minus_sign():
        return f"\\frac{{1}}{{{solid(product([base**-exponent], form))}}}"
    if exponent.is_Rational and exponent.p == 1 and exponent.q == 2:
        return f"\\sqrt{{{solid(show(base, form))}}}"
    inner = show(base, form)
    plain = is_access(base) and not form.guards(base) and not form.notation.head(tensor_of(base)).above
    return f"{inner if plain or _is_letter(base) else bracket(inner)}^{{{size_text(exponent)}}}"


@show.register(Sum)
def _(expression: Expr, form: IndexForm) -> str:
    body = expression.function
    direct = [f for f in Mul.make_args(body) if isinstance(f, Indexed)]
    guards = tuple(dict.fromkeys(guard for factor in direct for guard in form.guards(factor)))
    inner = IndexForm(form.notation, form.shapes, (*form.stated, *guards))
    return total(body, (limit[0] for limit in expression.limits), guards, inner)


@show.register(Function)
def _(expression: Expr, form: IndexForm) -> str:
    return application(type(expression), [show(a, form) for a in expression.args])


def application(function: type[Function], arguments: list[str]) -> str:
    """A function applied to printed arguments."""
    name = NAMES.get(function)
    if name is None:
        raise GrusymError(f"no LaTeX for the function {function.__name__}")
    if name in FENCED:
        opening, closing = FENCED[name]
        return f"{opening}{solid(', '.join(arguments))}{closing}"
    return COMMANDS.get(name, rf"\operatorname{{{name}}}") + bracket(", ".join(arguments))


def product(factors: list[Expr], form: IndexForm) -> str:
    """Factors side by side in reading order; 1 for none."""
    ordered = form.notation.order.arrange(factors)
    return beside(show(f, form) if len(ordered) == 1 else _factor(f, form) for f in ordered) or "1"


def _factor(expression: Expr, form: IndexForm) -> str:
    inner = show(expression, form)
    return bracket(inner) if isinstance(expression, Add | Sum) or inner.startswith("-") else inner


def _is_letter(base: Expr) -> bool:
    return isinstance(base, Symbol | Idx) and not is_access(base)
