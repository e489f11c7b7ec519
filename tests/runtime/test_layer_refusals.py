"""What layers refuse, each in a sentence that names the tensor and both shapes."""

from pathlib import Path

import numpy as np
import pytest

import grusym
from grusym.errors import InputError
from tests.runtime.layer_data import Data

CELLS = Path(__file__).parents[1] / "cells"
SCALARS = str(CELLS / "scalar_gates.cell")


def told(call, *arguments, **named):
    with pytest.raises(InputError) as caught:
        call(*arguments, **named)
    return str(caught.value)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"layers": 0}, "layers=0, but a stack has a whole number of layers, 1 or more"),
        ({"layers": True}, "layers=True, but a stack has a whole number of layers, 1 or more"),
        ({"layers": 1.5}, "layers=1.5, but a stack has a whole number of layers, 1 or more"),
        ({"direction": "both"}, "direction='both' is unknown; direction is one of forward, reverse, bidirectional"),
        ({"merge": "mul"}, "merge='mul' is unknown; merge is one of concat, sum"),
        ({"masked": "keep"}, "masked='keep' is unknown; masked is one of zero, hold"),
        ({"batch_first": "yes"}, "batch_first='yes' is unknown; batch_first is one of False, True"),
        (
            {"cell": SCALARS, "direction": "bidirectional"},
            'g of scalar_gates has no axis to concatenate directions along; pass merge="sum"',
        ),
        (
            {"cell": SCALARS, "masked": "hold"},
            "scalar_gates has the output g, which has no value before the first step to hold; make it a state, or mask "
            "with output=zero (mask=zero)",
        ),
        (
            {"cell": SCALARS, "layers": 2},
            "g () of scalar_gates cannot be the input x (I,) of a layer above; they have different numbers of axes",
        ),
    ],
)
def test_forms_that_do_not_exist(layer, form, message):
    assert told(layer, **form) == message


def test_a_cell_without_an_input_is_no_layer(layer):
    cell = grusym.Cell.parse("still(h[k]) -> h'[k]  axes k: H\n h'[k] = w[k] h[k]")
    assert told(layer, cell) == "still has no input, so that nothing says how many steps a layer has"


# Arrays. T = 5, B = 4, I = 3, H = 4 in two layers of both directions.


@pytest.fixture
def data(layer):
    return Data(layer("gru", convention="torch", layers=2, direction="bidirectional", batch_first=True))


ZEROS = np.zeros


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": ZEROS((4, 5, 2))}, "x has shape (4, 5, 2), but (B, T, I) = (4, 5, 3) is wanted"),
        ({"x": ZEROS((4, 5))}, "x has shape (4, 5), but (B, T, I) is wanted"),
        (
            {"x": ZEROS((4, 5, 3), "float32")},
            "x is float32, but the kernel computes in float64; pass x.astype(np.float64)",
        ),
        ({"x": None}, "the input x is missing"),
        ({"h0": ZEROS((4, 4))}, "h0 has shape (4, 4), but (4, B, H) is wanted"),
        ({"h0": ZEROS((2, 4, 4))}, "h0 has shape (2, 4, 4), but (4, B, H) = (4, 4, 4) is wanted"),
        ({"h0": ZEROS((4, 4, 5))}, "h0 has shape (4, 4, 5), but (4, B, H) = (4, 4, 4) is wanted"),
        ({"lengths": [1, 2, 3]}, "lengths has shape (3,), but (B,) = (4,) is wanted"),
        ({"lengths": [1, 2, 3, 6]}, "lengths[3] is 6, but a length lies between 0 and T = 5"),
        ({"lengths": [-1, 2, 3, 5]}, "lengths[0] is -1, but a length lies between 0 and T = 5"),
        (
            {"lengths": [1.0, 2.0, 3.0, 4.0]},
            "lengths is float64 of shape (4,); pass whole numbers, as in a list or an array of int64",
        ),
        ({"mask": ZEROS((5, 4))}, "mask has shape (5, 4), but (B, T) = (4, 5) is wanted"),
        (
            {"mask": ZEROS((4, 5), "int64")},
            "mask is int64, but the kernel computes in float64; pass mask.astype(np.float64)",
        ),
        ({"dropout": ZEROS((4, 5, 8))}, "dropout has shape (4, 5, 8), but (1, B, T, 2*H) is wanted"),
        (
            {"dropout": ZEROS((1, 4, 5, 4))},
            "dropout has shape (1, 4, 5, 4), but (1, B, T, 2*H) = (1, 4, 5, 8) is wanted",
        ),
        ({"params": [1]}, "params is a list, not a dict of arrays by name"),
        ({"params": {1: ZEROS(2)}}, "params has the key 1; its keys are names of arrays"),
    ],
)
def test_arrays_that_do_not_fit(data, given, message):
    assert told(data.layers.forward, **({"x": data.x, "h0": data.h0, "params": data.params} | given)) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda p: {k: v for k, v in p.items() if "l1" not in k},
            "the parameters are those of 1 layer in 2 directions, but this is 2 layers in 2 directions, whose last "
            "arrays are called NAME_l1_reverse in convention torch",
        ),
        (
            lambda p: {k: v for k, v in p.items() if "reverse" not in k},
            "the parameters are those of 2 layers in 1 direction, but this is 2 layers in 2 directions, whose last "
            "arrays are called NAME_l1_reverse in convention torch",
        ),
        (
            lambda p: {k: v for k, v in p.items() if k != "bias_hh_l1_reverse"},
            "layer 1, reverse: params lacks bias_hh; gru in convention torch takes weight_ih, weight_hh, "
            "bias_ih, bias_hh",
        ),
        (
            lambda p: p | {"weight_ih_l1": ZEROS((12, 4))},
            "x of layer 1 is what layer 0 gives, (T, B, 2*H) = (5, 4, 8), but (T, B, I) = (5, 4, 4) is wanted by its "
            "parameters",
        ),
        (
            lambda p: p | {"weight_ih_l0_reverse": ZEROS((12, 3), "float32")},
            "weight_ih_l0_reverse is float32, but the kernel computes in float64; "
            "pass weight_ih_l0_reverse.astype(np.float64)",
        ),
        (
            lambda p: p | {k: ZEROS([15 if n == 12 else 5 if n == 4 else n for n in v.shape])
                           for k, v in p.items() if "l1" in k},
            "layer 1 has parameters with H = 5, but H = 4 in the arrays before; the states of all layers have the same "
            "shape",
        ),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit(data, change, message):
    assert told(data.layers.forward, data.x, data.h0, change(data.params)) == message


