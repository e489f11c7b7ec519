"""Theorem: <g, JVP v> = <VJP g, v> for one step of a cell. Level: exact, for the extents given below.

Forward mode (calculus/forward.py) and reverse mode (calculus/reverse.py) are derived apart. Both write derivatives in
the forward values; with these, g and v as indeterminates both sides are polynomials, which are expanded and compared.
"""

from collections.abc import Iterable
from itertools import product

from sympy import Add, Expr, Symbol, expand

from grusym.calculus.bptt import step_program
from grusym.calculus.derivation import Derivation, derive
from grusym.calculus.program import Node
from grusym.equations.axis import extent_of
from grusym.equations.layer import Layer
from grusym.equations.library import cell
from grusym.equations.names import cotangent_name, tangent_name
from grusym.equations.tensor import Tensor, accesses, indices_of, tensor_of

CELLS = ("gru", "gru:reset=before,update=write", "lstm", "rnn", "rnn:activation=relu")
EXTENTS = {"I": 2, "H": 2}
Values = dict[str, Expr]


def difference(derivation: Derivation) -> Expr:
    """<g, JVP v> - <VJP g, v> over all results and all that the cell reads, expanded: zero."""
    found = derivation.cell
    results = [*found.outputs, *(state.update for state in found.states)]
    given = [*found.inputs, *(state.tensor for state in found.states), *found.parameters]
    forward = {node.tensor for node in derivation.forward.nodes}
    tangents = evaluate(node for node in step_program(Layer(derivation.jvp)).nodes if node.tensor not in forward)
    cotangents = evaluate(derivation.vjp.nodes)
    left = Add(*(pair(cotangent_name(r.name), tangent_name(r.name), r, {}, tangents) for r in results))
    right = Add(*(pair(cotangent_name(x.name), tangent_name(x.name), x, cotangents, {}) for x in given))
    return expand(left - right)


def pair(one: str, other: str, like: Tensor, ones: Values, others: Values) -> Expr:
    """The inner product of two tensors shaped as `like`; an element without a value is an indeterminate."""
    return Add(
        *(
            value(f"{one}{list(at)}", ones) * value(f"{other}{list(at)}", others)
            for at in product(*(range(EXTENTS[axis.name]) for axis in like.axes))
        )
    )


def evaluate(nodes: Iterable[Node]) -> Values:
    """Every element that the nodes define, as a polynomial in those that they do not."""
    values: Values = {}
    for node in nodes:
        for at in points(node.free):
            terms = (
                node.value.xreplace({e: value(element(e, at | inner), values) for e in accesses(node.value)})
                for inner in points(node.over)
            )
            values[element(node.target, at)] = expand(Add(*terms))
    return values


def points(indices: tuple[Expr, ...]) -> Iterable[dict[Expr, int]]:
    """All values of some indices."""
    ranges = (range(EXTENTS[str(extent_of(index))]) for index in indices)
    return (dict(zip(indices, numbers, strict=True)) for numbers in product(*ranges))


def element(access: Expr, at: dict[Expr, int]) -> str:
    """The name of an element: U_r[0, 1]."""
    return f"{tensor_of(access)}{[at[index] for index in indices_of(access)]}"


def value(name: str, values: Values) -> Expr:
    """What an element is: its polynomial, or itself as an indeterminate."""
    return values.get(name, Symbol(name))


if __name__ == "__main__":
    for name in CELLS:
        off = difference(derive(cell(name)))
        print(f"{name}: {'proven' if off == 0 else f'REFUTED, off by {off}'}")
