"""Kernels that are built and called: what they take and return, and what they say of what they cannot take."""

import shutil

import numpy as np
import pytest

import grusym
from grusym.equations.cell import Cell
from grusym.errors import CellError, CompilerError, GrusymError, InputError
from grusym.lower.ir import Kind
from tests.lower.layers import CELLS, lowered, of_kinds, random_arrays, some_sizes, train

TARGETS = ("c", "numpy")
CONV = str(CELLS / "conv.cell")
THREE = str(CELLS / "three_states.cell")
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not on this machine")
pytestmark = needs_compiler


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of compiled libraries for this module, so that nothing is left from elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRUSYM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def build(cache):
    """Kernels, each built once."""
    made = {}

    def make(cell="gru", target="c", dtype="float64", convention=None):
        key = (cell, target, dtype, convention)
        if key not in made:
            made[key] = grusym.build(cell, target=target, dtype=dtype, convention=convention)
        return made[key]

    return make


def data(kernel, T=3, B=2, *extents, seed=0):
    """Arrays by name for everything that a caller gives, in the kernel's type."""
    sizes = some_sizes(kernel.lowered.forward, T, B, *extents)
    given = random_arrays(kernel.lowered, sizes, seed)
    return sizes, {name: np.asarray(array, kernel.dtype) for name, array in given.items()}


def pick(given, names):
    return {name: given[name] for name in names}


def params_of(kernel, given):
    return pick(given, [b.name for b in kernel.lowered.forward.of_kind(Kind.PARAMETER)])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("cell", "convention"), [("gru", "torch"), ("lstm", "torch"), ("rnn", None), (CONV, None)])
def test_a_kernel_computes_what_the_ir_says(build, cell, convention, dtype, target):
    kernel = build(cell, target, dtype, convention)
    sizes, given = data(kernel)
    want = train(kernel.lowered, sizes, {name: array.astype(np.float64) for name, array in given.items()})
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


def wrong_calls(kernel, given):
    """A call that does not fit, and all of what is said of it."""
    x, h0, params = given["x"], given["h0"], params_of(kernel, given)
    takes = "gru in convention torch takes weight_ih, weight_hh, bias_ih, bias_hh"
    without = {name: array for name, array in params.items() if name != "bias_hh"}
    wider = np.zeros((12, 7))
    return {
        "a dtype": (
            x.astype(np.float32),
            h0,
            params,
            "x is float32, but the kernel computes in float64; pass x.astype(np.float64)",
        ),
        "a list": (x.tolist(), h0, params, "x is a list, not a NumPy array; pass np.asarray(x, np.float64)"),
        "an input that is None": (None, h0, params, "the input x is missing"),
        "too many states": (x, (h0, h0), params, "the initial state consists of h0: 1 array(s), not 2"),
        "an unknown state": (x, {"c0": h0}, params, "the initial state has no c0; it consists of h0"),
        "a rank": (x[0], h0, params, f"x has shape {x[0].shape}, but (T, B, I) is wanted"),
        "a batch": (
            x,
            np.zeros((5, h0.shape[1])),
            params,
            f"h0 (B, H) has shape (5, {h0.shape[1]}), so B would be 5, but x says B = {x.shape[1]}",
        ),
        "a hidden size": (x, np.zeros((x.shape[1], 9)), params, "the arrays say H = 9, but the parameters have H = 5"),
        "a missing parameter": (x, h0, without, f"params lacks bias_hh; {takes}"),
        "an unknown parameter": (x, h0, {**params, "bias": h0}, f"params has the unknown bias; {takes}"),
        "both": (x, h0, {**without, 7: h0}, f"params lacks bias_hh and has the unknown 7; {takes}"),
        "no dict": (x, h0, list(params.values()), "params is a list, not a dict of arrays by name"),
        "a parameter's shape": (
            x,
            h0,
            {**params, "weight_ih": wider},
            "weight_ih has shape (12, 7), but (3*H, I) = (15, 7) is wanted",
        ),
        "a parameter that is a list": (
            x,
            h0,
            {**params, "bias_ih": [0.0]},
            "bias_ih is a list, not a NumPy array; pass np.asarray(bias_ih, np.float64)",
        ),
        "an axis without elements": (
            np.zeros((3, 2, 0)),
            h0,
            {**params, "weight_ih": np.zeros((15, 0))},
            "I is 0, but an axis of the cell needs at least 1 element",
        ),
    }


@pytest.mark.parametrize("target", TARGETS)
def test_calls_that_do_not_fit_say_why(build, target):
    kernel = build("gru", target, "float64", "torch")
    _, given = data(kernel)
    for what, (x, h0, params, message) in wrong_calls(kernel, given).items():
        with pytest.raises(InputError) as caught:
            kernel.forward(x, h0, params)
        assert str(caught.value) == message, what


