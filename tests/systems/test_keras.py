"""Keras, on PyTorch: GRU with reset_after both ways, by its weights."""

from functools import partial

import pytest

from tests.systems.agreement import SIZES, System, check_arrays_as_they_are, check_conversion_in, check_conversion_out
from tests.systems.keras_layers import WARNING, import_on_torch, initial, run
from tests.systems.presence import require

require("keras", "keras")
require("torch", "torch")
pytestmark = [pytest.mark.systems, pytest.mark.filterwarnings(WARNING)]


@pytest.fixture(scope="module", autouse=True)
def _keras():
    import_on_torch()


KERAS = System("keras", initial, run)
OTHERS = [  # with what they are converted to, and what is converted to them
    pytest.param("lstm", ["own", "torch", "onnx"], ["lstm", "lstm:biases=one"], id="lstm"),
    pytest.param("rnn", ["own", "torch", "onnx"], ["rnn", "rnn:biases=one"], id="rnn"),
    pytest.param("rnn:activation=relu", ["own", "torch", "haiku"], ["rnn:activation=relu"], id="rnn:activation=relu"),
]
UNROLLED = System("keras", initial, partial(run, unroll=True))  # by Keras's own cell, where the layer would be fused
# Except on TensorFlow, Keras takes an operation on float64 to give float32 (keras.backend.result_type), in a layer of
# float64 too: only the fused layer on PyTorch computes in double precision.
CASES = [
    pytest.param(KERAS, "gru:reset=after", "float32", id="after-float32"),
    pytest.param(KERAS, "gru:reset=after", "float64", id="after-float64"),
    pytest.param(UNROLLED, "gru:reset=after", "float32", id="after-unrolled-float32"),
    pytest.param(KERAS, "gru:reset=before", "float32", id="before-float32"),
]


@pytest.mark.parametrize("biases", ["", ",biases=none"])
@pytest.mark.parametrize(("system", "spelling", "dtype"), CASES)
def test_its_weights_are_read_as_they_are(system, spelling, dtype, biases):
    for seed, sizes in enumerate(SIZES):
        check_arrays_as_they_are(system, spelling + biases, sizes, dtype, seed)


@pytest.mark.parametrize(("system", "spelling", "dtype"), CASES)
def test_converted_from_it_they_compute_the_same(system, spelling, dtype):
    for seed, sizes in enumerate(SIZES):
        for target in ("own", "onnx", "torch" if spelling == "gru:reset=after" else "haiku"):
            check_conversion_out(system, spelling, target, sizes, dtype, seed)


@pytest.mark.parametrize(("system", "spelling", "dtype"), CASES)
def test_converted_to_it_they_compute_the_same(system, spelling, dtype):
    folded = [] if spelling == "gru:reset=after" else [f"{spelling},biases=one"]
    for seed, sizes in enumerate(SIZES):
        for origin in (spelling, f"{spelling},update=write", *folded):
            check_conversion_in(system, spelling, origin, sizes, dtype, seed)


@pytest.mark.parametrize(("spelling", "targets", "origins"), OTHERS)
def test_other_cells_are_read_as_they_are_and_converted_both_ways(spelling, targets, origins):
    for seed, sizes in enumerate(SIZES[:3]):
        check_arrays_as_they_are(KERAS, spelling, sizes, "float32", seed)
        for target in targets:
            check_conversion_out(KERAS, spelling, target, sizes, "float32", seed)
        for origin in origins:
            check_conversion_in(KERAS, spelling, origin, sizes, "float32", seed)
