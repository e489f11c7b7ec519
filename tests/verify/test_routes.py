"""The judges themselves: each is right where the answer is known, and the bounds on rounding errors bound them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grusym.equations.cell import Cell
from grusym.equations.library import cell
from grusym.lower.interpret import run
from grusym.lower.ir import Kind
from grusym.lower.lowered import lower
from grusym.verify.error_bounds import error_bounds
from grusym.verify.layer_values import layer_values
from grusym.verify.numerical import numerical_gradients
from grusym.verify.problem import problem

LAYER_NORM_AND_POSITION = ["tests/cells/layer_norm.cell", "tests/cells/position_gate.cell"]


def test_a_layer_of_one_unit_by_hand():
    known = cell("rnn", biases="none")
    x, h, w, u = 0.5, -0.25, 0.75, 1.5
    arrays = {
        "x": np.full((2, 1, 1), x),
        "h0": np.full((1, 1), h),
        "W": np.full((1, 1, 1), w),
        "U": np.full((1, 1, 1), u),
    }
    first = np.tanh(w * x + u * h)
    second = np.tanh(w * x + u * first)
    values = layer_values(known, {"T": 2, "B": 1, "I": 1, "H": 1}, arrays)
    np.testing.assert_allclose(values["y"].ravel(), [first, second], rtol=1e-15)
    np.testing.assert_array_equal(values["h_n"].ravel(), values["y"][1].ravel())


def test_an_access_outside_a_tensor_reads_zero():
    shift = Cell.parse("shift(x[p], h[p]) -> h'[p]  axes p: P\n h'[p] = x[p] + h[p-1]")
    arrays = {"x": np.zeros((1, 1, 3)), "h0": np.array([[1.0, 2.0, 3.0]])}
    assert layer_values(shift, {"T": 1, "B": 1, "P": 3}, arrays)["h_n"].tolist() == [[0.0, 1.0, 2.0]]


def test_a_gradient_by_hand():
    known = cell("rnn", biases="none")
    arrays = {
        "x": np.full((1, 1, 1), 0.5),
        "h0": np.full((1, 1), 2.0),
        "W": np.full((1, 1), 0.75),
        "U": np.full((1, 1), 0.1),
    }
    arrays |= {"dy": np.full((1, 1, 1), 3.0), "dh_n": np.full((1, 1), 4.0)}
    gradients = numerical_gradients(known, {"T": 1, "B": 1, "I": 1, "H": 1}, arrays, 0)
    slope = 7 * (1 - np.tanh(0.75 * 0.5 + 0.1 * 2.0) ** 2)
    want = {"dx": 0.75 * slope, "dh0": 0.1 * slope, "dW": 0.5 * slope, "dU": 2.0 * slope}
    assert {name: pytest.approx(float(value.squeeze()), rel=1e-14) for name, value in gradients.items()} == want


def test_of_a_large_problem_some_elements_are_judged():
    sizes = {"T": 1, "B": 1, "I": 40, "H": 40}
    layer = lower(cell("rnn", biases="none"))
    arrays = problem(layer, sizes, "float64", 0).arrays
    gradients = numerical_gradients(layer.cell, sizes, arrays, 0)
    judged = sum(int(np.isfinite(gradient).sum()) for gradient in gradients.values())
    assert judged == 1024
    assert min(int(np.isfinite(gradient).sum()) for gradient in gradients.values()) >= 8


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn:activation=relu", *LAYER_NORM_AND_POSITION])
@settings(max_examples=4, deadline=None, derandomize=True)
@given(
    sizes=st.fixed_dictionaries({name: st.integers(1, 4) for name in ("T", "B", "I", "H", "K")}),
    seed=st.integers(0, 1000),
)
def test_bounds_bound_the_errors_of_the_interpreter_in_float32(name, sizes, seed):
    """The interpreter in float32 is a program as any other: what it gets wrong is within what rounding explains."""
    layer = lower(cell(name))
    drawn = problem(layer, sizes, "float32", seed)
    exact, rounded = (interpreted(layer, drawn, dtype) for dtype in (np.float64, np.float32))
    bounds = error_bounds(layer, drawn, "float32")
    for tensor, bound in bounds.items():
        error = abs(rounded[tensor].astype(np.float64) - exact[tensor])
        assert (error <= bound + 1e-12 * abs(exact[tensor])).all(), tensor


def interpreted(layer, drawn, dtype):
    ahead = run(layer.forward, drawn.sizes, drawn.arrays, dtype=dtype)
    saved = {buffer.name: ahead[buffer.name] for buffer in layer.forward.of_kind(Kind.SAVED)}
    return ahead | run(layer.backward, drawn.sizes, {**drawn.arrays, **saved}, dtype=dtype)


def test_bounds_are_of_the_size_of_a_few_roundings():
    """Generous bounds would catch nothing: of a GRU of these sizes, 1e-4 of the largest element is enough."""
    layer = lower(cell("gru"), "torch")
    drawn = problem(layer, {"T": 4, "B": 3, "I": 5, "H": 6}, "float32", 0)
    exact, bounds = interpreted(layer, drawn, np.float64), error_bounds(layer, drawn, "float32")
    for tensor, bound in bounds.items():
        assert bound.max() <= 1e-4 * abs(exact[tensor]).max(), tensor