def test_dropout_needs_layers_to_lie_between(layer):
    data = Data(layer("gru"))
    assert told(data.layers.forward, data.x, None, data.params, dropout=ZEROS((0, 5, 4, 4))) == (
        "dropout lies between layers, and this is one layer; leave it out, or multiply x or y by it"
    )


def test_a_size_that_nothing_says_is_asked_for(layer):
    cell = grusym.Cell.parse("total(x, h[k]) -> h'[k]  axes k: H\n h'[k] = h[k] + x")
    assert told(layer(cell).forward, ZEROS((2, 3)), None, {}) == (
        "the size H cannot be read off the given arrays; pass the initial states"
    )


def test_cotangents_and_tapes_that_do_not_fit(layer, data):
    layers = data.layers
    tape = layers.forward(data.x, data.h0, data.params)
    assert told(layers.backward, tape, ZEROS((4, 5, 4))) == (
        "dy has shape (4, 5, 4), but (B, T, 2*H) = (4, 5, 8) is wanted"
    )
    assert told(layers.backward, tape, None, ZEROS((4, 4))) == "dh_n has shape (4, 4), but (4, B, H) is wanted"
    assert told(layers.backward, tape, {"dz": ZEROS(1)}) == (
        "the cotangent of the outputs has no dz; it consists of dy"
    )
    assert told(layers.backward, tape.y) == "the tape is a ndarray; pass what this layer's forward returned"
    other = layer("gru", convention="torch", layers=2, direction="bidirectional", merge="sum")
    assert told(other.backward, tape) == "this tape was made by another layer; pass what this layer's forward returned"
    bare = layers.forward(data.x, data.h0, data.params, saving=False)
    assert "this tape was made with saving=False" in told(layers.backward, bare)


def test_packed_sequences_that_do_not_fit(layer):
    layers = layer("augru")
    data = Data(layers)
    x, a = (grusym.pack_padded(data.x[name], [5, 3, 2, 1]) for name in ("x", "a"))
    other = grusym.pack_padded(data.x["a"], [5, 3, 3, 1])
    forward, rest = layers.forward, (data.h0, data.params)
    assert told(forward, (x, data.x["a"]), *rest) == "a is a ndarray; where x is packed, a is packed like it"
    assert told(forward, (x, other), *rest) == (
        "a is packed with other batch_sizes than x; pack both with the same lengths"
    )
    assert told(forward, (data.x["x"], a), *rest) == "a is packed, but x is not; pad it (pad_packed), or pack x too"
    assert told(forward, (x, a), *rest, lengths=[1, 1, 1, 1]) == (
        "lengths are given with a packed sequence, which has its own; leave them out"
    )
    tape = forward((x, a), *rest)
    assert told(layers.backward, tape, ZEROS((11, 4))) == "dy is a ndarray; where x is packed, dy is packed like it"
    short = grusym.PackedSequence(ZEROS((10, 4)), x.batch_sizes)
    assert told(layers.backward, tape, short) == "data of dy has shape (10, 4), but 11 rows are wanted"
