r"""Matrix form: to the letter for key equations, and in numbers against the index form for all of them."""

from dataclasses import replace
from functools import singledispatch

import numpy as np
import pytest
from sympy import Add, Expr, Function, Idx, Mul, Pow, Sum

from grusym.calculus.derivation import Derivation, derive
from grusym.calculus.program import Node
from grusym.emit.matrix_form import recognise
from grusym.emit.matrix_latex import matrix_form
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
from grusym.emit.notation import Notation
from grusym.equations.axis import extent_of, indices_in
from grusym.equations.cell import Cell, Equation
from grusym.equations.functions import NAMES
from grusym.equations.library import cell
from grusym.equations.tensor import accesses, indices_of, is_access, tensor_of
from tests.emit.documented_cells import CONV, documented_cells

SIZES = {"I": 2, "H": 3, "D": 2, "C": 3, "P": 4, "K": 2, "Q": 5, "M": 3, "L": 2}
FUNCTIONS = {
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)), "tanh": np.tanh, "exp": np.exp, "abs": np.abs, "max": np.maximum,
    "min": np.minimum, "relu": lambda a: np.maximum(a, 0), "step": lambda a: (a > 0) * 1.0,
    "sqrt": lambda a: np.sqrt(np.abs(a)), "softplus": lambda a: np.log1p(np.exp(a)), "erf": lambda a: np.tanh(1.2 * a),
}  # fmt: skip


def printed(which: Cell) -> dict[str, str | None]:
    derivation = derive(which)
    notation = Notation.of(derivation)
    forms = {str(e.target).partition("[")[0]: matrix_form(e, notation) for e in which.equations}
    return forms | {node.tensor: matrix_form(node, notation) for node in derivation.vjp.nodes}


def test_gru() -> None:
    gru = printed(cell("gru"))
    assert gru["r"] == r"r_{t} = \sigma(W^{(r)} x_{t} + U^{(r)} h_{t-1} + b^{(r)} + c^{(r)})"
    assert gru["h'"] == r"h_{t} = (1 - z_{t}) \odot n_{t} + z_{t} \odot h_{t-1}"
    assert gru["da_n"] == r"\bar{a}^{(n)}_{t} = \bar{n}_{t} \odot (1 - n_{t}^{\odot 2})"
    assert gru["dh_sum"] == (
        r"\bar{h}^{+(\mathrm{sum})}_{t-1} = U^{(r)\top} \bar{a}^{(r)}_{t} + U^{(z)\top} \bar{a}^{(z)}_{t}"
        r" + U^{(n)\top} \bar{u}_{t}"
    )
    assert gru["dU_r"] == r"\bar{U}^{(r)} = \bar{a}^{(r)}_{t} h^{\top}_{t-1}"


def test_reset_before_multiplies_inside_the_product() -> None:
    gru = printed(cell("gru:reset=before"))
    assert gru["n"] == (r"n_{t} = \tanh\bigl(W^{(n)} x_{t} + U^{(n)} (r_{t} \odot h_{t-1}) + b^{(n)} + c^{(n)}\bigr)")
    assert gru["dU_n"] == r"\bar{U}^{(n)} = \bar{a}^{(n)}_{t} h^{(r)\top}_{t}"


def test_two_states() -> None:
    lstm = printed(cell("lstm"))
    assert lstm["c'"] == r"c_{t} = f_{t} \odot c_{t-1} + i_{t} \odot g_{t}"
    assert lstm["dc"] == r"\bar{c}^{+}_{t-1} = \bar{c}^{(\mathrm{total})}_{t} \odot f_{t}"


def test_a_convolution_is_no_matrix_product_but_its_bias_is() -> None:
    conv = printed(Cell.parse(CONV))
    assert conv["h'"] is None
    assert conv["dW"] is None
    assert conv["db"] == r"\bar{b} = \bar{a}^{(h')}_{t} \mathbf{1}"


