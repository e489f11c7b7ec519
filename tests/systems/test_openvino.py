"""OpenVINO on the CPU: GRUSequence in its directions and with its lengths."""

import sys

import numpy as np
import pytest

from grusym.equations.library import settings_of
from tests.systems.agreement import (
    SIZES,
    System,
    assert_close,
    check_arrays_as_they_are,
    check_conversion_in,
    check_conversion_out,
    lowered_of,
    random_params,
    random_series,
)
from tests.systems.presence import require
from tests.systems.sequences import over_lengths

require("openvino", "openvino")
pytestmark = pytest.mark.systems


@pytest.fixture(scope="module", autouse=True)
def _openvino():
    """OpenVINO, imported, forks a process that reports its use to its makers, unless it lacks the package for that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "openvino_telemetry", None)
        import openvino  # noqa: F401


# Without it, processors that have bfloat16 compute in that.
PRECISION = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}


def sequence(cell, arrays, given, lengths, direction):
    """y (T, B, H) and final states (B, H) of the operation over sequences, whose arrays have an axis of directions."""
    import openvino
    from openvino import opset13

    operation = {"gru": opset13.gru_sequence, "lstm": opset13.lstm_sequence, "rnn": opset13.rnn_sequence}[cell.name]
    batch_first = {name: array.swapaxes(0, 1) if name == "x" else array[:, None] for name, array in given.items()}
    inputs = [np.ascontiguousarray(array) for array in batch_first.values()] + [np.asarray(lengths, np.int32)]
    parameters = [opset13.parameter(array.shape, array.dtype) for array in inputs]
    options = settings_of(cell)
    arguments = {"linear_before_reset": options["reset"] == "after"} if cell.name == "gru" else {}
    arguments |= {"activations": [options["activation"]]} if cell.name == "rnn" else {}
    weights = (array[None] for array in arrays.values())
    node = operation(*parameters, *weights, hidden_size=given["h0"].shape[1], direction=direction, **arguments)
    made = openvino.Model([node.output(n) for n in range(node.get_output_size())], parameters)
    y, *ends = openvino.Core().compile_model(made, "CPU", PRECISION)(inputs).to_tuple()
    return {"y": y[:, 0].swapaxes(0, 1)} | {f"{s.name}_n": e[:, 0] for s, e in zip(cell.states, ends, strict=True)}


def initial(cell, sizes, dtype, seed):
    """OpenVINO runs models that others made: it has no initialiser."""
    return random_params(lowered_of(cell, "openvino"), sizes, dtype, seed)


def run(cell, arrays, given, cotangents):
    steps, batch, _ = given["x"].shape
    return sequence(cell, arrays, given, [steps] * batch, "forward")


OPENVINO = System("openvino", initial, run, differentiates=False)
OTHERS = [  # with what they are converted to, and what is converted to them
    pytest.param("lstm", ["own", "torch"], ["lstm"], id="lstm"),
    pytest.param("rnn", ["own", "torch"], ["rnn"], id="rnn"),
    pytest.param("rnn:activation=relu", ["own", "torch"], ["rnn:activation=relu"], id="rnn:activation=relu"),
]
RESETS = ["gru:reset=before", "gru:reset=after"]


@pytest.mark.parametrize("spelling", RESETS)
def test_its_arrays_are_read_as_they_are(spelling):
    for seed, sizes in enumerate(SIZES):
        check_arrays_as_they_are(OPENVINO, spelling, sizes, "float32", seed)


@pytest.mark.parametrize("spelling", RESETS)
def test_converted_both_ways_they_compute_the_same(spelling):
    for seed, sizes in enumerate(SIZES[1:]):
        for target in ("own", "torch" if spelling == "gru:reset=after" else "haiku"):
            check_conversion_out(OPENVINO, spelling, target, sizes, "float32", seed)
        for origin in (spelling, f"{spelling},update=write"):
            check_conversion_in(OPENVINO, spelling, origin, sizes, "float32", seed)


@pytest.mark.parametrize(("spelling", "targets", "origins"), OTHERS)
def test_other_cells_are_read_as_they_are_and_converted_both_ways(spelling, targets, origins):
    for seed, sizes in enumerate(SIZES[:3]):
        check_arrays_as_they_are(OPENVINO, spelling, sizes, "float32", seed)
        for target in targets:
            check_conversion_out(OPENVINO, spelling, target, sizes, "float32", seed)
        for origin in origins:
            check_conversion_in(OPENVINO, spelling, origin, sizes, "float32", seed)


LENGTHS = [3, 5, 1]
LAYER = {"T": 5, "B": 3, "I": 4, "H": 2}


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("spelling", [*RESETS, "lstm", "rnn"])
def test_past_the_length_it_writes_zero(spelling, direction):
    lowered = lowered_of(spelling, "openvino")
    arrays, (given, _) = random_params(lowered, LAYER, "float32", 0), random_series(lowered, LAYER, "float32", 0)
    theirs = sequence(lowered.cell, arrays, given, LENGTHS, direction)
    ours, bounds = over_lengths(lowered, "openvino", arrays, given, LENGTHS, reverse=direction == "reverse")
    assert_close(theirs, ours, bounds, direction)


def test_a_sequence_of_length_0_ends_in_zero_whatever_its_initial_state_was():
    lowered = lowered_of("gru:reset=after", "openvino")
    arrays, (given, _) = random_params(lowered, LAYER, "float32", 0), random_series(lowered, LAYER, "float32", 0)
    found = sequence(lowered.cell, arrays, given, [3, 0, 1], "forward")
    assert not found["y"][:, 1].any()
    assert not found["h_n"][1].any()
    assert given["h0"][1].all()
