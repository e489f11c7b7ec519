"""Flax nnx: its cells under nnx.RNN, by the flattened state of their parameters."""

from functools import cache

import pytest

from grusym.equations.library import settings_of
from tests.systems.agreement import (
    SIZES,
    System,
    check_arrays_as_they_are,
    check_conversion_in,
    check_conversion_out,
    with_random_biases,
)
from tests.systems.jax_layers import by_jax
from tests.systems.presence import require

require("flax", "flax")
pytestmark = [pytest.mark.systems, pytest.mark.usefixtures("jax_in_float64")]


def layer(cell, wide, hidden, dtype, seed=0):
    from flax import nnx

    kind = {"gru": nnx.GRUCell, "lstm": nnx.LSTMCell, "rnn": nnx.SimpleCell}[cell.name]
    activation = {"activation_fn": getattr(nnx, settings_of(cell)["activation"])} if cell.name == "rnn" else {}
    return kind(wide, hidden, param_dtype=dtype, rngs=nnx.Rngs(seed), **activation)


def initial(cell, sizes, dtype, seed):
    from flax import nnx

    state = nnx.to_flat_state(nnx.state(layer(cell, sizes["I"], sizes["H"], dtype, seed), nnx.Param))
    return with_random_biases({".".join(path): param.get_value() for path, param in state}, dtype, seed)


@cache
def computing(cell, wide, hidden, dtype):
    from flax import nnx

    graph, state = nnx.split(layer(cell, wide, hidden, dtype))
    states = [state.name for state in reversed(cell.states)]  # the LSTM's carry is (c, h)

    def compute(leaves):
        values = [(path, param.replace(leaves[".".join(path)])) for path, param in nnx.to_flat_state(state)]
        run = nnx.RNN(nnx.merge(graph, nnx.from_flat_state(values)), time_major=True, return_carry=True)
        start = [leaves[f"{state}0"] for state in states]
        carry, y = run(leaves["x"], initial_carry=tuple(start) if len(start) > 1 else start[0])
        ends = carry if len(states) > 1 else [carry]
        return {"y": y} | {f"{state}_n": end for state, end in zip(states, ends, strict=True)}

    return compute


def run(cell, arrays, given, cotangents):
    wide, hidden = given["x"].shape[2], given["h0"].shape[1]
    return by_jax(computing(cell, wide, hidden, given["x"].dtype), arrays, given, cotangents)


NNX = System("flax_nnx", initial, run)
OTHERS = [  # with what they are converted to, and what is converted to them
    pytest.param("lstm", ["own", "torch"], ["lstm"], id="lstm"),
    pytest.param("rnn", ["own", "keras"], ["rnn"], id="rnn"),
    pytest.param("rnn:activation=relu", ["own", "torch"], ["rnn:activation=relu"], id="rnn:activation=relu"),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_its_parameters_are_read_as_they_are(dtype):
    for seed, sizes in enumerate(SIZES):
        check_arrays_as_they_are(NNX, "gru", sizes, dtype, seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_converted_both_ways_they_compute_the_same(dtype):
    for seed, sizes in enumerate(SIZES):
        for target in ("own", "torch"):
            check_conversion_out(NNX, "gru", target, sizes, dtype, seed)
        for origin in ("gru:biases=one", "gru:update=write,biases=one"):
            check_conversion_in(NNX, "gru", origin, sizes, dtype, seed)


@pytest.mark.parametrize(("spelling", "targets", "origins"), OTHERS)
def test_other_cells_are_read_as_they_are_and_converted_both_ways(spelling, targets, origins):
    for seed, sizes in enumerate(SIZES[:3]):
        check_arrays_as_they_are(NNX, spelling, sizes, "float32", seed)
        for target in targets:
            check_conversion_out(NNX, spelling, target, sizes, "float32", seed)
        for origin in origins:
            check_conversion_in(NNX, spelling, origin, sizes, "float32", seed)
