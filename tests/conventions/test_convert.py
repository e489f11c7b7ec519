"""Converting: what comes out computes the same, bit by bit where nothing is added; the rest is refused, with why."""

from functools import cache

import numpy as np
import pytest

import grusym
from grusym.conventions.convert import conversion, convert
from grusym.conventions.library import CONVENTIONS, layout_of
from grusym.equations.library import cell, settings_of
from grusym.errors import InputError
from grusym.runtime.kernel import build
from tests.conventions.test_records import DEFAULTS, random_tensors

SIZES = {"I": 2, "H": 3}


def params_of(
    convention: str, name: str, sizes: dict[str, int] = SIZES, **changed: np.ndarray
) -> dict[str, np.ndarray]:
    layout = layout_of(cell(name), convention)
    return layout.keyed(layout.pack(random_tensors(cell(name), sizes) | changed, sizes))


@cache
def kernel(convention: str, name: str):
    return build(cell(name), "numpy", "float64", convention)


def computed(convention: str, name: str, params: dict[str, np.ndarray], sizes: dict[str, int] = SIZES) -> np.ndarray:
    random = np.random.default_rng(3)
    x, h0 = random.normal(size=(6, 4, sizes["I"])), random.normal(size=(4, sizes["H"]))
    return kernel(convention, name).forward(x, h0, params, saving=False).y


def holds(source: dict[str, str], target: str) -> bool:
    """Whether a system computes what random parameters of these options do: told by hand, from the options alone."""
    for form in CONVENTIONS[target].forms["gru"]:
        if source["reset"] not in form.options["reset"]:
            continue
        for biases in form.options["biases"]:
            loses = {"two": (), "candidate": (), "one": ("two", "candidate"), "none": ("two", "candidate", "one")}[
                biases
            ]
            folds = biases == "one" and source["reset"] == "before"
            if folds or source["biases"] not in loses:
                return True
    return False


@pytest.mark.parametrize(("source", "name"), DEFAULTS)
def test_what_is_converted_computes_the_same_and_the_rest_is_refused(source, name):
    params, options = params_of(source, name), settings_of(cell(name))
    before = {key: array.copy() for key, array in params.items()}
    wanted = computed(source, name, params)
    for target in CONVENTIONS:
        if not holds(options, target):
            with pytest.raises(InputError, match=r"^cannot convert .* (are different functions|has no place for)"):
                convert(params, source, target, name if name != "gru" else "gru:reset=after")
            continue
        done = conversion(params, source, target, f"gru:reset={options['reset']},update={options['update']}")
        got = computed(target, done.cell.spelling, done.params)
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)
    assert all(np.array_equal(params[key], before[key]) for key in params)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_round_trip_returns_the_same_bits(dtype):
    torch = {name: array.astype(dtype) for name, array in params_of("torch", "gru").items()}
    keras = grusym.convert(torch, source="torch", target="keras")
    onnx = grusym.convert(keras, source="keras", target="onnx")
    again = grusym.convert(onnx, source="onnx", target="torch", cell="gru:reset=after")
    assert list(again) == list(torch)
    for name, array in torch.items():
        assert again[name].dtype == array.dtype
        assert again[name].tobytes() == array.tobytes()


def test_polarity_is_exact_both_ways():
    haiku = params_of("haiku", "gru:reset=before,update=write,biases=one")
    keras = convert(haiku, "haiku", "keras")
    np.testing.assert_array_equal(keras["kernel"][:, :3], -haiku["w_i"][:, :3])
    np.testing.assert_array_equal(keras["bias"][3:], haiku["b"][3:])
    again = convert(keras, "keras", "haiku")
    assert all(again[name].tobytes() == haiku[name].tobytes() for name in haiku)


DIAGONAL = {"U_n": np.diag([0.5, -0.25, 2.0]), "c_n": np.zeros(3)}


def test_reset_before_and_after_agree_where_the_recurrent_matrix_is_diagonal_and_its_bias_zero():
    params = params_of("torch", "gru", **DIAGONAL)
    done = conversion(params, "torch", "haiku")
    assert done.cell.spelling == "gru:reset=before,update=write,biases=one"
    got = computed("haiku", done.cell.spelling, done.params)
    np.testing.assert_allclose(got, computed("torch", "gru", params), rtol=1e-12)


def test_from_before_to_after_the_recurrent_bias_moves_out_of_the_way():
    params = params_of("onnx", "gru:reset=before", U_n=DIAGONAL["U_n"])
    done = conversion(params, "onnx", "torch", "gru:reset=before")
    got = computed("torch", done.cell.spelling, done.params)
    np.testing.assert_allclose(got, computed("onnx", "gru:reset=before", params), rtol=1e-12)


