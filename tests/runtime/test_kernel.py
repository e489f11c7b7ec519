"""Kernels that are built and called: what they take and return, and what they say of what they cannot take."""

import numpy as np
import pytest

import grusym
from grusym.equations.cell import Cell
from grusym.errors import InputError
from grusym.lower.interpret import run_both
from grusym.lower.ir import Kind
from tests.lower.layers import CELLS, lowered, of_kinds
from tests.runtime.kernels import TARGETS, data, params_of, pick

CONV = str(CELLS / "conv.cell")
THREE = str(CELLS / "three_states.cell")
pytestmark = pytest.mark.usefixtures("cache")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("cell", "convention"), [("gru", "torch"), ("lstm", "torch"), ("rnn", None), (CONV, None)])
def test_a_kernel_computes_what_the_ir_says(build, cell, convention, dtype, target):
    kernel = build(cell, target, dtype, convention)
    sizes, given = data(kernel)
    want = run_both(kernel.lowered, sizes, {name: array.astype(np.float64) for name, array in given.items()})
    states = [state.name for state in kernel.cell.states]
    tape = kernel.forward(given["x"], tuple(given[f"{s}0"] for s in states), params_of(kernel, given))
    grads = kernel.backward(tape, given["dy"], tuple(given[f"d{s}_n"] for s in states))
    got = {**tape.outputs, **{f"d{name}": g for name, g in (grads.outer | grads.params).items()}}
    assert sorted(got) == sorted(want)
    for name, array in want.items():
        assert got[name].dtype == dtype
        assert got[name].shape == array.shape
        scale = np.max(np.abs(array))
        assert np.max(np.abs(got[name] - array)) <= {"float32": 1e-5, "float64": 1e-13}[dtype] * max(scale, 1), name


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("T", "B", "extents"), [(0, 2, (3, 4)), (2, 0, (3, 4)), (0, 0, (1, 1)), (1, 1, (1, 1))])
def test_no_steps_and_no_samples_are_sizes_too(build, target, T, B, extents):
    kernel = build("gru", target, "float64", "torch")
    _, given = data(kernel, T, B, *extents)
    tape = kernel.forward(given["x"], given["h0"], params_of(kernel, given))
    grads = kernel.backward(tape, given["dy"], given["dh_n"])
    assert tape.y.shape == (T, B, extents[1])
    if T == 0:
        np.testing.assert_array_equal(tape.h_n, given["h0"])
        np.testing.assert_array_equal(grads.h0, given["dh_n"])
        assert not any(array.any() for array in grads.params.values())


@pytest.mark.parametrize("target", TARGETS)
def test_several_states_come_as_a_tuple_a_dict_or_not_at_all(build, target):
    kernel = build(THREE, target)
    _, given = data(kernel)
    params = params_of(kernel, given)
    states, finals = ("h0", "c0", "n0"), ("dh_n", "dc_n", "dn_n")
    by_tuple = kernel.forward(given["x"], tuple(given[s] for s in states), params)
    by_name = kernel.forward({"x": given["x"]}, pick(given, states), params)
    np.testing.assert_array_equal(by_tuple.y, by_name.y)
    assert by_tuple.c_n.shape == by_tuple.n_n.shape == given["c0"].shape
    one = kernel.backward(by_tuple, given["dy"], tuple(given[f] for f in finals))
    other = kernel.backward(by_name, {"dy": given["dy"]}, pick(given, finals))
    for name in ("x", *states):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    zero = {s: np.zeros_like(given[s]) for s in states}
    some = kernel.forward(given["x"], (given["h0"], None, None), params)
    np.testing.assert_array_equal(some.y, kernel.forward(given["x"], zero | {"h0": given["h0"]}, params).y)
    none = kernel.forward(given["x"], None, params)
    np.testing.assert_array_equal(none.y, kernel.forward(given["x"], zero, params).y)
    only_y = kernel.backward(none, given["dy"])
    with_zeros = kernel.backward(none, given["dy"], tuple(np.zeros_like(given[f]) for f in finals))
    np.testing.assert_array_equal(only_y.params["U_i"], with_zeros.params["U_i"])
    nothing = kernel.backward(none)
    assert not any(array.any() for array in (nothing.x, *nothing.params.values()))


@pytest.mark.parametrize("target", TARGETS)
def test_packed_parameters_are_those_of_when_they_were_packed(build, target):
    kernel = build("gru", target, "float64", "torch")
    _, given = data(kernel)
    params = params_of(kernel, given)
    packed = kernel.pack(params)
    before = kernel.forward(given["x"], given["h0"], packed)
    params["weight_hh"][:] = 0
    after = kernel.forward(given["x"], given["h0"], packed)
    np.testing.assert_array_equal(before.y, after.y)
    assert not np.array_equal(before.y, kernel.forward(given["x"], given["h0"], params).y)
    # The tape of before keeps its own parameters as well.
    one, other = (kernel.backward(tape, given["dy"], given["dh_n"]) for tape in (before, after))
    np.testing.assert_array_equal(one.x, other.x)