@pytest.mark.parametrize("target", TARGETS)
def test_cotangents_that_do_not_fit_say_why(build, target):
    kernel = build("gru", target, "float64", "torch")
    _, given = data(kernel)
    tape = kernel.forward(given["x"], given["h0"], params_of(kernel, given))
    T, B, H = given["dy"].shape
    for dy, dh_n, message in (
        (given["dy"][0], None, f"dy has shape {(B, H)}, but (T, B, H) = {(T, B, H)} is wanted"),
        (
            given["dy"].astype(np.float32),
            None,
            "dy is float32, but the kernel computes in float64; pass dy.astype(np.float64)",
        ),
        (None, [1.0], "dh_n is a list, not a NumPy array; pass np.asarray(dh_n, np.float64)"),
        (None, {"dh": 1}, "the cotangent of the final state has no dh; it consists of dh_n"),
    ):
        with pytest.raises(InputError) as caught:
            kernel.backward(tape, dy, dh_n)
        assert str(caught.value) == message
    with pytest.raises(InputError, match=r"^the tape is a ndarray; pass what forward returned$"):
        kernel.backward(tape.y, given["dy"])


def test_kernels_refuse_what_another_has_packed(build):
    # Read as another type, the arrays would be too short.
    narrow, wide = build("gru", "c", "float32", "torch"), build("gru", "c", "float64", "torch")
    _, given = data(narrow)
    tape = narrow.forward(given["x"], given["h0"], params_of(narrow, given))
    for call in (
        lambda: wide.forward(given["x"].astype(float), given["h0"].astype(float), tape.packed),
        lambda: wide.backward(tape),
    ):
        with pytest.raises(
            InputError, match=r"^these parameters were packed by another kernel \(c float32 [0-9a-f]+\.\.\.\) than this"
        ):
            call()


def test_another_kernel_built_from_the_same_takes_them(build):
    kernel, again = build("gru", "c", "float64", "torch"), grusym.build("gru", dtype="float64", convention="torch")
    _, given = data(kernel)
    tape = kernel.forward(given["x"], given["h0"], kernel.pack(params_of(kernel, given)))
    np.testing.assert_array_equal(again.backward(tape, given["dy"]).x, kernel.backward(tape, given["dy"]).x)


def test_attributes_that_are_not_there_are_named(build):
    kernel = build("gru", "numpy")
    _, given = data(kernel)
    tape = kernel.forward(given["x"], given["h0"], params_of(kernel, given))
    with pytest.raises(AttributeError, match=r"^the tape has no c_n$"):
        _ = tape.c_n
    with pytest.raises(AttributeError, match=r"^there is no gradient of W_r here; parameters stand in \.params$"):
        _ = kernel.backward(tape).W_r


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"cell": "grue"},
            "unknown cell 'grue'; built in are gru, lstm, rnn, and the path of a .cell file is taken too",
        ),
        ({"cell": None}, "the cell is a NoneType; pass a Cell, or its spelling on the command line"),
        ({"target": "fortran"}, "unknown target 'fortran'; one can build c and numpy"),
        ({"dtype": "float16"}, "kernels have no dtype 'float16'; choose float32 or float64"),
        ({"dtype": "float16", "target": "numpy"}, "kernels have no dtype 'float16'; choose float32 or float64"),
        ({"schedule": "quick"}, "unknown schedule 'quick'; known are reference"),
        ({"schedule": "quick", "target": "numpy"}, "unknown schedule 'quick'; known are reference"),
        ({"threads": 4}, "threads=4, but the schedule reference runs on one thread; pass threads=1"),
        ({"threads": 0}, "threads=0, but the schedule reference runs on one thread; pass threads=1"),
    ],
)
def test_choices_that_do_not_exist_are_refused(arguments, message):
    with pytest.raises(InputError) as caught:
        grusym.build(**{"cell": "gru", **arguments})
    assert str(caught.value) == message


def test_a_malformed_cell_points_at_its_column(tmp_path):
    path = tmp_path / "bad.cell"
    path.write_text("bad(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = x[i] ? h[i]\n")
    with pytest.raises(CellError) as caught:
        grusym.build(str(path))
    assert str(caught.value).startswith(f"{path}:2:15: ")


def test_an_unknown_convention_is_refused():
    with pytest.raises(GrusymError, match="karas"):
        grusym.build("gru", convention="karas")


def test_without_a_compiler_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(CompilerError, match="compiler"):
        grusym.build("gru")
    grusym.build("gru", target="numpy")


def test_a_compiler_that_fails_is_quoted(monkeypatch, tmp_path):
    script = tmp_path / "cc"
    script.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo broken 1.0; exit 0; }\necho "error: no disk" >&2; exit 1\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    monkeypatch.setenv("GRUSYM_CACHE", str(tmp_path / "cache"))
    with pytest.raises(CompilerError) as caught:
        grusym.build("gru")
    assert "exit status 1" in caught.value.message
    assert "no disk" in caught.value.message
    assert caught.value.command[0] == str(script)
    assert not list((tmp_path / "cache").glob("*.so"))


def test_the_interpreter_and_a_users_cell_agree(build):
    kernel = build(THREE)
    sizes, given = data(kernel, 4, 3, 2, 5, seed=3)
    want = train(lowered("three_states.cell"), sizes, given)
    tape = kernel.forward(given["x"], (given["h0"], given["c0"], given["n0"]), params_of(kernel, given))
    for name, array in of_kinds(kernel.lowered.forward, want, Kind.OUTPUT).items():
        np.testing.assert_allclose(tape.outputs[name], array, rtol=1e-12, atol=1e-13)
