"""One vector for all arrays: there and back, and what a vector does not say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grusym.conventions.convert import convert
from grusym.conventions.flat import raveled, unraveled
from grusym.conventions.library import cell_in, convention_by_name, layout_of
from grusym.errors import InputError
from tests.conventions.test_records import random_tensors

FLAT = convention_by_name("mxnet_flat").flat


def vector_of(family: str, sizes: dict[str, int]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    layout = layout_of(cell_in(family, "mxnet_flat"), "mxnet_flat")
    arrays = layout.pack(random_tensors(cell_in(family, "mxnet_flat"), sizes), sizes)
    return arrays, raveled(arrays, FLAT)["parameters"]


@pytest.mark.parametrize("family", ["gru", "lstm", "rnn"])
@settings(max_examples=10, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5))
def test_raveling_is_inverse(family, width, hidden):
    sizes = {"I": width, "H": hidden}
    arrays, vector = vector_of(family, sizes)
    layout = layout_of(cell_in(family, "mxnet_flat"), "mxnet_flat")
    again = unraveled({"parameters": vector}, FLAT, layout, sizes)
    assert sorted(again) == sorted(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)
        assert np.shares_memory(again[name], vector)


def test_weights_stand_before_biases_in_the_order_of_the_fused_operator():
    arrays, vector = vector_of("lstm", {"I": 2, "H": 3})
    order = ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")
    np.testing.assert_array_equal(vector, np.concatenate([arrays[name].ravel() for name in order]))


@pytest.mark.parametrize("family", ["gru", "lstm", "rnn"])
def test_a_round_trip_returns_the_same_bits(family):
    _, vector = vector_of(family, {"I": 2, "H": 3})
    torch = convert({"parameters": vector}, "mxnet_flat", "torch", family, sizes={"I": 2, "H": 3})
    again = convert(torch, "torch", "mxnet_flat", family)
    assert again["parameters"].tobytes() == vector.tobytes()


@pytest.mark.parametrize(
    ("params", "sizes", "message"),
    [
        (
            {"parameters": np.ones(63)},
            None,
            "parameters is a vector of 63 elements, which do not say how large the cell is; that fits I = 18, H = 1 or "
            'I = 2, H = 3; give sizes={"H": ..., "I": ...}',
        ),
        (
            {"parameters": np.ones(62)},
            None,
            'say how large the cell is; no sizes fit that length; give sizes={"H": ..., "I": ...}',
        ),
        (
            {"parameters": np.ones(63)},
            {"I": 3, "H": 3},
            "parameters has 63 elements, but 3*H*(H + I + 2) = 72 are wanted for H = 3, I = 3; that fits I = 18, H = 1",
        ),
        (
            {"parameters": np.ones(720720)},
            {"H": 2},
            "; 80 pairs of I and H fit that length; give sizes=",
        ),
        ({"parameters": np.ones((7, 9))}, None, "parameters has shape (7, 9), but (3*H*(H + I + 2),) is wanted"),
        ({"i2h_weight": np.ones(63)}, None, "convention mxnet_flat has one vector, parameters, not i2h_weight"),
    ],
)
def test_what_a_vector_does_not_say_is_asked_for(params, sizes, message):
    with pytest.raises(InputError) as error:
        convert(params, "mxnet_flat", "torch", sizes=sizes)
    assert message in str(error.value)


def test_sizes_that_contradict_the_arrays_are_refused():
    torch = {"weight_ih": np.ones((6, 3)), "weight_hh": np.ones((6, 2))}
    assert convert(torch, "torch", "keras", sizes={"I": 3, "H": 2})["kernel"].shape == (3, 6)
    with pytest.raises(InputError, match=r"^sizes says I = 4, but the arrays have H = 2, I = 3$"):
        convert(torch, "torch", "keras", sizes={"I": 4})