@pytest.mark.parametrize("right", ["i b[i]", "b[i] / (i + 1)", "sum[k](k A[i,k] b[k])", "b[i] tanh(i h[i])", "i - H"])
def test_an_index_as_a_number_has_no_matrix_form(right: str) -> None:
    head = "own(x[j], h[k]) -> h'[i]  axes i,j,k,l: H\n parameters A[i,k], b[i]\n"
    own = Cell.parse(f"{head} m[i] = {right}\n h'[i] = m[i] + x[i] + h[i] + A[i,k] b[k]")
    assert printed(own)["m"] is None
    assert printed(own)["h'"] is not None


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("A[i,k] A[k,l] h[l]", r"A A h_{t-1}"),
        ("A[k,i] A[k,l] h[l]", r"A^{\top} A h_{t-1}"),
        ("A[i,k] h[k] A[i,l] b[l]", r"(A b) \odot (A h_{t-1})"),
        ("h[k] b[k] b[i]", r"(b^{\top} h_{t-1}) b"),
        ("sum[k](A[i,k] (1 - h[k]))", r"A (1 - h_{t-1})"),
        ("-h[i] + 2 b[i] / H", r"\frac{2}{H} b - h_{t-1}"),
    ],
)
def test_shapes_of_products(right: str, expected: str) -> None:
    head = "own(x[j], h[k]) -> h'[i]  axes i,j,k,l: H\n parameters A[i,k], b[i]\n"
    own = Cell.parse(f"{head} m[i] = {right}\n h'[i] = m[i] + x[i] + h[i] + A[i,k] b[k]")
    assert printed(own)["m"] == f"m_{{t}} = {expected}"


# In numbers. The index form is evaluated on a grid with one axis per index, the matrix form with @ on columns.

Values = dict[str, np.ndarray]


def size(expression: Expr) -> float:
    return float(expression.subs({symbol: SIZES[symbol.name] for symbol in expression.free_symbols}))


def on_grid(expression: Expr, grid: list[Idx], values: Values) -> np.ndarray:
    """The value at every point of the grid; what does not depend on an index has length 1 there."""
    if is_access(expression):
        positions = [np.arange(int(size(extent_of(i)))).reshape([-1 if g == i else 1 for g in grid]) if i in grid else i
                     for i in indices_of(expression)]  # fmt: skip
        return values[tensor_of(expression)][tuple(positions)] if positions else values[tensor_of(expression)]
    if isinstance(expression, Sum):
        total = on_grid(expression.function, grid, values)
        for index in (limit[0] for limit in expression.limits):
            total = total.sum(axis=grid.index(index), keepdims=True)
        return total
    if not accesses(expression):
        return np.asarray(size(expression))
    parts = [on_grid(a, grid, values) for a in expression.args]
    if isinstance(expression, Add):
        return sum(parts[1:], parts[0])
    if isinstance(expression, Mul):
        return np.prod(np.broadcast_arrays(*parts), axis=0)
    if isinstance(expression, Pow):
        return parts[0] ** parts[1]
    assert isinstance(expression, Function)
    return FUNCTIONS[NAMES[type(expression)]](*parts)


def by_index(item: Equation | Node, values: Values) -> np.ndarray:
    grid = sorted({*indices_in(item.target), *indices_in(item.value)}, key=lambda i: i.name)
    if isinstance(item, Node) and item.over:
        value = on_grid(Sum(item.value, *((i, i.lower, i.upper) for i in item.over)), grid, values)
    else:
        value = on_grid(item.value, grid, values)
    value = np.reshape(value, np.shape(value) or (1,) * len(grid))
    target = indices_of(item.target)
    value = np.broadcast_to(value, [int(size(extent_of(g))) if g in target else 1 for g in grid])
    return np.einsum(value, list(range(len(grid))), [grid.index(i) for i in target])


@singledispatch
def as_matrix(matrix: Matrix, values: Values) -> np.ndarray:
    raise TypeError(type(matrix))


