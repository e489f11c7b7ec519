"""Flax linen: its cells under nn.RNN, by the flattened variables["params"]."""

from functools import cache

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
    with_random_biases,
)
from tests.systems.jax_layers import by_jax
from tests.systems.presence import require
from tests.systems.sequences import over_lengths

require("flax", "flax")
pytestmark = [pytest.mark.systems, pytest.mark.usefixtures("jax_in_float64")]


def layer(cell, hidden, dtype, **arguments):
    import flax.linen as nn

    kind = {"gru": nn.GRUCell, "lstm": nn.LSTMCell, "rnn": nn.SimpleCell, "mgu": nn.MGUCell}[cell.name]
    activation = {"activation_fn": getattr(nn, settings_of(cell)["activation"])} if cell.name == "rnn" else {}
    made = kind(hidden, param_dtype=dtype, **activation)
    return nn.RNN(made, time_major=True, return_carry=True, **arguments)


def initial(cell, sizes, dtype, seed):
    import jax
    from flax.traverse_util import flatten_dict

    made = layer(cell, sizes["H"], dtype)
    variables = made.init(jax.random.PRNGKey(seed), jax.numpy.zeros((sizes["T"], sizes["B"], sizes["I"]), dtype))
    return with_random_biases(flatten_dict(variables["params"]["cell"], sep="/"), dtype, seed)


@cache
def computing(cell, hidden, dtype):
    from flax.traverse_util import unflatten_dict

    made = layer(cell, hidden, dtype)
    states = [state.name for state in reversed(cell.states)]  # the LSTM's carry is (c, h)

    def compute(leaves, **arguments):
        variables = {"params": {"cell": unflatten_dict({n: a for n, a in leaves.items() if "/" in n}, sep="/")}}
        start = [leaves[f"{state}0"] for state in states]
        start = tuple(start) if len(start) > 1 else start[0]
        carry, y = made.apply(variables, leaves["x"], initial_carry=start, **arguments)
        ends = carry if len(states) > 1 else [carry]
        return {"y": y} | {f"{state}_n": end for state, end in zip(states, ends, strict=True)}

    return compute


def run(cell, arrays, given, cotangents):
    return by_jax(computing(cell, given["h0"].shape[1], given["x"].dtype), arrays, given, cotangents)


LINEN = System("flax_linen", initial, run)
OTHERS = [  # with what they are converted to, and what is converted to them
    pytest.param("lstm", ["own", "torch"], ["lstm"], id="lstm"),
    pytest.param("rnn", ["own", "keras"], ["rnn"], id="rnn"),
    pytest.param("rnn:activation=relu", ["own", "torch"], ["rnn:activation=relu"], id="rnn:activation=relu"),
    pytest.param("mgu", ["own"], ["mgu:reset=after,update=keep,biases=candidate"], id="mgu"),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_its_parameters_are_read_as_they_are(dtype):
    for seed, sizes in enumerate(SIZES):
        check_arrays_as_they_are(LINEN, "gru", sizes, dtype, seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_converted_both_ways_they_compute_the_same(dtype):
    for seed, sizes in enumerate(SIZES):
        for target in ("own", "torch"):
            check_conversion_out(LINEN, "gru", target, sizes, dtype, seed)
        for origin in ("gru", "gru:update=write", "gru:biases=candidate"):
            check_conversion_in(LINEN, "gru", origin, sizes, dtype, seed)


@pytest.mark.parametrize(("spelling", "targets", "origins"), OTHERS)
def test_other_cells_are_read_as_they_are_and_converted_both_ways(spelling, targets, origins):
    for seed, sizes in enumerate(SIZES[:3]):
        check_arrays_as_they_are(LINEN, spelling, sizes, "float32", seed)
        for target in targets:
            check_conversion_out(LINEN, spelling, target, sizes, "float32", seed)
        for origin in origins:
            check_conversion_in(LINEN, spelling, origin, sizes, "float32", seed)


LENGTHS = [3, 5, 1]
LAYER = {"T": 5, "B": 3, "I": 4, "H": 2}


@pytest.mark.parametrize("reverse", [False, True])
def test_the_carry_is_that_at_the_length_and_outputs_go_on_past_it(reverse):
    lowered = lowered_of("gru", "flax_linen")
    arrays, (given, _) = random_params(lowered, LAYER, "float32", 0), random_series(lowered, LAYER, "float32", 0)
    compute, leaves = computing(lowered.cell, LAYER["H"], given["x"].dtype), {**arrays, **given}
    found = compute(leaves, seq_lengths=np.array(LENGTHS), reverse=reverse, keep_order=True)
    found = {name: np.array(array) for name, array in found.items()}
    for sample, length in enumerate(LENGTHS):
        past = found["y"][length:, sample]
        assert past.all()
        past[...] = 0
    assert_close(found, *over_lengths(lowered, "flax_linen", arrays, given, LENGTHS, reverse), "lengths")


def test_a_sequence_of_length_0_ends_in_the_state_after_all_its_steps():
    lowered = lowered_of("gru", "flax_linen")
    arrays, (given, _) = random_params(lowered, LAYER, "float32", 0), random_series(lowered, LAYER, "float32", 0)
    compute = computing(lowered.cell, LAYER["H"], given["x"].dtype)
    found = compute({**arrays, **given}, seq_lengths=np.array([3, 0, 1]))
    np.testing.assert_array_equal(found["h_n"][1], found["y"][-1, 1])
