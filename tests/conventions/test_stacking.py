"""Stacks of layers and directions: names and axes of every convention, there and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grusym.conventions.library import CONVENTIONS, cell_in, convention_by_name, layout_of
from grusym.conventions.stacking import Stack, join, naming_of, split
from grusym.errors import InputError

NAMES = [*CONVENTIONS, "own"]
PACKED = [
    *((name, family) for name in CONVENTIONS for family in ("gru", "lstm") if family in CONVENTIONS[name].forms),
    ("own", "gru"),
]


def random_stack(
    convention: str,
    layers: int,
    directions: int,
    seed: int = 0,
    widths: tuple[int, ...] = (3, 3, 3),
    family: str = "gru",
):
    random = np.random.default_rng(seed)
    cell = cell_in(family, convention)
    layout = layout_of(cell, convention)

    def arrays(width: int) -> dict[str, np.ndarray]:
        sizes = {"I": width, "H": 3}
        shapes = {tensor.name: [sizes[str(e)] for e in tensor.shape] for tensor in cell.parameters}
        tensors = {name: random.normal(size=shape) for name, shape in shapes.items()}
        return layout.keyed(layout.pack(tensors, sizes))

    return Stack(tuple(tuple(arrays(widths[n]) for _ in range(directions)) for n in range(layers)))


def same(one: Stack, other: Stack) -> None:
    assert (len(one.layers), one.directions) == (len(other.layers), other.directions)
    for ways, others in zip(one.layers, other.layers, strict=True):
        for arrays, those in zip(ways, others, strict=True):
            assert sorted(arrays) == sorted(those)
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, those[name])


@pytest.mark.parametrize(("convention", "family"), PACKED)
@settings(max_examples=8, deadline=None)
@given(st.integers(1, 3), st.integers(1, 2), st.integers(0, 99))
def test_joining_and_splitting_are_inverse(convention, family, layers, directions, seed):
    stack = random_stack(convention, layers, directions, seed, family=family)
    params = join(stack, convention, family)
    same(split(params, convention, family), stack)
    assert len(params) == len(set(params))


@pytest.mark.parametrize("convention", NAMES)
def test_a_pattern_has_a_place_for_the_direction_where_arrays_have_no_axis_for_it(convention):
    if convention == "own":
        return
    record = convention_by_name(convention)
    arrays = [packed for forms in record.forms.values() for form in forms for packed in form.arrays]
    with_axis = {packed.axis_of("d") is not None for packed in arrays}
    assert len(with_axis) == 1, "a system has an axis for directions in all arrays or in none"
    if naming_of(convention) != type(record.naming)():
        assert ("{way}" in record.naming.pattern) is not with_axis.pop()


def test_names_of_pytorch_are_those_of_its_modules():
    torch = pytest.importorskip("torch")
    module = torch.nn.GRU(3, 3, num_layers=2, bidirectional=True)
    state = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    stack = split(state, "torch")
    assert (len(stack.layers), stack.directions, stack.numbered) == (2, 2, True)
    np.testing.assert_array_equal(stack.layers[1][1]["bias_hh"], state["bias_hh_l1_reverse"])
    assert list(join(stack, "torch")) == list(state)


def test_onnx_has_both_directions_in_one_array_and_a_name_per_layer():
    stack = random_stack("onnx", 2, 2)
    params = join(stack, "onnx")
    assert {name: array.shape for name, array in params.items()} == {
        f"layer{n}/{name}": shape
        for n in (0, 1)
        for name, shape in (("W", (2, 9, 3)), ("R", (2, 9, 3)), ("B", (2, 18)))
    }
    np.testing.assert_array_equal(params["layer1/W"][1:], stack.layers[1][1]["W"])


def test_onednn_has_all_layers_and_directions_in_one_array():
    stack = random_stack("onednn", 2, 2)
    params = join(stack, "onednn")
    assert {name: array.shape for name, array in params.items()} == {
        "weights_layer": (2, 2, 3, 3, 3),
        "weights_iter": (2, 2, 3, 3, 3),
        "bias": (2, 2, 3, 3),
    }
    np.testing.assert_array_equal(params["bias"][1, 0], stack.layers[1][0]["bias"][0, 0])


def test_layers_of_different_width_do_not_fit_into_one_array():
    with pytest.raises(InputError, match=r"weights_layer holds all layers in one array, but .*\(1, 1, 3, 3, 3\) and "):
        join(random_stack("onednn", 2, 1, widths=(3, 6, 6)), "onednn")


def test_a_name_that_is_not_the_systems_is_refused_with_those_that_are():
    params = join(random_stack("torch", 2, 1), "torch")
    with pytest.raises(
        InputError, match=r"weight_ho_l0 is no array of convention torch; .* weight_ih_l0, weight_hh_l0"
    ):
        split({**params, "weight_ho_l0": params["weight_hh_l0"]}, "torch")


def test_a_layer_or_direction_that_is_missing_is_named():
    params = join(random_stack("torch", 3, 2), "torch")
    without = {name: array for name, array in params.items() if "_l1" not in name}
    with pytest.raises(InputError, match=r"layer 1 has no arrays for direction forward.*NAME_l1"):
        split(without, "torch")
    without = {name: array for name, array in params.items() if "_l2_reverse" not in name}
    with pytest.raises(InputError, match=r"layer 2 has no arrays for direction reverse.*NAME_l2_reverse"):
        split(without, "torch")


def test_an_axis_of_three_directions_is_refused():
    with pytest.raises(InputError, match=r"W has shape \(3, 9, 3\), with 3 directions; there are 1 or 2"):
        split({"W": np.ones((3, 9, 3)), "R": np.ones((3, 9, 3))}, "onnx")