@as_matrix.register
def _(matrix: Leaf, values: Values) -> np.ndarray:
    value = values[matrix.tensor]
    return value[:, None] if value.ndim == 1 else value


@as_matrix.register
def _(matrix: Constant, values: Values) -> np.ndarray:
    return np.asarray(size(matrix.value))


@as_matrix.register
def _(matrix: Ones, values: Values) -> np.ndarray:
    return np.ones((int(size(extent_of(matrix.indices[0]))), 1))


@as_matrix.register
def _(matrix: Transposed, values: Values) -> np.ndarray:
    return as_matrix(matrix.operand, values).T


@as_matrix.register
def _(matrix: Diagonal, values: Values) -> np.ndarray:
    return np.diag(as_matrix(matrix.operand, values)[:, 0])


@as_matrix.register
def _(matrix: Times, values: Values) -> np.ndarray:
    return np.linalg.multi_dot([as_matrix(f, values) for f in matrix.factors])


@as_matrix.register
def _(matrix: Hadamard, values: Values) -> np.ndarray:
    found = [as_matrix(f, values) for f in matrix.factors]
    assert len({f.shape for f in found if f.size > 1}) <= 1, "no broadcasting but of numbers"
    return np.prod(np.broadcast_arrays(*found), axis=0)


@as_matrix.register
def _(matrix: Plus, values: Values) -> np.ndarray:
    return sum(as_matrix(t, values) * (-1 if m else 1) for t, m in zip(matrix.terms, matrix.negative, strict=True))


@as_matrix.register
def _(matrix: Power, values: Values) -> np.ndarray:
    return as_matrix(matrix.base, values) ** float(matrix.exponent)


@as_matrix.register
def _(matrix: Applied, values: Values) -> np.ndarray:
    return FUNCTIONS[NAMES[matrix.function]](*(as_matrix(a, values) for a in matrix.arguments))


def values_for(derivation: Derivation) -> Values:
    """Random values for every tensor that the derivation names, with a seed and so the same every time."""
    nodes = derivation.bptt.program.nodes
    found = [element for node in nodes for side in (node.target, node.value) for element in accesses(side)]
    plain = [a for a in found if all(isinstance(index, Idx) for index in indices_of(a))]
    shapes = {tensor_of(a): tuple(extent_of(index) for index in indices_of(a)) for a in plain}
    shapes |= derivation.bptt.program.shapes
    random = np.random.default_rng(0)
    return {name: random.uniform(0.5, 1.5, [int(size(extent)) for extent in shapes[name]]) for name in sorted(shapes)}


def agree(item: Equation | Node, tree: Matrix, values: Values) -> bool:
    want, got = by_index(item, values), np.asarray(as_matrix(tree, values))
    if want.ndim < 2:  # numbers and columns
        got = got.reshape(-1)
    return bool(np.allclose(np.broadcast_to(got, want.shape or (1,)), want, rtol=1e-12, atol=1e-12))


@pytest.mark.parametrize("name", sorted(documented_cells()))
def test_matrix_form_has_the_value_of_the_index_form(name: str) -> None:
    derivation = derive(documented_cells()[name])
    order, values = Notation.of(derivation).order, values_for(derivation)
    items = [*derivation.cell.equations, *derivation.forward.nodes, *derivation.bptt.program.nodes]
    trees = [(item, tree) for item in items if (tree := recognise(item, order)) is not None]
    assert len(trees) >= 3
    for item, tree in trees:
        assert agree(item, tree, values), f"{item}  is not  {tree}"


def test_the_comparison_sees_a_missing_transpose() -> None:
    derivation = derive(cell("rnn"))
    order, values = Notation.of(derivation).order, values_for(derivation)
    node = next(node for node in derivation.vjp.nodes if node.tensor == "dh")
    tree = recognise(node, order)
    assert isinstance(tree, Times)
    assert isinstance(tree.factors[0], Transposed)
    assert agree(node, tree, values)
    assert not agree(node, replace(tree, factors=(tree.factors[0].operand, *tree.factors[1:])), values)
