"""The parts of a document as lines of equations: which equations stand where, in which form."""

from collections.abc import Iterable, Sequence

from sympy import Expr, Sum

from grusym.calculus.derivation import Derivation
from grusym.calculus.program import Node
from grusym.calculus.reverse import Step
from grusym.calculus.rules import KINKED
from grusym.emit.latex import Shapes, equation_line, node_line
from grusym.emit.layout import Line, display
from grusym.emit.matrix_latex import matrix_line
from grusym.emit.notation import Notation
from grusym.equations.cell import Cell, Equation
from grusym.equations.functions import NAMES
from grusym.equations.names import cotangent_name


def cell_latex(cell: Cell) -> str:
    """The equations of a cell as two displays, in index form and in matrix form, for a document of one's own."""
    notation = Notation.of_cell(cell)
    shapes = notation.order.forward.shapes
    index = [equation_line(equation, notation, shapes) for equation in cell.equations]
    matrix = [matrix_line(e, notation) or line for e, line in zip(cell.equations, index, strict=True)]
    return f"% in index form\n{display(index)}\n% in matrix form, where there is one\n{display(matrix)}"


def named_parts(derivation: Derivation) -> tuple[Equation, ...]:
    """What the gradients name and the cell's text does not: pre-activations and the like, in the cell's tensors."""
    own = derivation.cell.tensors
    mentioned = {name for node in derivation.vjp.nodes for name in (node.tensor, *node.reads)}
    found: list[Equation] = []
    inner: dict[Expr, Expr] = {}
    for node in derivation.forward.nodes:
        if node.tensor in own:
            continue
        value = node.value.xreplace(inner)
        whole = Sum(value, *((i, i.lower, i.upper) for i in node.over)) if node.over else value
        if node.tensor in mentioned or cotangent_name(node.tensor) in mentioned:
            found.append(Equation(node.target, whole))
        else:
            inner[node.target] = whole
    return tuple(found)


def in_index_form(derivation: Derivation, items: Iterable[Equation | Node], notation: Notation) -> list[Line]:
    """Equations or nodes in index form."""
    return [_index_line(item, notation, derivation.bptt.program.shapes) for item in items]


def in_matrix_form(derivation: Derivation, items: Iterable[Equation | Node], notation: Notation) -> list[Line]:
    """Equations or nodes in matrix form; those that have none, in index form."""
    shapes = derivation.bptt.program.shapes
    return [matrix_line(item, notation) or _index_line(item, notation, shapes) for item in items]


def _index_line(item: Equation | Node, notation: Notation, shapes: Shapes) -> Line:
    if isinstance(item, Equation):
        return equation_line(item, notation, shapes)
    return node_line(item, notation, shapes)


def totals(derivation: Derivation, notation: Notation) -> list[Line]:
    """The parameters' gradients, summed over steps and samples."""
    each = notation.per_sample()
    outer = rf"\sum_{{{notation.time},{each.sample}}} "
    shapes = derivation.bptt.program.shapes
    return [matrix_line(node, each, outer) or node_line(node, each, shapes, outer) for node in derivation.bptt.sums]


def shown_steps(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps worth reading: without those that leave their node as it is; what is only named, together."""
    found: list[Step] = []
    for step in steps:
        if step.before == step.after:
            continue
        if found and not step.before and not found[-1].before and found[-1].rule == step.rule:
            found[-1] = Step(step.rule, (), (*found[-1].after, *step.after))
        else:
            found.append(step)
    return tuple(found)


def contributes(node: Node, derivation: Derivation) -> bool:
    """Whether a node of a step is one of several contributions to its target, and not the whole of it."""
    return node not in (*derivation.forward.nodes, *derivation.vjp.nodes)


def kinked(derivation: Derivation) -> tuple[str, ...]:
    """The names of the functions of the cell whose derivative at a kink is a convention."""
    used = {type(f) for node in derivation.forward.nodes for f in node.value.atoms(*KINKED)}
    return tuple(sorted(NAMES[function] for function in used))
