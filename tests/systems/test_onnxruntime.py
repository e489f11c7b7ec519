"""ONNX Runtime: models of one node, in its directions and with its lengths; and what it refuses."""

from functools import partial

import numpy as np
import pytest

from grusym.conventions.stacking import Stack, join, split
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
from tests.systems.onnx_models import node_of, run_node
from tests.systems.presence import require
from tests.systems.sequences import both_ways, over_lengths

require("onnxruntime", "onnxruntime")
require("onnx", "onnx")
pytestmark = pytest.mark.systems


def execute(made, inputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it refuses it also logs
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def initial(cell, sizes, dtype, seed):
    """ONNX has no initialiser of its own."""
    return random_params(lowered_of(cell, "onnx"), sizes, dtype, seed)


def run(cell, arrays, given, cotangents, execute=execute, layout=0):
    ahead = {name: array if name == "x" else array[None] for name, array in given.items()}
    results = run_node(execute, node_of(cell, layout=layout), arrays, ahead)
    return {name: array[:, 0] if name == "y" else array[0] for name, array in results.items()}


ONNXRUNTIME = System("onnx", initial, run, differentiates=False)
OTHERS = [  # with what they are converted to, and what is converted to them
    pytest.param("lstm", ["own", "torch"], ["lstm"], id="lstm"),
    pytest.param("lstm:biases=none", ["own"], ["lstm:biases=none"], id="lstm:biases=none"),
    pytest.param("rnn", ["own", "torch"], ["rnn"], id="rnn"),
    pytest.param("rnn:activation=relu", ["own", "torch"], ["rnn:activation=relu"], id="rnn:activation=relu"),
]
RESETS = ["gru:reset=before", "gru:reset=after"]


@pytest.mark.parametrize("biases", ["", ",biases=none"])
@pytest.mark.parametrize("spelling", RESETS)
def test_initialisers_are_read_as_they_are(spelling, biases):
    for seed, sizes in enumerate(SIZES):
        check_arrays_as_they_are(ONNXRUNTIME, spelling + biases, sizes, "float32", seed)


@pytest.mark.parametrize("spelling", RESETS)
def test_converted_both_ways_they_compute_the_same(spelling):
    for seed, sizes in enumerate(SIZES):
        for target in ("own", "torch" if spelling == "gru:reset=after" else "haiku"):
            check_conversion_out(ONNXRUNTIME, spelling, target, sizes, "float32", seed)
        for origin in (spelling, f"{spelling},update=write"):
            check_conversion_in(ONNXRUNTIME, spelling, origin, sizes, "float32", seed)


@pytest.mark.parametrize(("spelling", "targets", "origins"), OTHERS)
def test_other_cells_are_read_as_they_are_and_converted_both_ways(spelling, targets, origins):
    for seed, sizes in enumerate(SIZES[:3]):
        check_arrays_as_they_are(ONNXRUNTIME, spelling, sizes, "float32", seed)
        for target in targets:
            check_conversion_out(ONNXRUNTIME, spelling, target, sizes, "float32", seed)
        for origin in origins:
            check_conversion_in(ONNXRUNTIME, spelling, origin, sizes, "float32", seed)


LENGTHS = [3, 5, 1]
LAYER = {"T": 5, "B": 3, "I": 4, "H": 2}


def layer_of(spelling, directions):
    """A lowered cell, the arrays of each direction and of all, x, and states with an axis for the directions."""
    lowered = lowered_of(spelling, "onnx")
    ways = tuple(random_params(lowered, LAYER, "float32", seed) for seed in range(directions))
    given, _ = random_series(lowered, LAYER, "float32", 0)
    other, _ = random_series(lowered, LAYER, "float32", 1)
    states = {name: np.stack([given[name], other[name]][:directions]) for name in given if name != "x"}
    return lowered, ways, join(Stack((ways,)), "onnx", lowered.cell.name), {"x": given["x"], **states}


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("spelling", [*RESETS, "lstm", "rnn"])
def test_reverse_is_the_reversed_sequence_up_to_its_length(spelling, lengths):
    lowered, (arrays,), _, given = layer_of(spelling, 1)
    theirs = run_node(execute, node_of(lowered.cell, "reverse"), arrays, given, lengths)
    single = {name: array if name == "x" else array[0] for name, array in given.items()}
    ours, bounds = over_lengths(lowered, "onnx", arrays, single, lengths or [5, 5, 5], reverse=True)
    squeezed = {name: array[:, 0] if name == "y" else array[0] for name, array in theirs.items()}
    assert_close(squeezed, ours, bounds, "reverse")


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("spelling", [*RESETS, "lstm", "rnn"])
def test_both_directions_have_parameters_and_states_of_their_own(spelling, lengths):
    lowered, ways, joined, given = layer_of(spelling, 2)
    [(ahead, back)] = split(joined, "onnx", lowered.cell.name).layers
    for name in joined:
        np.testing.assert_array_equal(ahead[name], ways[0][name])
        np.testing.assert_array_equal(back[name], ways[1][name])
    theirs = run_node(execute, node_of(lowered.cell, "bidirectional"), joined, given, lengths)
    ours, bounds = both_ways(lowered, "onnx", ways, given, lengths or [5, 5, 5])
    assert_close(theirs, ours, bounds, "bidirectional")


def test_outputs_past_the_length_are_zero_and_the_final_state_is_that_at_the_length():
    lowered, (arrays,), _, given = layer_of("gru:reset=after", 1)
    found = run_node(execute, node_of(lowered.cell), arrays, given, LENGTHS)
    for sample, length in enumerate(LENGTHS):
        assert not found["y"][length:, :, sample].any()
        np.testing.assert_array_equal(found["h_n"][:, sample], found["y"][length - 1, :, sample])


def test_a_sequence_of_length_0_ends_in_zero_whatever_its_initial_state_was():
    lowered, (arrays,), _, given = layer_of("gru:reset=after", 1)
    found = run_node(execute, node_of(lowered.cell), arrays, given, [3, 0, 1])
    assert not found["y"][:, :, 1].any()
    assert not found["h_n"][:, 1].any()
    assert given["h0"][:, 1].all()


@pytest.mark.parametrize(
    ("layout", "dtype", "lengths", "answer"),
    [
        (1, "float32", None, r"layout_ == 0 was false"),
        (0, "float64", None, r"GRU operator does not support double yet"),
        (0, "float32", [6, 1, 1], r"sequence_lens\. All values must be >= 0 and <= seq_length"),
        (0, "float32", [-1, 1, 1], r"sequence_lens\. All values must be >= 0 and <= seq_length"),
    ],
)
def test_what_it_refuses(layout, dtype, lengths, answer):
    lowered, (arrays,), _, given = layer_of("gru:reset=after", 1)
    arrays, given = ({name: a.astype(dtype) for name, a in of.items()} for of in (arrays, given))
    with pytest.raises(Exception, match=answer):
        run_node(execute, node_of(lowered.cell, layout=layout), arrays, given, lengths)


def evaluate(made, inputs):
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(made).run(None, inputs)


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spelling", RESETS)
def test_the_reference_evaluator_of_onnx_has_both_layouts_and_double_precision(spelling, dtype, layout):
    reference = System("onnx", initial, partial(run, execute=evaluate, layout=layout), differentiates=False)
    for seed, sizes in enumerate(SIZES):
        check_arrays_as_they_are(reference, spelling, sizes, dtype, seed)
