"""Every record: its arrays are tiled, packing and unpacking are inverse, and kernels read and write through it."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grusym.conventions.library import CONVENTIONS, cell_in, layout_of
from grusym.conventions.listing import listing, listing_text
from grusym.conventions.packing import numbers
from grusym.equations.cell import Cell
from grusym.equations.library import cell
from grusym.errors import InputError
from grusym.runtime.kernel import build

# The rows of the table that the records were written from.
SYSTEMS = (
    "torch cudnn miopen keras tf_gru_block_cell tf_lstm_block_cell onnx openvino onednn flax_linen flax_nnx haiku mlx "
    "haste coreml_nn coreml_mil mxnet mxnet_flat dynet rnnoise_2018 rnnoise webnn mindspore mindspore_nn burn paddle "
    "paddle_fluid cho2014v1 cho2014 chung2014 seed"
).split()


def forms() -> list[tuple[str, str]]:
    """Every convention with every cell that it computes."""
    found = []
    for name, record in CONVENTIONS.items():
        for family, family_forms in record.forms.items():
            for form in family_forms:
                for values in product(*form.options.values()):
                    spelling = cell(family, **dict(zip(form.options, values, strict=True))).spelling
                    found.append((name, spelling))
    return found


FORMS = forms()


def defaults(families: list[str]) -> list[tuple[str, str]]:
    """Every convention with the cell of each of its forms that it has by default."""
    return [
        (name, cell(family, **{key: values[0] for key, values in form.options.items()}).spelling)
        for name in CONVENTIONS
        for family in families
        for form in CONVENTIONS[name].forms.get(family, ())
    ]


DEFAULTS = defaults(["gru"])
OTHERS = defaults(["lstm", "rnn", "mgu", "augru"])
# One of each kind of access map: transposed, rows of an array, an axis of extent 1, a gate's own axis, [x, h], [h, x].
KINDS = ["keras", "onnx", "onednn", "tf_gru_block_cell", "seed", "mlx", "flax_linen"]


def random_tensors(cell: Cell, sizes: dict[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {tensor.name: random.normal(size=numbers(tensor.shape, sizes)) for tensor in cell.parameters}


def test_there_is_a_record_for_every_system():
    assert sorted(CONVENTIONS) == sorted(SYSTEMS)


@pytest.mark.parametrize(("convention", "name"), FORMS)
@settings(max_examples=5, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 99))
def test_packing_and_unpacking_are_inverse(convention, name, width, hidden, seed):
    sizes = {axis.name: 2 for axis in cell(name).axes} | {"I": width, "H": hidden}
    layout, tensors = layout_of(cell(name), convention), random_tensors(cell(name), sizes, seed)
    arrays = layout.pack(tensors, sizes)
    assert {array: arrays[array].shape for array in arrays} == {a: numbers(s, sizes) for a, s in layout.arrays}
    unpacked = layout.unpack(arrays, sizes)
    assert sorted(unpacked) == sorted(tensors)
    for tensor, values in tensors.items():
        np.testing.assert_array_equal(unpacked[tensor], values)
        assert np.shares_memory(unpacked[tensor], arrays[layout_place(layout, tensor)])
    again = layout.pack(unpacked, sizes)
    assert all(np.array_equal(again[array], arrays[array]) for array in arrays)
    assert layout.by_name(layout.keyed(arrays)) == arrays


def layout_place(layout, tensor):
    return next(place.buffer for place in layout.placements if place.tensor == tensor)


@pytest.mark.parametrize(("convention", "name"), FORMS)
def test_every_element_of_every_array_belongs_to_one_tensor(convention, name):
    layout = layout_of(cell(name), convention)
    sizes = {axis.name: 4 for axis in cell(name).axes} | {"I": 2, "H": 3}
    arrays = {array: np.zeros(numbers(shape, sizes)) for array, shape in layout.arrays}
    for view in layout.unpack(arrays, sizes).values():
        view += 1
    assert all((array == 1).all() for array in arrays.values())


def packed(convention: str, spelling: str = "gru") -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    known, sizes = cell_in(spelling, convention), {"I": 2, "H": 3}
    layout, tensors = layout_of(known, convention), random_tensors(known, sizes)
    return tensors, layout.keyed(layout.pack(tensors, sizes))


def test_keras_has_transposed_blocks_side_by_side_and_biases_in_two_rows():
    t, arrays = packed("keras")
    assert list(arrays) == ["kernel", "recurrent_kernel", "bias"]
    np.testing.assert_array_equal(arrays["kernel"], np.hstack([t["W_z"].T, t["W_r"].T, t["W_n"].T]))
    np.testing.assert_array_equal(arrays["recurrent_kernel"], np.hstack([t["U_z"].T, t["U_r"].T, t["U_n"].T]))
    rows = [np.hstack([t[f"{letter}_{gate}"] for gate in "zrn"]) for letter in "bc"]
    np.testing.assert_array_equal(arrays["bias"], np.vstack(rows))
    t, arrays = packed("keras", "gru:reset=before")
    np.testing.assert_array_equal(arrays["bias"], np.hstack([t["b_z"], t["b_r"], t["b_n"]]))


def test_onnx_has_an_axis_for_the_direction_and_all_biases_in_a_row():
    t, arrays = packed("onnx", "gru:reset=after")
    np.testing.assert_array_equal(arrays["R"], np.vstack([t["U_z"], t["U_r"], t["U_n"]])[None])
    np.testing.assert_array_equal(arrays["B"], np.hstack([t[f"{b}_{gate}"] for b in "bc" for gate in "zrn"])[None])


def test_onednn_has_an_axis_for_the_gate_and_four_biases():
    t, arrays = packed("onednn", "gru:reset=after")
    weights = np.stack([t["W_z"].T, t["W_r"].T, t["W_n"].T], axis=1)
    np.testing.assert_array_equal(arrays["weights_layer"], weights[None, None])
    np.testing.assert_array_equal(arrays["bias"], np.stack([t["b_z"], t["b_r"], t["b_n"], t["c_n"]])[None, None])


def test_concatenated_inputs_have_one_matrix():
    t, arrays = packed("tf_gru_block_cell")
    np.testing.assert_array_equal(arrays["w_ru"], np.block([[t["W_r"].T, t["W_z"].T], [t["U_r"].T, t["U_z"].T]]))
    np.testing.assert_array_equal(arrays["w_c"], np.vstack([t["W_n"].T, t["U_n"].T]))
    t, arrays = packed("seed")
    np.testing.assert_array_equal(arrays["W_z"], np.hstack([t["U_z"], t["W_z"]]))


def run(kernel, params):
    random = np.random.default_rng(7)
    inputs = [(4, 2, 2), (4, 2)][: len(kernel.cell.inputs)]
    x = tuple(random.normal(size=shape) for shape in inputs)
    h0, dh_n = (tuple(random.normal(size=(2, 3)) for _ in kernel.cell.states) for _ in range(2))
    tape = kernel.forward(x, h0, params)
    gradients = kernel.backward(tape, random.normal(size=(4, 2, 3)), dh_n)
    return [*tape.outputs.values(), *gradients.outer.values()], gradients.params


@pytest.mark.parametrize(
    ("target", "convention", "name"),
    [("numpy", *pair) for pair in (*DEFAULTS, *OTHERS)] + [("c", *pair) for pair in DEFAULTS if pair[0] in KINDS],
)
def test_kernels_read_parameters_and_write_gradients_through_the_record(target, convention, name):
    known, sizes = cell(name), {"I": 2, "H": 3}
    layout, tensors = layout_of(known, convention), random_tensors(known, sizes)
    plain, wanted = run(build(known, target, "float64"), tensors)
    params = layout.keyed(layout.pack(tensors, sizes))
    got, gradients = run(build(known, target, "float64", convention), params)
    assert list(gradients) == list(params)
    gradients = layout.unpack(layout.by_name(gradients), sizes)
    for one, other in [*zip(plain, got, strict=True), *((wanted[name], gradients[name]) for name in wanted)]:
        np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("convention", "spelling", "form"),
    [
        (None, "gru", "gru"),
        ("own", "gru:reset=before", "gru:reset=before"),
        ("torch", "gru", "gru"),
        ("haiku", "gru", "gru:reset=before,update=write,biases=one"),
        ("keras", "gru", "gru"),
        ("keras", "gru:reset=before", "gru:reset=before,biases=one"),
        ("keras", "gru:biases=one", "gru:reset=before,biases=one"),
        ("onnx", "gru", "gru:reset=before"),
        ("openvino", "gru:reset=after", "gru:biases=candidate"),
        ("torch", "rnn:activation=relu", "rnn:activation=relu"),
        ("haiku", "lstm", "lstm:biases=one,forget=1"),
        ("haiku", "rnn", "rnn:activation=relu"),
        ("coreml_nn", "lstm:forget=1", "lstm:biases=one,forget=1"),
    ],
)
def test_the_system_decides_what_a_spelling_leaves_open(convention, spelling, form):
    assert cell_in(spelling, convention).spelling == form


@pytest.mark.parametrize(
    ("convention", "spelling", "reason"),
    [
        ("haiku", "gru:update=keep", "haiku has gru with update=write, not update=keep; leave the option out"),
        (
            "keras",
            "gru:reset=after,biases=one",
            "or reset=before,update=keep,biases=one|none, not reset=after",
        ),
        ("tensorfish", "gru", "unknown convention 'tensorfish'; known are own, torch, keras"),
    ],
)
def test_what_a_system_does_not_compute_is_refused(convention, spelling, reason):
    with pytest.raises(InputError) as error:
        cell_in(spelling, convention)
    assert reason in str(error.value)


def test_the_listing_is_read_off_the_records():
    table = {record["name"]: record for record in listing()}
    assert table["onednn"]["forms"][1]["arrays"]["bias"] == {
        "shape": ["1", "1", "4", "H"],
        "blocks": "[b_z; b_r; b_n; c_n]",
    }
    assert table["coreml_nn"]["forms"][0]["order"] == "z,r,o"
    assert [form["order"] for form in table["tf_gru_block_cell"]["forms"]] == ["r,u,c"]
    assert table["seed"]["forms"][0]["layout"] == "a matrix per gate, [h, x]"
    assert table["chung2014"]["unverified"] == "formulas"
    lines = listing_text().split("\n")
    assert "* chung2014: unverified: formulas" in lines
    assert any(line.startswith("chung2014* ") for line in lines)
    assert any(line.split()[:4] == ["haiku", "before", "write", "z,r,a"] for line in lines)


def test_gates_of_an_lstm_stand_in_the_order_of_the_system():
    orders = {record["name"]: record["forms"][0]["order"] for record in listing("lstm") if record["forms"]}
    assert orders["torch"] == "i,f,g,o"
    assert orders["onnx"] == "i,o,f,c"
    assert orders["onednn"] == orders["keras"] == "i,f,c,o"
    assert orders["miopen"] == "i,f,o,g"
    assert orders["haste"] == "i,g,f,o"
    assert orders["openvino"] == "f,i,c,o"
    assert orders["tf_lstm_block_cell"] == "i,ci,f,o"


def test_the_listing_of_another_cell_has_its_options_and_who_does_not_pack_it():
    head, *lines = listing_text("lstm").split("\n")
    assert head.split() == "name peephole projection forget order layout biases activations cells source".split()
    assert any(line.split()[:5] == ["haiku", "no", "no", "1", "i,g,f,o"] for line in lines)
    assert any(line.startswith("No packing of lstm: tf_gru_block_cell, ") for line in lines)
    with pytest.raises(InputError, match=r"^no system's packing of the cell mingru is known; known are those of gru, "):
        listing("mingru")
    with pytest.raises(InputError, match=r"not for gru:reset=after; pass its name alone, gru$"):
        listing_text("gru:reset=after")


def test_onnx_has_peepholes_of_the_input_the_output_and_the_forget_gate():
    t, arrays = packed("onnx", "lstm:peephole=yes")
    np.testing.assert_array_equal(arrays["P"], np.hstack([t["p_i"], t["p_o"], t["p_f"]])[None])
    np.testing.assert_array_equal(arrays["W"], np.vstack([t[f"W_{gate}"] for gate in "iofg"])[None])
    np.testing.assert_array_equal(arrays["B"], np.hstack([t[f"{b}_{gate}"] for b in "bc" for gate in "iofg"])[None])


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_record_is_for_the_functions_that_its_cells_compute(name):
    record = CONVENTIONS[name]
    assert record.activations.candidate[0] == "tanh"
    assert record.activations.gates[0] == "sigmoid"
    if "gru" in record.forms:
        text = str(cell_in("gru", name))
        assert all(f"{gate}[i]  = {function}(" in text for gate, function in (("r", "sigmoid"), ("n", "tanh")))
    entry = next(entry for entry in listing() if entry["name"] == name)
    assert entry["activations"]["gates"] == list(record.activations.gates)
    assert len(set(record.activations.gates)) == len(record.activations.gates)


def test_functions_that_a_system_offers_besides_are_listed():
    rows = {line.split()[0].rstrip("*"): line for line in listing_text().splitlines() if line[:1].strip()}
    assert "sigmoid, tanh|relu|sigmoid" in rows["rnnoise_2018"]
    assert "sigmoid, tanh " in rows["torch"]
    assert "sigmoid|any, tanh|any" in rows["keras"]
