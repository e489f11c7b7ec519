"""Scans: the same states, outputs and gradients as the recurrence, and a refusal where there is no scan."""

import numpy as np
import pytest

from grusym.calculus.scan import scannable
from grusym.equations.cell import Cell
from grusym.equations.library import BUILT_IN, cell
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.errors import InputError
from grusym.lower.ir import Kind
from grusym.runtime.kernel import build
from grusym.runtime.scan import scan
from grusym.verify.problem import problem

TWO_STATES = """two(x[j], h[k], s[k]) -> y[o], h'[k], s'[k]  axes j: I  i, k: H  o: O
    z[i]  = sigmoid(W[i,j] x[j])
    u[k]  = 1/2 h[k] - sum[i](U[k,i] z[i]) h[k]
    h'[i] = (1 - z[i]) tanh(V[i,j] x[j]) + z[i] u[i]
    s'[i] = s[i] + z[i]
    y[o]  = Q[o,i] tanh(h'[i]) s[i]"""
CELLS = {
    "mingru": cell("mingru"),
    "mingru:candidate=positive": cell("mingru:candidate=positive"),
    "two states and an output": Cell.parse(TWO_STATES),
    "a constant factor": Cell.parse("a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = 1/2 h[i] + b[i] x[i]"),
    "a convolution": Cell.parse("a(x[p], h[p]) -> h'[p]  axes p: P u: K\n h'[p] = W[u] x[p+u-1] + b h[p] - 2 h[p]"),
    "a term alone": Cell.parse("a(x[i], h[i]) -> y[i], h'[i]  axes i: H\n h'[i] = b[i] x[i]\n y[i] = h[i]"),
}


def results(kernel, sizes, seed=0):
    """Outputs and all gradients of a random problem."""
    given, forward, own = problem(kernel.lowered, sizes, "float64", seed).arrays, kernel.lowered.forward, kernel.cell
    params = {buffer.name: given[buffer.name] for buffer in forward.of_kind(Kind.PARAMETER)}
    initial = {initial_name(s.name): given[initial_name(s.name)] for s in own.states}
    tape = kernel.forward({x.name: given[x.name] for x in own.inputs}, initial, params)
    finals = [cotangent_name(final_name(state.name)) for state in own.states]
    series = [cotangent_name(s.name) for s in kernel.lowered.layer.series]
    grads = kernel.backward(tape, {name: given[name] for name in series}, {name: given[name] for name in finals})
    return tape.outputs | {f"d{name}": array for name, array in (grads.outer | grads.params).items()}


@pytest.mark.parametrize("target", ["numpy", "c"])
@pytest.mark.parametrize("name", CELLS)
def test_a_scan_equals_the_recurrence(name, target):
    steps = build(CELLS[name], target=target, dtype="float64")
    scanned = build(CELLS[name], target=target, dtype="float64", schedule="scan")
    for time in (0, 1, 2, 3, 8, 21):
        sizes = {symbol.name: 2 + n for n, symbol in enumerate(steps.lowered.layer.sizes)} | {"T": time}
        expected, found = results(steps, sizes), results(scanned, sizes)
        assert sorted(found) == sorted(expected)
        for key, array in expected.items():
            assert found[key].shape == array.shape
            # Every element is a sum of at most T^2 products of the same numbers, in another order.
            scale = 2.0**-52 * time**2 * np.abs(array).max(initial=1.0)
            np.testing.assert_allclose(found[key], array, rtol=0, atol=16 * scale, err_msg=f"{key} at T = {time}")


def test_a_long_scan_starts_from_any_state_and_shares_packed_parameters_with_itself_only():
    kernel, steps = (build("mingru", target="numpy", dtype="float64", schedule=s) for s in ("scan", "reference"))
    random = np.random.default_rng(0)
    params = {
        "W_z": random.normal(size=(4, 3)),
        "b_z": np.full(4, -3.0),
        "W_n": random.normal(size=(4, 3)),
        "b_n": np.ones(4),
    }
    x, h0 = random.normal(size=(1000, 2, 3)), 100 * random.normal(size=(2, 4))
    packed = kernel.pack(params)
    np.testing.assert_allclose(kernel.forward(x, h0, packed).y, steps.forward(x, h0, params).y, rtol=1e-12)
    first = kernel.forward(x[:300], h0, packed)
    rest = kernel.forward(x[300:], first.h_n, packed)
    np.testing.assert_allclose(rest.h_n, kernel.forward(x, h0, packed).h_n, rtol=1e-12)
    with pytest.raises(InputError, match="packed by another kernel"):
        steps.forward(x, h0, packed)


def test_a_scan_of_numbers():
    factors, terms = np.array([2.0, 3.0, 5.0]), np.array([7.0, 11.0, 13.0])
    h = [17.0]
    for a, c in zip(factors, terms, strict=True):
        h.append(a * h[-1] + c)
    np.testing.assert_array_equal(scan(factors, terms, np.float64(17)), h)
    np.testing.assert_array_equal(factors, [2, 3, 5])  # not written to


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("h'[i] = tanh(h[i]) x[i]", r"its update holds tanh\(h\[i\]\), which is not a multiple of h\[i\]"),
        ("h'[i] = h[i]^2 + x[i]", r"holds h\[i\]\*\*2"),
        ("h'[i] = h[H-1-i] + x[i]", r"holds h\[H - i - 1\]"),
        ("h'[i] = x[i]/h[i]", r"holds 1/h\[i\]"),
        ("h'[i] = (1 - h[i]) h[i] x[i]", r"which is not a multiple of h\[i\]"),
        ("h'[i] = U[i,k] h[k] + x[i]", r"in h'\[i\] = .*Sum\(.*\) a sum mixes the elements of the state"),
        ("u[i] = U[i,k] h[k]\n h'[i] = u[i] x[i]", r"in u\[i\] = Sum\(.*\) a sum mixes the elements of the state"),
        ("u[i] = h[i] x[i]\n h'[i] = u[i-1]", r"u\[i - 1\] is read at a shifted place"),
    ],
)
def test_a_cell_that_is_not_linear_element_by_element_is_refused(text, why):
    parsed = Cell.parse(f"a(x[i], h[i]) -> h'[i]  axes i, k: H\n {text}")
    with pytest.raises(InputError, match=f"^a cannot be run as a scan: .*{why}.*grusym.build"):
        build(parsed, target="numpy", schedule="scan")


def test_of_the_built_in_cells_mingru_alone_is_linear():
    def linear(name):
        try:
            scannable(cell(name))
        except InputError:
            return False
        return True

    assert [name for name in BUILT_IN if linear(name)] == ["mingru"]


def test_states_that_read_each_other_are_refused():
    parsed = Cell.parse("a(x[i], p[i], q[i]) -> p'[i], q'[i]  axes i: H\n p'[i] = q[i]\n q'[i] = x[i] + p[i]")
    with pytest.raises(InputError, match=r"its update holds q\[i\], which is not a multiple of p\[i\]"):
        scannable(parsed)