@pytest.mark.parametrize("target", TARGETS)
def test_results_are_fresh_and_arguments_unchanged(build, target):
    kernel = build("lstm", target)
    _, given = data(kernel)
    params, held = params_of(kernel, given), {name: array.copy() for name, array in given.items()}
    states, finals = (given["h0"], given["c0"]), (given["dh_n"], given["dc_n"])
    tape = kernel.forward(given["x"], states, params)
    again = kernel.forward(given["x"], states, params)
    grads, grads_again = (kernel.backward(tape, given["dy"], finals) for _ in range(2))
    for name, array in held.items():
        np.testing.assert_array_equal(given[name], array, err_msg=name)
    arrays = [*tape.outputs.values(), *again.outputs.values()]
    for g in (grads, grads_again):
        arrays += [*g.outer.values(), *g.params.values()]
    arrays += list(given.values())
    for n, one in enumerate(arrays):
        for other in arrays[:n]:
            assert not np.shares_memory(one, other)
    for name in grads.params:
        np.testing.assert_array_equal(grads.params[name], grads_again.params[name])


@pytest.mark.parametrize("target", TARGETS)
def test_read_only_arrays_are_fine(build, target):
    kernel = build("rnn", target)
    _, given = data(kernel)
    for array in given.values():
        array.flags.writeable = False
    tape = kernel.forward(given["x"], given["h0"], params_of(kernel, given))
    kernel.backward(tape, given["dy"], given["dh_n"])


@pytest.mark.parametrize("target", TARGETS)
def test_inference_keeps_nothing_for_backward(build, target):
    kernel = build("gru", target)
    _, given = data(kernel)
    tape = kernel.forward(given["x"], given["h0"], params_of(kernel, given), saving=False)
    full = kernel.forward(given["x"], given["h0"], params_of(kernel, given))
    np.testing.assert_array_equal(tape.y, full.y)
    assert tape.saved is None
    with pytest.raises(InputError) as caught:
        kernel.backward(tape, given["dy"])
    assert str(caught.value) == (
        "this tape was made with saving=False, for inference; run forward with saving=True first"
    )


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_a_convention_only_packs_otherwise(build, cell):
    torch, own = build(cell, "c", "float64", "torch"), build(cell)
    sizes, given = data(torch)
    packed = params_of(torch, given)
    parts = {name: np.ascontiguousarray(a) for name, a in torch.lowered.layout.unpack(packed, sizes).items()}
    states = tuple(given[f"{s.name}0"] for s in torch.cell.states)
    finals = tuple(given[f"d{s.name}_n"] for s in torch.cell.states)
    tapes = torch.forward(given["x"], states, packed), own.forward(given["x"], states, parts)
    np.testing.assert_array_equal(tapes[0].y, tapes[1].y)
    grads = torch.backward(tapes[0], given["dy"], finals), own.backward(tapes[1], given["dy"], finals)
    for name, array in torch.lowered.layout.unpack(grads[0].params, sizes).items():
        np.testing.assert_array_equal(array, grads[1].params[name], err_msg=name)


def test_sizes_that_no_parameter_has_are_read_off_the_arrays(build):
    # P, the positions of a convolution, is not among the sizes of its weights.
    kernel = build(CONV)
    sizes, given = data(kernel)
    packed = kernel.pack(params_of(kernel, given))
    assert "P" not in packed.sizes
    assert kernel.forward(given["x"], given["h0"], packed).y.shape[-1] == sizes["P"]


def test_a_state_from_which_alone_a_size_can_be_read_must_be_given():
    kernel = grusym.build(
        Cell.parse("leak(x[j], h[k]) -> h'[k]  axes j: I  k: H\n h'[k] = a h[k] + sum[j](b x[j])"), dtype="float64"
    )
    params = {"a": np.array(0.5), "b": np.array(2.0)}
    x = np.ones((2, 1, 3))
    with pytest.raises(InputError, match=r"^the size H cannot be read off the given arrays; pass the initial states$"):
        kernel.forward(x, None, params)
    tape = kernel.forward(x, np.ones((1, 4)), params)
    np.testing.assert_allclose(tape.h_n, np.full((1, 4), 0.5 * 6.5 + 6))
    grads = kernel.backward(tape, None, np.ones((1, 4)))
    assert grads.params["a"].shape == ()
    np.testing.assert_allclose(grads.params["a"], 4 * (6.5 + 0.5))


def test_attributes_that_are_not_there_are_named(build):
    kernel = build("gru", "numpy")
    _, given = data(kernel)
    tape = kernel.forward(given["x"], given["h0"], params_of(kernel, given))
    with pytest.raises(AttributeError, match=r"^the tape has no c_n$"):
        _ = tape.c_n
    with pytest.raises(AttributeError, match=r"^there is no gradient of W_r here; parameters stand in \.params$"):
        _ = kernel.backward(tape).W_r


def test_the_interpreter_and_a_users_cell_agree(build):
    kernel = build(THREE)
    sizes, given = data(kernel, 4, 3, 2, 5, seed=3)
    want = run_both(lowered("three_states.cell"), sizes, given)
    tape = kernel.forward(given["x"], (given["h0"], given["c0"], given["n0"]), params_of(kernel, given))
    for name, array in of_kinds(kernel.lowered.forward, want, Kind.OUTPUT).items():
        np.testing.assert_allclose(tape.outputs[name], array, rtol=1e-12, atol=1e-13)
