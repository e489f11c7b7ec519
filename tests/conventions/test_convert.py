"""Converting: what comes out computes the same, bit by bit where nothing is added; the rest is refused, with why."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grusym
from grusym.conventions.convert import conversion, convert
from grusym.conventions.library import CONVENTIONS, layout_of
from grusym.equations.cell import Cell
from grusym.equations.library import cell, settings_of
from grusym.errors import InputError
from grusym.runtime.kernel import Kernel, build
from tests.conventions.test_records import DEFAULTS, FORMS, random_tensors

SIZES = {"I": 2, "H": 3}
# Sums of up to 9 products and two biases in double precision, of numbers around 1, over 3 steps.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def params_of(
    convention: str, name: str, sizes: dict[str, int] = SIZES, **changed: np.ndarray
) -> dict[str, np.ndarray]:
    layout = layout_of(cell(name), convention)
    return layout.keyed(layout.pack(random_tensors(cell(name), sizes) | changed, sizes))


@cache
def kernel(name: str) -> Kernel:
    return build(cell(name), "numpy", "float64")


def computed(
    convention: str, name: str, params: dict[str, np.ndarray], sizes: dict[str, int] = SIZES
) -> list[np.ndarray]:
    """What a cell computes with parameters packed by a convention; tests/conventions/test_records.py runs kernels that
    read them as they are."""
    known, random = cell(name), np.random.default_rng(3)
    layout = layout_of(known, convention)
    tensors = layout.unpack(layout.by_name(params), sizes)
    x = random.normal(size=(3, 4, sizes["I"]))
    states = tuple(random.normal(size=(4, *(sizes[axis.name] for axis in s.tensor.axes))) for s in known.states)
    contiguous = {key: np.ascontiguousarray(tensors[key]) for key in tensors}
    return list(kernel(name).forward(x, states, contiguous, saving=False).outputs.values())


def same(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    for array, wanted in zip(one, other, strict=True):
        np.testing.assert_allclose(array, wanted, **CLOSE)


def holds(source: dict[str, str], target: str) -> bool:
    """Whether a system computes what a random GRU of these options does: told by hand, from the options alone."""
    for form in CONVENTIONS[target].forms.get("gru", ()):
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


ARRAYS = [name for name in CONVENTIONS if not CONVENTIONS[name].flat]  # tests/conventions/test_flat.py has the others
WITH_GRU = [name for name in ARRAYS if "gru" in CONVENTIONS[name].forms]


@pytest.mark.parametrize(("source", "name"), [pair for pair in DEFAULTS if pair[0] in ARRAYS])
def test_what_is_converted_computes_the_same_and_the_rest_is_refused(source, name):
    params, options = params_of(source, name), settings_of(cell(name))
    before = {key: array.copy() for key, array in params.items()}
    wanted = computed(source, name, params)
    for target in WITH_GRU:
        if not holds(options, target):
            with pytest.raises(InputError, match=r"^cannot convert .* (are different functions|has no place for)"):
                convert(params, source, target, name if name != "gru" else "gru:reset=after")
            continue
        done = conversion(params, source, target, f"gru:reset={options['reset']},update={options['update']}")
        same(computed(target, done.cell.spelling, done.params), wanted)
    assert all(np.array_equal(params[key], before[key]) for key in params)


def has_place(origin: Cell, target: str) -> bool:
    """Whether a system computes what a random LSTM or RNN of these options does, told by hand."""
    old = settings_of(origin)
    for form in CONVENTIONS[target].forms[origin.name]:
        new = {key: form.options.get(key, (value,)) for key, value in old.items()}
        fits = all(old[key] in new[key] for key in old if key in ("activation", "projection"))
        peeps = "peephole" not in old or old["peephole"] in new["peephole"] or old["peephole"] == "no"
        biased = set(new["biases"]) - {"none"} or old["biases"] == "none"
        if fits and peeps and biased:
            return True
    return False


FAMILIES = {family: [n for n in ARRAYS if family in CONVENTIONS[n].forms] for family in ("lstm", "rnn")}


@pytest.mark.parametrize(
    ("source", "name"), [pair for pair in FORMS if cell(pair[1]).name in FAMILIES and pair[0] in ARRAYS]
)
@settings(max_examples=1, deadline=None)
@given(st.integers(1, 4), st.integers(2, 4))
def test_lstms_and_rnns_convert_between_all_systems_that_have_them(source, name, width, hidden):
    origin, sizes = cell(name), {"I": width, "H": hidden, "P": 1}
    params = params_of(source, name, sizes)
    spelling = f"{origin.name}:{','.join(f'{key}={value}' for key, value in settings_of(origin).items())}"
    wanted = computed(source, name, params, sizes)
    for target in FAMILIES[origin.name]:
        if not has_place(origin, target):
            with pytest.raises(InputError, match=r"^cannot convert .* (are different functions|has no place for)"):
                convert(params, source, target, spelling)
            continue
        done = conversion(params, source, target, spelling)
        same(computed(target, done.cell.spelling, done.params, sizes), wanted)


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["lstm", "rnn"])
def test_a_round_trip_through_one_bias_returns_the_same_bits_where_there_is_one(name, dtype):
    torch = {key: array.astype(dtype) for key, array in params_of("torch", name).items()}
    torch["bias_hh"][...] = 0
    torch["bias_ih"][0] = -0.0
    keras = convert(torch, "torch", "keras", name)
    onnx = convert(keras, "keras", "onnx", name)
    again = convert(onnx, "onnx", "torch", name)
    assert [(key, array.tobytes()) for key, array in again.items()] == [(k, a.tobytes()) for k, a in torch.items()]


def test_two_biases_become_one_by_one_addition():
    torch = params_of("torch", "lstm")
    assert convert(torch, "torch", "mlx", "lstm")["bias"].tobytes() == (torch["bias_ih"] + torch["bias_hh"]).tobytes()


def test_the_constant_of_a_forget_gate_moves_into_its_bias():
    haiku = params_of("haiku", "lstm:biases=one,forget=1")
    torch = convert(haiku, "haiku", "torch", "lstm")
    np.testing.assert_array_equal(torch["bias_ih"][3:6], haiku["linear/b"][6:9] + 1)
    np.testing.assert_array_equal(torch["bias_ih"][:3], haiku["linear/b"][:3])
    np.testing.assert_array_equal(convert(torch, "torch", "haiku", "lstm")["linear/b"][6:9], torch["bias_ih"][3:6] - 1)
    bare = params_of("coreml_nn", "lstm:biases=none,forget=1")
    made = convert(bare, "coreml_nn", "torch", "lstm:forget=1")
    np.testing.assert_array_equal(made["bias_ih"], np.repeat([0.0, 1, 0, 0], 3))


def test_a_peephole_that_is_zero_may_be_left_out():
    zero = {f"p_{gate}": np.zeros(3) for gate in "ifo"}
    params = params_of("onnx", "lstm:peephole=yes", **zero)
    assert list(convert(params, "onnx", "torch", "lstm")) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    with pytest.raises(InputError, match=r"peephole=no has no place for p_o, .*; here p_o\[0\] is 2.0"):
        convert(params_of("onnx", "lstm:peephole=yes", **zero | {"p_o": np.full(3, 2.0)}), "onnx", "torch", "lstm")


@pytest.mark.parametrize(
    ("source", "target", "name"),
    [
        ("flax_linen", "own", "mgu:reset=after,update=keep,biases=candidate"),
        ("onednn", "openvino", "augru:reset=before,biases=one"),
        ("haste", "own", "lngru:norm=all"),
        ("mxnet", "own", "convgru:reset=after,update=keep,biases=two"),
    ],
)
def test_other_cells_convert_where_systems_have_them(source, target, name):
    sizes = {"I": 2, "H": 3, "D": 2, "K": 3, "L": 1}
    params = params_of(source, name, sizes)
    there = convert(params, source, target, name)
    again = convert(there, target, source, name)
    assert [(key, array.tobytes()) for key, array in again.items()] == [(k, a.tobytes()) for k, a in params.items()]


def test_what_is_no_identity_of_a_cell_is_refused():
    own = params_of("own", "augru:update=write")
    with pytest.raises(InputError, match=r"reset=before and reset=after are different functions: inside tanh, .*U_n\["):
        convert(own, "own", "openvino", "augru:update=write")
    diagonal = {"U_n": np.eye(3), "c_n": np.zeros(3)}
    own = params_of("own", "augru:update=write", **diagonal)
    with pytest.raises(InputError, match=r"update=write and update=keep of augru are different functions$"):
        convert(own, "own", "openvino", "augru:update=write")
    with pytest.raises(InputError, match=r": activation=tanh and activation=relu of rnn are different functions$"):
        convert(params_of("torch", "rnn"), "torch", "haiku", "rnn")


def test_a_system_without_the_projection_is_said_to_have_none():
    params = params_of("torch", "lstm:projection=yes", {"I": 2, "H": 3, "P": 1})
    with pytest.raises(InputError, match=r": projection=yes and projection=no of lstm are different functions$"):
        convert(params, "torch", "keras", "lstm")


def test_the_theorem_holds_for_the_one_gate_of_the_mgu():
    name = "mgu:reset=before,update=keep,biases=two"
    done = conversion(params_of("own", name, **DIAGONAL), "own", "flax_linen", name)
    assert done.cell.spelling == "mgu:reset=after,update=keep,biases=candidate"
    same(
        computed("flax_linen", done.cell.spelling, done.params),
        computed("own", name, params_of("own", name, **DIAGONAL)),
    )
    with pytest.raises(InputError, match=r"inside tanh, .* U_n\[i,j\] \(f_j - f_i\) h_j .*; here U_n\[0, 1\] is "):
        convert(params_of("own", name), "own", "flax_linen", name)


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
    same(computed("haiku", done.cell.spelling, done.params), computed("torch", "gru", params))


def test_from_before_to_after_the_recurrent_bias_moves_out_of_the_way():
    params = params_of("onnx", "gru:reset=before", U_n=DIAGONAL["U_n"])
    done = conversion(params, "onnx", "torch", "gru:reset=before")
    same(computed("torch", done.cell.spelling, done.params), computed("onnx", "gru:reset=before", params))


def test_reset_before_and_after_agree_for_one_unit_without_a_recurrent_bias():
    sizes = {"I": 2, "H": 1}
    params = params_of("torch", "gru", sizes, c_n=np.zeros(1))
    done = conversion(params, "torch", "haiku")
    same(computed("haiku", done.cell.spelling, done.params, sizes), computed("torch", "gru", params, sizes))
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
    same(computed("flax_nnx", done.cell.spelling, done.params), computed("torch", "gru", params))
    with pytest.raises(
        InputError, match=r"biases=one has no place for c_n, which in the equations is in no sum with an"
    ):
        convert(params_of("torch", "gru"), "torch", "flax_nnx")


def test_a_bias_has_no_place_where_there_are_none():
    with pytest.raises(InputError, match=r"biases=none has no place for b_z, which .*; here b_z\[0\] is "):
        convert(params_of("torch", "gru", **DIAGONAL), "torch", "cho2014")


def test_an_option_that_a_system_leaves_open_is_kept():
    params = params_of("own", "rnn:activation=relu")
    done = conversion(params, "own", "torch", "rnn:activation=relu")
    assert done.cell.spelling == "rnn:activation=relu"
    assert conversion(done.params, "torch", "own", "rnn:activation=relu").cell.spelling == "rnn:activation=relu"


def test_a_cell_that_a_system_does_not_pack_is_refused_with_those_that_it_does():
    own = convert(params_of("torch", "lstm"), "torch", "own", "lstm")
    with pytest.raises(InputError, match=r"^convention rnnoise has no packing for the cell lstm; it packs gru;"):
        convert(own, "own", "rnnoise", "lstm")


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
    assert not np.allclose(got[0], computed("haiku", done.origin.spelling, params)[0], rtol=1e-3)


def test_a_mask_has_no_parameters_and_changes_none():
    params = {"weight_ih": np.ones((6, 3)), "weight_hh": np.ones((6, 2))}
    plain, masked = (grusym.convert(params, source="torch", target="keras", cell=c) for c in ("gru", "gru:mask=zero"))
    assert list(masked) == list(plain) == ["kernel", "recurrent_kernel"]
