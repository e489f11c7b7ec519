"""A derivation as plain text in index notation, as a cell is written: W_r[i,j] x[j]."""

from collections.abc import Iterable, Sequence
from functools import singledispatch
from textwrap import wrap

from sympy import Add, Expr, Function, Mul, Pow, Sum

from grusym.calculus.derivation import Derivation
from grusym.calculus.program import Node
from grusym.calculus.reverse import Step
from grusym.emit.order import Order, quotient
from grusym.emit.sections import contributes, shown_steps
from grusym.equations.axis import extent_of, indices_in
from grusym.equations.cell import Equation
from grusym.equations.functions import NAMES
from grusym.equations.tensor import Tensor, indices_of, is_access, tensor_of

Row = tuple[str, str, str]


def text_document(derivation: Derivation) -> str:
    """The derivation as text: tensors, equations, adjoint recurrence, what is saved, the steps of the derivation."""
    order = Order(derivation.cell, derivation.forward)
    recurrence, time = derivation.bptt, derivation.bptt.layer.time.name
    series = ", ".join(f"{s.name}[{time}] = {s.tensor.name}" for s in recurrence.layer.series)
    parts = [
        f"{derivation.cell.spelling}\n",
        _section("Tensors, per sample and step", _columns(_tensors(derivation))),
        _section("Equations", _aligned([_equation(equation, order) for equation in derivation.cell.equations])),
        _section("In normal form", _aligned([_node(node, order) for node in derivation.forward.nodes])),
        f"Backpropagation through time (dX: gradient of the loss with respect to X; outputs: {series})\n",
    ]
    stages = (
        (f"at {time} = T", recurrence.start),
        (f"for {time} = T, ..., 1", (*recurrence.recomputed, *recurrence.seeds, *recurrence.step)),
        ("summed over steps and samples", recurrence.sums),
        (f"at {time} = 0", recurrence.end),
    )
    parts += [_indented(f"{title}:", _aligned([_node(n, order) for n in nodes])) for title, nodes in stages if nodes]
    again = [f"computed again: {', '.join(node.tensor for node in recurrence.recomputed)}"]
    saved = [", ".join(recurrence.saved) or "nothing", *(again if recurrence.recomputed else [])]
    parts += [_section("Saved by the forward pass", saved)]
    steps = [_step(step, derivation, order) for step in shown_steps(derivation.steps)]
    return "\n".join([*parts, "Derivation\n", *steps]).rstrip("\n") + "\n"


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"{title}\n", *(f"    {line}".rstrip() for line in lines), ""])


def _indented(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"    {title}", *(f"        {line}".rstrip() for line in lines), ""])


def _aligned(rows: Sequence[Row]) -> list[str]:
    """Rows of left side, relation and right side, with the relations below each other."""
    left = max((len(row[0]) for row in rows), default=0)
    relation = max((len(row[1]) for row in rows), default=0)
    return [f"{row[0]:<{left}} {row[1]:>{relation}} {row[2]}" for row in rows]


def _columns(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and what belongs to them, wrapped beside the name."""
    width = max(len(name) for name, _ in rows) + 2
    found = []
    for name, rest in rows:
        first, *more = wrap(rest, 100 - width, break_long_words=False)
        found += [f"{name:<{width}}{first}", *(" " * width + line for line in more)]
    return found


def _tensors(derivation: Derivation) -> list[tuple[str, str]]:
    cell = derivation.cell
    groups: list[tuple[str, Sequence[Tensor]]] = [
        ("input", cell.inputs),
        ("state", [state.tensor for state in cell.states]),
        ("update", [state.update for state in cell.states]),
        ("parameter", cell.parameters),
        ("intermediate", cell.intermediates),
        ("output", cell.outputs),
    ]
    rows = [(role, ", ".join(element_text(t.element) for t in tensors)) for role, tensors in groups if tensors]
    letters: dict[str, list[str]] = {}
    found = {i for n in derivation.forward.nodes for e in (n.target, n.value) for i in indices_in(e)}
    for index in sorted(found, key=lambda i: i.name):
        letters.setdefault(str(extent_of(index)), []).append(index.name)
    rows.append(("index", "; ".join(f"0 <= {', '.join(names)} < {e}" for e, names in sorted(letters.items()))))
    needed = ", ".join(map(str, cell.conditions))
    return [*rows, ("size", needed)] if needed else rows


def _equation(equation: Equation, order: Order) -> Row:
    return element_text(equation.target), "=", expression_text(equation.value, order)


def _node(node: Node, order: Order, adds: bool = False) -> Row:
    inner = expression_text(node.value, order)
    if node.over:
        inner = f"sum[{','.join(i.name for i in node.over)}]({inner})"
    where = f"    where {' and '.join(map(str, node.guards))}" if node.guards else ""
    return element_text(node.target), "+=" if adds or node.scatters else "=", inner + where


def _step(step: Step, derivation: Derivation, order: Order) -> str:
    before = [_node(n, order, contributes(n, derivation)) for n in step.before if n.target != n.value]
    after = [_node(n, order, contributes(n, derivation)) for n in step.after]
    lines = _aligned([*before, *after])
    marks = ["   "] * len(before) + ["=> " if before else "   "] * len(after)
    return _indented(f"{step.rule}:", [mark + line for mark, line in zip(marks, lines, strict=True)])


def element_text(element: Expr) -> str:
    """An access: W_r[i,j]."""
    indices = ",".join(str(index).replace(" ", "") for index in indices_of(element))
    return tensor_of(element) + (f"[{indices}]" if indices else "")


@singledispatch
def expression_text(expression: Expr, order: Order) -> str:
    """An expression in the notation of cells, in reading order."""
    return element_text(expression) if is_access(expression) else str(expression)


@expression_text.register(Add)
def _(expression: Expr, order: Order) -> str:
    text = ""
    for term in order.terms(expression):
        item = expression_text(term, order)
        if text:
            item = f" - {item[1:]}" if item.startswith("-") else f" + {item}"
        text += item
    return text


@expression_text.register(Mul)
def _(expression: Expr, order: Order) -> str:
    sign, above, below = quotient(expression)
    numerator = " ".join(_bound(f, order) for f in order.arrange(above)) or "1"
    return f"{sign}{numerator}" + "".join(f" / {_bound(f, order)}" for f in order.arrange(below))


@expression_text.register(Pow)
def _(expression: Expr, order: Order) -> str:
    exponent = str(expression.exp)
    return f"{_bound(expression.base, order)}^{exponent if exponent.isdigit() else f'({exponent})'}"


@expression_text.register(Sum)
def _(expression: Expr, order: Order) -> str:
    inner = expression_text(expression.function, order)
    names = ",".join(limit[0].name for limit in expression.limits)
    return f"sum[{names}]({inner})"


@expression_text.register(Function)
def _(expression: Expr, order: Order) -> str:
    return f"{NAMES[type(expression)]}({', '.join(expression_text(a, order) for a in expression.args)})"


def _bound(expression: Expr, order: Order) -> str:
    inner = expression_text(expression, order)
    return f"({inner})" if isinstance(expression, Add) or inner.startswith("-") else inner
