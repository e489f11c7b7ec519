"""What building and calling a kernel refuse, and in which words."""

import numpy as np
import pytest

import grusym
from grusym.equations.library import BUILT_IN
from grusym.errors import CellError, CompilerError, GrusymError, InputError
from tests.runtime.kernels import TARGETS, data, params_of

pytestmark = pytest.mark.usefixtures("cache")


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
        "a mask": (
            np.ma.array(x, mask=x > 0),
            h0,
            params,
            "x is a masked array, and kernels see no masks; pass x.filled(value)",
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"cell": "grue"},
            f"unknown cell 'grue'; built in are {', '.join(BUILT_IN)}, and the path of a .cell file is taken too",
        ),
        ({"cell": None}, "the cell is a NoneType; pass a Cell, or its spelling on the command line"),
        ({"target": "fortran"}, "unknown target 'fortran'; one can build c and numpy"),
        ({"dtype": "float16"}, "kernels have no dtype 'float16'; choose float32 or float64"),
        ({"dtype": "float16", "target": "numpy"}, "kernels have no dtype 'float16'; choose float32 or float64"),
        ({"schedule": "quick"}, "unknown schedule 'quick'; known are reference, scan"),
        ({"schedule": "quick", "target": "numpy"}, "unknown schedule 'quick'; known are reference, scan"),
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


def test_a_kernel_says_what_it_is_in_a_line(build):
    kernel = build("gru:reset=before", "numpy", "float32", "own")
    assert repr(kernel) == "<numpy kernel of gru:reset=before: float32, convention own>"
