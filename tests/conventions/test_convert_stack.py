"""Stacks of layers and directions through `grusym.convert`: the same bits there and back, and what does not fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grusym
from grusym.conventions.library import cell_in
from grusym.conventions.stacking import join, split
from grusym.errors import InputError
from tests.weights.stacks import random_params, same_arrays


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3), st.integers(1, 2), st.sampled_from([np.float16, np.float32, np.float64]), st.integers(0, 99))
def test_a_round_trip_of_a_stack_returns_the_same_bits(layers, directions, dtype, seed):
    torch = random_params("torch", "gru", layers, directions, dtype, seed)
    keras = grusym.convert(torch, source="torch", target="keras")
    onnx = grusym.convert(keras, source="keras", target="onnx")
    again = grusym.convert(onnx, source="onnx", target="torch", cell="gru:reset=after")
    if layers * directions == 1:  # keras has no number to pass on
        again = {f"{name}_l0": array for name, array in again.items()}
    same_arrays(again, torch)


@pytest.mark.parametrize("family", ["gru", "lstm", "lstm:projection=yes", "rnn"])
@pytest.mark.parametrize("directions", [1, 2])
def test_every_cell_passes_between_torch_and_its_own_tensors(family, directions):
    torch = random_params("torch", family, 2, directions)
    own = grusym.convert(torch, "torch", "own", family)
    assert len(own) == 2 * directions * len(cell_in(family).parameters)
    same_arrays(grusym.convert(own, "own", "torch", family), torch)


@pytest.mark.parametrize("target", ["torch", "mxnet", "flax_linen", "mlx", "webnn", "cudnn", "burn", "haste"])
def test_layers_are_converted_as_cells_are(target):
    keras = random_params("keras", "gru", 2, 2)
    whole = split(grusym.convert(keras, "keras", target, "gru:reset=after"), target)
    for layer, ways in enumerate(split(keras, "keras").layers):
        for way, arrays in enumerate(ways):
            same_arrays(whole.layers[layer][way], grusym.convert(arrays, "keras", target, "gru:reset=after"))


def test_polarity_of_every_layer_is_negated_and_back():
    haiku = random_params("haiku", "gru", 3, 2)
    keras = grusym.convert(haiku, "haiku", "keras")
    np.testing.assert_array_equal(keras["layer2/reverse/kernel"][:, :3], -haiku["layer2/reverse/w_i"][:, :3])
    same_arrays(grusym.convert(keras, "keras", "haiku"), haiku)


def test_layers_of_one_width_go_into_one_array_and_others_do_not():
    haiku = random_params("haiku", "gru", 2, 1)
    onednn = grusym.convert(haiku, "haiku", "onednn")
    assert onednn["weights_layer"].shape == (2, 1, 3, 3, 3)
    same_arrays(grusym.convert(onednn, "onednn", "haiku"), haiku)
    with pytest.raises(InputError, match=r"^weights_layer holds all layers in one array, but their shapes differ"):
        grusym.convert(random_params("haiku", "gru", 2, 2), "haiku", "onednn")


def test_names_bear_a_number_where_the_sources_did_and_the_target_numbers_one_layer():
    cell = {name.removesuffix("_l0"): array for name, array in random_params("torch", "gru", 1, 1).items()}
    numbered = {f"{name}_l0": array for name, array in cell.items()}
    assert list(grusym.convert(cell, "torch", "mxnet")) == ["i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias"]
    assert next(iter(grusym.convert(numbered, "torch", "mxnet"))) == "l0_i2h_weight"
    assert list(grusym.convert(numbered, "torch", "torch")) == list(numbered)
    assert list(grusym.convert(numbered, "torch", "keras")) == ["kernel", "recurrent_kernel", "bias"]


def test_what_torch_computes_onnx_computes_with_the_same_weights():
    """Both directions of two layers, run by the plain reading of the equations below."""
    torch = pytest.importorskip("torch")
    module = torch.nn.GRU(3, 4, num_layers=2, bidirectional=True, dtype=torch.float64)
    params = {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}
    own = split(grusym.convert(params, "torch", "own"), "own")
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    wanted = module(torch.from_numpy(x))[0].detach().numpy()
    y = x
    for ways in own.layers:
        y = np.concatenate([_run(ways[0], y), _run(ways[1], y[::-1])[::-1]], axis=-1)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-14)  # some hundred roundings of 1.1e-16


def _run(p: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    h, states = np.zeros((x.shape[1], len(p["b_r"]))), []
    for step in x:
        r, z = (1 / (1 + np.exp(-(step @ p[f"W_{g}"].T + h @ p[f"U_{g}"].T + p[f"b_{g}"] + p[f"c_{g}"]))) for g in "rz")
        n = np.tanh(step @ p["W_n"].T + p["b_n"] + r * (h @ p["U_n"].T + p["c_n"]))
        h = (1 - z) * n + z * h
        states.append(h)
    return np.stack(states)


def changed(**arrays: np.ndarray | None) -> dict[str, np.ndarray]:
    params = random_params("torch", "gru", 2, 2) | arrays
    return {name: array for name, array in params.items() if array is not None}


LACKS = {f"bias_{which}_l1{way}": None for which in ("ih", "hh") for way in ("", "_reverse")}
ONES = np.ones


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            changed(weight_ih_l1=ONES((9, 7)), weight_ih_l1_reverse=ONES((9, 7))),
            "weight_ih of layer 1, forward, takes an input of I = 7, but the layer below puts out 6 (or 3, where "
            "directions are summed) (H = 3)",
        ),
        (
            changed(weight_ih_l1_reverse=ONES((9, 3))),
            "layer 1, reverse, has I = 3, but layer 1, forward, has I = 6; they have to agree",
        ),
        (
            {
                name: ONES((6, 2) if "hh" in name and "weight" in name else (6, *array.shape[1:]))
                if "l1" in name
                else array
                for name, array in changed().items()
            },
            "layer 1, forward, has H = 2, but layer 0, forward, has H = 3; they have to agree",
        ),
        (
            changed(bias_hh_l1=ONES(8)),
            "layer 1, forward: params do not fit gru in convention torch: bias_hh has shape (8,)",
        ),
        (
            changed(**LACKS),
            "layer 0, forward, is gru, but layer 1, forward, is gru:biases=none; they have to be of one form, so add "
            "the arrays that are missing, as zeros",
        ),
        (
            changed(bias_hh_l1=ONES(9, np.float32)),
            "weight_ih of layer 0 is float64, but bias_hh of layer 1 is float32; bring all arrays to one dtype first",
        ),
        (changed(bias_hh_l01=ONES(9)), "bias_hh_l01 is no array of convention torch"),
        (changed(bias_hh_l1=None), "layer 1, forward: params do not fit gru in convention torch"),
        (random_params("mxnet", "gru", 2), "calls them; they fit gru in convention mxnet"),
        ([1], "params is a list, not a dict"),
        (
            {name: array.tolist() for name, array in changed().items()},
            "weight_ih_l0 is a list, not a NumPy array of floats",
        ),
        ({1: ONES(3)}, "params do not fit gru in convention torch"),
    ],
)
def test_what_does_not_fit_is_refused_and_named(params, message):
    with pytest.raises(InputError) as error:
        grusym.convert(params, "torch", "keras")
    assert message in str(error.value)


def test_arrays_without_the_axis_of_directions_are_told_the_shape_and_what_they_fit():
    openvino = {"W": ONES((12, 3)), "R": ONES((12, 4)), "B": ONES(16)}
    with pytest.raises(InputError) as error:
        grusym.convert(openvino, "onnx", "keras")
    assert "W has shape (12, 3), where (1, 3*H, I) is wanted" in str(error.value)
    assert str(error.value).endswith("; they fit the convention openvino")


def test_a_cell_goes_by_its_spelling_and_sizes_by_name():
    with pytest.raises(InputError, match=r'^the cell is a Cell; pass its spelling, as in cell="gru:reset=after"$'):
        grusym.convert(changed(), "torch", "keras", grusym.cell("gru"))
    with pytest.raises(InputError, match=r"^sizes is a list; pass a dict of extents by name"):
        grusym.convert(changed(), "torch", "keras", sizes=[2, 3])


def test_layers_may_take_the_sum_of_directions():
    params = changed(weight_ih_l1=ONES((9, 3)), weight_ih_l1_reverse=ONES((9, 3)))
    assert grusym.convert(params, "torch", "keras")["layer1/reverse/kernel"].shape == (3, 9)


def test_the_projection_is_what_the_next_layer_takes():
    params = random_params("torch", "lstm:projection=yes", 2, 2)
    wide = {n: ONES((12, 3)) if n.startswith("weight_ih_l1") else a for n, a in params.items()}
    with pytest.raises(InputError, match=r"takes an input of I = 3, but the layer below puts out 4 \(or 2, .*P = 2\)"):
        grusym.convert(wide, "torch", "own", "lstm:projection=yes")


def test_a_theorem_that_forbids_it_names_the_layer():
    with pytest.raises(
        InputError, match=r"^layer 0, forward: cannot convert gru from torch to haiku: .* different funct"
    ):
        grusym.convert(changed(), "torch", "haiku")


def test_what_is_infinite_or_no_number_stays_so():
    params = changed()
    params["bias_ih_l0"][0], params["bias_hh_l0"][0] = np.inf, -np.inf
    params["bias_ih_l1"][1] = np.nan
    own = grusym.convert(grusym.convert(params, "torch", "keras"), "keras", "torch")
    same_arrays(own, params)
    assert join(split(params, "torch"), "torch").keys() == params.keys()