def test_reset_before_and_after_agree_for_one_unit_without_a_recurrent_bias():
    sizes = {"I": 2, "H": 1}
    params = params_of("torch", "gru", sizes, c_n=np.zeros(1))
    done = conversion(params, "torch", "haiku")
    got = computed("haiku", done.cell.spelling, done.params, sizes)
    np.testing.assert_allclose(got, computed("torch", "gru", params, sizes), rtol=1e-12)
    with pytest.raises(InputError, match=r"are different functions: .* here c_n\[0\] is "):
        convert(params_of("torch", "gru", sizes), "torch", "haiku")


@pytest.mark.parametrize("changed", ["U_n", "c_n"])
def test_reset_before_and_after_are_told_apart_by_the_theorem(changed):
    other = {name: array for name, array in DIAGONAL.items() if name != changed}
    with pytest.raises(InputError) as error:
        convert(params_of("torch", "gru", **other), "torch", "haiku")
    assert str(error.value).startswith(
        "cannot convert gru from torch to haiku: reset=before and reset=after are different functions: inside tanh, "
        "before_i - after_i = sum_j U_n[i,j] (r_j - r_i) h_j + c_n[i] (1 - r_i)"
    )
    assert f"; here {changed}[0" in str(error.value)


def test_a_candidate_bias_that_is_zero_folds_away():
    params = params_of("torch", "gru", c_n=np.zeros(3))
    done = conversion(params, "torch", "flax_nnx")
    got = computed("flax_nnx", done.cell.spelling, done.params)
    np.testing.assert_allclose(got, computed("torch", "gru", params), rtol=1e-12)


def test_cells_that_are_no_gru_pass_between_conventions_of_the_same_form():
    params = params_of("torch", "lstm")
    own = convert(params, "torch", "own", "lstm")
    assert convert(own, "own", "torch", "lstm")["weight_hh"].tobytes() == params["weight_hh"].tobytes()
    with pytest.raises(InputError, match=r"^convention keras has no packing for the cell lstm; it packs gru;"):
        convert(params, "torch", "keras", "lstm")


def test_an_option_that_a_system_leaves_open_is_kept():
    params = params_of("own", "rnn:activation=relu")
    done = conversion(params, "own", "torch", "rnn:activation=relu")
    assert done.cell.spelling == "rnn:activation=relu"
    assert conversion(done.params, "torch", "own", "rnn:activation=relu").cell.spelling == "rnn:activation=relu"


TORCH = params_of("torch", "gru")


@pytest.mark.parametrize(
    ("params", "source", "spelling", "message"),
    [
        (params_of("onnx", "gru"), "onnx", "gru", 'say which: cell="gru:reset=before" or cell="gru:reset=after"'),
        (TORCH | {"bias_hh": np.zeros(4)}, "torch", "gru", "bias_hh has shape (4,), but (3*H) = (9,) is wanted"),
        (TORCH | {"bias_hh": np.zeros((9, 1))}, "torch", "gru", "bias_hh has shape (9, 1), but (3*H) is wanted"),
        (
            TORCH,
            "keras",
            "gru",
            "recurrent_kernel, bias, not weight_ih, weight_hh, bias_ih, bias_hh; they fit the convent",
        ),
        (TORCH | {"bias_hh": [0] * 9}, "torch", "gru", "bias_hh is a list, not a NumPy array of floats"),
        (TORCH | {"bias_hh": np.zeros(9, int)}, "torch", "gru", "bias_hh is a int64, not a NumPy array of floats"),
        ([], "torch", "gru", "params is a list, not a dict of arrays by name"),
        (
            {},
            "torch",
            "gru",
            "params do not fit gru in convention torch: it has weight_ih, weight_hh, bias_ih, bias_hh, not",
        ),
        (TORCH, "torch", "gru:reset=before", "convention torch has gru with reset=after, not reset=before"),
        (TORCH, "tensorfish", "gru", "unknown convention 'tensorfish'"),
        (TORCH, "torch", "grue", "unknown cell 'grue'"),
    ],
)
def test_what_does_not_fit_is_refused(params, source, spelling, message):
    with pytest.raises(InputError) as error:
        convert(params, source, "haste", spelling)
    assert message in str(error.value)


def test_sizes_of_concatenated_inputs_are_solved_for():
    params = params_of("tf_gru_block_cell", "gru:reset=before,biases=one")
    assert convert(params, "tf_gru_block_cell", "keras")["kernel"].shape == (2, 9)
    narrow = {name: array[:2] if array.ndim == 2 else array for name, array in params.items()}
    with pytest.raises(InputError, match=r"its sizes would be H = 3, I = -1"):
        convert(narrow, "tf_gru_block_cell", "keras")


# Planted bug: a polarity that forgets a bias is seen by the comparison of outputs.


def test_a_forgotten_bias_is_seen():
    params = params_of("haiku", "gru:reset=before,update=write,biases=one")
    done = conversion(params, "haiku", "keras")
    wrong = done.params | {"bias": np.concatenate([-done.params["bias"][:3], done.params["bias"][3:]])}
    got = computed("keras", done.cell.spelling, wrong)
    assert not np.allclose(got, computed("haiku", done.origin.spelling, params), rtol=1e-3)
