"""Arrays that do not fit: the tensor, the shape that is wanted, and what they would fit."""

import numpy as np
import pytest

from grusym.conventions.convert import convert
from grusym.errors import InputError
from tests.conventions.test_convert import params_of

TORCH, LSTM = params_of("torch", "gru"), params_of("torch", "lstm")
KERAS = params_of("keras", "gru")
BARE = {name: array for name, array in TORCH.items() if name.startswith("weight")}
ARRAYS = "params do not fit gru in convention torch: it has weight_ih, weight_hh, bias_ih, bias_hh; "


@pytest.mark.parametrize(
    ("params", "source", "spelling", "message"),
    [
        (params_of("onnx", "gru"), "onnx", "gru", 'say which: cell="gru:reset=before" or cell="gru:reset=after"'),
        # One array of the wrong extent, or of the wrong rank: the others say what is wanted.
        (TORCH | {"bias_hh": np.zeros(4)}, "torch", "gru", "bias_hh has shape (4,), but (3*H,) = (9,) is wanted"),
        (TORCH | {"bias_hh": np.zeros((9, 1))}, "torch", "gru", "bias_hh has shape (9, 1), but (3*H,) = (9,) is want"),
        (TORCH | {"weight_ih": np.zeros(9)}, "torch", "gru", "weight_ih has shape (9,), but (3*H, I) = (9, I) is want"),
        (TORCH | {"weight_hh": np.zeros((9, 5))}, "torch", "gru", "weight_hh has shape (9, 5), but (3*H, H) = "),
        # Transposed: one of them, or all.
        (
            TORCH | {"weight_hh": TORCH["weight_hh"].T},
            "torch",
            "gru",
            "weight_hh has shape (3, 9), but (3*H, H) = (9, 3) is wanted: transposed",
        ),
        (
            TORCH | {name: TORCH[name].T for name in BARE},
            "torch",
            "gru",
            "weight_ih has shape (2, 9), but (3*H, I) = (9, 2) is wanted and weight_hh has shape (3, 9), but "
            "(3*H, H) = (9, 3) is wanted: transposed",
        ),
        (
            KERAS | {"kernel": KERAS["kernel"].T},
            "keras",
            "gru",
            "kernel has shape (9, 2), but (I, 3*H) = (2, 9) is wanted: transposed",
        ),
        # Names that are missing, or too many.
        (
            {name: TORCH[name] for name in TORCH if name != "bias_hh"},
            "torch",
            "gru",
            ARRAYS + "bias_hh is missing",
        ),
        (TORCH | {"weight_ho": np.zeros((2, 2))}, "torch", "gru", ARRAYS + "weight_ho is none of them"),
        (
            BARE | {"bias": np.zeros(9)},
            "torch",
            "gru",
            ARRAYS + "bias_ih, bias_hh are missing and bias is none of them",
        ),
        ({}, "torch", "gru", ARRAYS + "weight_ih, weight_hh, bias_ih, bias_hh are missing"),
        # Another cell, another convention, both.
        (
            LSTM,
            "torch",
            "gru",
            '; they look like the parameters of lstm (4*H instead of 3*H), so give cell="lstm"',
        ),
        (
            TORCH,
            "torch",
            "lstm",
            '; they look like the parameters of gru (3*H instead of 4*H), so give cell="gru"',
        ),
        (
            TORCH,
            "keras",
            "gru",
            "it has kernel, recurrent_kernel, bias; kernel, recurrent_kernel, bias are missing and weight_ih, "
            "weight_hh, bias_ih, bias_hh are none of them; they fit the convention torch or paddle or mindspore_nn",
        ),
        (params_of("haiku", "lstm:biases=one,forget=1"), "torch", "gru", "; they fit lstm in convention haiku"),
        # What is no array at all, and names of nothing.
        (TORCH | {"bias_hh": [0] * 9}, "torch", "gru", "bias_hh is a list, not a NumPy array of floats"),
        (TORCH | {"bias_hh": np.zeros(9, int)}, "torch", "gru", "bias_hh is a int64, not a NumPy array of floats"),
        ([], "torch", "gru", "params is a list, not a dict of arrays by name"),
        (TORCH, "torch", "gru:reset=before", "convention torch has gru with reset=after, not reset=before"),
        (TORCH, "tensorfish", "gru", "unknown convention 'tensorfish'"),
        (TORCH, "torch", "grue", "unknown cell 'grue'"),
    ],
)
def test_what_does_not_fit_is_told(params, source, spelling, message):
    with pytest.raises(InputError) as error:
        convert(params, source, "haste", spelling)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_sizes_that_no_two_arrays_agree_on_are_all_told():
    shapes = {"weight_ih": (9, 2), "weight_hh": (12, 5), "bias_ih": (15,), "bias_hh": (18,)}
    with pytest.raises(InputError) as error:
        convert({name: np.zeros(shape) for name, shape in shapes.items()}, "torch", "keras")
    assert "weight_ih has shape (9, 2), where (3*H, I) is wanted, weight_hh has shape (12, 5), where" in str(
        error.value
    )


def test_the_cell_that_it_would_fit_can_be_converted():
    assert list(convert(LSTM, "torch", "keras", "lstm")) == ["kernel", "recurrent_kernel", "bias"]
