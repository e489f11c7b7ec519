r"""A derivation as a LaTeX document of its own, for plain pdflatex: article, geometry, amsmath, amssymb."""

from collections.abc import Iterable, Sequence

from sympy import Add, Mul, Symbol, latex

from grusym.calculus.derivation import Derivation
from grusym.calculus.program import Node
from grusym.calculus.reverse import Step
from grusym.calculus.rules import partials
from grusym.emit.latex import application, node_line
from grusym.emit.layout import Line, display, implication, solid
from grusym.emit.matrix_latex import matrix_line
from grusym.emit.notation import Notation, escape, index_name, size_text, word
from grusym.emit.sections import (
    contributes,
    in_index_form,
    in_matrix_form,
    kinked,
    named_parts,
    shown_steps,
    totals,
)
from grusym.equations.axis import extent_of, indices_in
from grusym.equations.cell import Equation
from grusym.equations.condition import NONNEGATIVE, NONZERO, POSITIVE, Condition
from grusym.equations.functions import ARITY, FUNCTIONS
from grusym.equations.names import cotangent_name, final_name
from grusym.equations.tensor import Tensor

PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[a4paper,margin=2.2cm]{geometry}
\usepackage{amsmath,amssymb}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5\baselineskip}
\renewcommand{\arraystretch}{1.25}
"""


def latex_document(derivation: Derivation) -> str:
    """The whole document: the cell, its gradients, BPTT, what is saved, and how the gradients were derived."""
    notation = Notation.of(derivation)
    title = escape(derivation.cell.spelling).replace(",", ",\\allowbreak{}")
    parts = [
        PREAMBLE,
        "\\begin{document}\n",
        rf"\begin{{center}}\LARGE \texttt{{{title}}}: equations and gradients\end{{center}}",
        *_tensors(derivation, notation),
        *_equations(derivation, notation),
        *_one_step(derivation, notation),
        *_through_time(derivation, notation),
        *_saved(derivation, notation),
        *_kinks(derivation),
        *_derivation(derivation, notation),
        "\\end{document}\n",
    ]
    return "\n".join(parts)


def _tensors(derivation: Derivation, notation: Notation) -> Iterable[str]:
    cell, step = derivation.cell, notation.time
    groups: dict[tuple[str, str], list[str]] = {}

    def add(role: str, tensor: Tensor) -> None:
        shape = r" \times ".join(size_text(extent) for extent in tensor.shape)
        groups.setdefault((role, shape), []).append(f"${notation.whole(tensor.name)}$")

    for tensor in cell.inputs:
        add("input", tensor)
    for state in cell.states:
        add("state before the step", state.tensor)
        add("state after the step", state.update)
    for role, tensors in (
        ("parameter", cell.parameters),
        ("intermediate", cell.intermediates),
        ("output", cell.outputs),
    ):
        for tensor in tensors:
            add(role, tensor)
    yield "\\section{Tensors}\n"
    yield rf"Shapes are per sample and step; there are $B$ samples and steps ${step} = 1, \dots, T$."
    yield f"Indices count from 0: {_ranges(derivation)}. {_example(derivation, notation)}"
    if cell.conditions:
        wanted = " and ".join(f"${_condition(condition)}$" for condition in cell.conditions)
        yield f"The equations have values where {wanted}."
    yield "Vectors are columns, $\\odot$ is the elementwise product, and numbers act on every element.\n"
    rows = []
    for (role, shape), names in groups.items():
        space = rf"$\mathbb{{R}}^{{{shape}}}$" if shape else r"$\mathbb{R}$"
        rows.append(rf"{role} & \raggedright {', '.join(names)} & {space} \\")
    yield "\\begin{center}\n\\begin{tabular}{lp{9cm}l}\n\\hline\nrole & tensors & shape \\\\\n\\hline"
    yield "\n".join(rows)
    yield "\\hline\n\\end{tabular}\n\\end{center}\n"


def _condition(condition: Condition) -> str:
    """A condition on sizes: Q is not 1, or a polynomial is not 0."""
    relation = {NONZERO: r"\ne", POSITIVE: ">", NONNEGATIVE: r"\ge"}[condition.relation]
    if condition.excluded is not None:
        return f"{word(condition.sizes[0])} {relation} {condition.excluded}"
    return f"{size_text(condition.polynomial)} {relation} 0"


def _ranges(derivation: Derivation) -> str:
    """The indices that occur, grouped by the extent they run to."""
    letters: dict[str, list[str]] = {}
    nodes = (*derivation.forward.nodes, *derivation.bptt.program.nodes)
    found = {i for n in nodes for e in (n.target, n.value) for i in indices_in(e)}
    for index in sorted(found, key=lambda i: i.name):
        letters.setdefault(size_text(extent_of(index)), []).append(index_name(index.name))
    return "; ".join(rf"${', '.join(names)} < {extent}$" for extent, names in sorted(letters.items()))


def _example(derivation: Derivation, notation: Notation) -> str:
    """How a label is to be read, by a tensor of the cell that has one."""
    for tensor in derivation.cell.tensors.values():
        if notation.head(tensor.name).above and tensor.axes:
            return (
                f"A label in parentheses belongs to the name: ${notation.element(tensor.element)}$ is the element "
                f"\\texttt{{[{escape(','.join(tensor.letters))}]}} of the tensor \\texttt{{{escape(tensor.name)}}}."
            )
    return ""


def _both_forms(derivation: Derivation, items: Sequence[Equation | Node], notation: Notation) -> Iterable[str]:
    """A display in index form, and one in matrix form where anything has one."""
    yield "In index form:"
    yield display(in_index_form(derivation, items, notation))
    missing = sum(matrix_line(item, notation) is None for item in items)
    if missing < len(items):
        rest = " (what is no matrix product stays in index form)" if missing else ""
        yield f"In matrix form{rest}:"
        yield display(in_matrix_form(derivation, items, notation))


def _equations(derivation: Derivation, notation: Notation) -> Iterable[str]:
    yield "\\section{Equations}\n"
    yield from _both_forms(derivation, derivation.cell.equations, notation)


def _one_step(derivation: Derivation, notation: Notation) -> Iterable[str]:
    states = derivation.cell.states
    given = [notation.whole(cotangent_name(state.update.name)) for state in states]
    given += [notation.whole(cotangent_name(tensor.name)) for tensor in derivation.cell.outputs]
    carried = ", ".join(f"${notation.whole(cotangent_name(state.name))}$" for state in states)
    parts = named_parts(derivation)
    share = "The gradients of the parameters are one step's and one sample's share." * bool(derivation.cell.parameters)
    yield "\\section{Gradients of one step}\\label{step}\n"
    yield (
        f"The cotangent of a tensor, the gradient of the loss with respect to it, wears a bar. Given "
        f"{', '.join(f'${g}$' for g in given)}, one step sends {carried} back to the state before it. "
        f"{share}\n"
    )
    if parts:
        yield "These names for parts of the equations are used:"
        yield display(in_index_form(derivation, parts, notation))
    yield from _both_forms(derivation, derivation.vjp.nodes, notation)


def _through_time(derivation: Derivation, notation: Notation) -> Iterable[str]:
    recurrence, step = derivation.bptt, notation.time
    series = [f"${notation.whole(s.name)} = {notation.whole(s.tensor.name)}$" for s in recurrence.layer.series]
    finals = [f"${notation.whole(cotangent_name(final_name(s.name)))}$" for s in derivation.cell.states]
    yield "\\section{Backpropagation through time}\n"
    yield (
        f"The loss depends on every output {', '.join(series)} and on the final state, whose own cotangent is "
        f"{', '.join(finals)}. After the last step:"
    )
    yield display(in_matrix_form(derivation, recurrence.start, notation.at("T")))
    yield rf"For ${step} = T, \dots, 1$:"
    yield display(in_matrix_form(derivation, [*recurrence.recomputed, *recurrence.seeds], notation.at(step)))
    results = [*derivation.cell.inputs, *(state.tensor for state in derivation.cell.states)]
    names = ", ".join(f"${notation.whole(cotangent_name(tensor.name))}$" for tensor in results)
    yield f"and then the step of section~\\ref{{step}}, which gives {names}."
    yield "Before the first step:"
    yield display(in_matrix_form(derivation, recurrence.end, notation.at("0")))
    if not derivation.cell.parameters:
        return
    sample = notation.per_sample().sample
    yield rf"The parameters, over all steps ${step} = 1, \dots, T$ and samples ${sample} = 1, \dots, B$:"
    yield display(totals(derivation, notation))


def _saved(derivation: Derivation, notation: Notation) -> Iterable[str]:
    recurrence, shapes = derivation.bptt, derivation.bptt.program.shapes
    twice = [s for s in derivation.cell.states if {s.name, s.update.name}.issubset(recurrence.saved)]
    once = [name for name in recurrence.saved if name not in [state.update.name for state in twice]]
    yield "\\section{What the forward pass saves}\n"
    if not once:
        yield "Nothing.\n"
        return
    total = size_text(Add(*(Mul(*shapes[name]) for name in once)))
    names = ", ".join(f"${notation.whole(name)}$" for name in once)
    yield f"For every step and sample: {names}; in all ${total}$ numbers.\n"
    for state in twice:
        after = f"${notation.whole(state.update.name)}$"
        yield f"{after} is read too; it is what the next step saves, and is kept once more after the last step.\n"
    if recurrence.recomputed:
        again = ", ".join(f"${notation.whole(node.tensor)}$" for node in recurrence.recomputed)
        yield f"Computed again and not saved: {again}.\n"


def _kinks(derivation: Derivation) -> Iterable[str]:
    names = kinked(derivation)
    if not names:
        return
    yield "\\section{Derivatives at kinks}\n"
    yield (
        r"\textbf{Not differentiable everywhere.} The derivatives below are stated, with "
        r"$\operatorname{step}(x) = 1$ for $x > 0$ and $0$ otherwise; at a kink they are a convention."
    )
    yield display(line for name in names for line in _kink(name))


def _kink(name: str) -> Iterable[Line]:
    letters = ("a", "b")[: ARITY[name]]
    slopes = partials(FUNCTIONS[name](*map(Symbol, letters)), Symbol("y"))
    call = solid(application(FUNCTIONS[name], list(letters)))
    for letter, slope in zip(letters, slopes, strict=True):
        yield Line(rf"\frac{{\partial y}}{{\partial {letter}}}", rf"{latex(slope)} \quad\text{{for }} y = {call}")


def _derivation(derivation: Derivation, notation: Notation) -> Iterable[str]:
    yield "\\section{Derivation}\n"
    yield (
        r"Each step applies a rule to what stands before the arrow and gives what stands after it; $\mathrel{+}=$ "
        "marks one of several contributions, which a later step adds up. A step that would only repeat its equation "
        "is left out."
    )
    for step in shown_steps(derivation.steps):
        yield _step(step, derivation, notation)


def _step(step: Step, derivation: Derivation, notation: Notation) -> str:
    shapes = derivation.bptt.program.shapes
    given = [node for node in step.before if node.target != node.value]
    before = [node_line(node, notation, shapes, adds=contributes(node, derivation)) for node in given]
    after = [node_line(node, notation, shapes, adds=contributes(node, derivation)) for node in step.after]
    shown = implication(before, after) if before else display(after)
    return f"\\paragraph{{{escape(step.rule[:1].upper() + step.rule[1:])}.}}\n{shown}"
