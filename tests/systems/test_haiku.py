"""Haiku: its cores under hk.dynamic_unroll, by the parameters of hk.transform."""

from functools import cache

import pytest

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

require("haiku", "dm-haiku")
pytestmark = [pytest.mark.systems, pytest.mark.usefixtures("jax_in_float64")]

MODULES = {"gru": "gru", "lstm": "lstm", "rnn": "vanilla_rnn"}  # what a core is called that is not given a name


def layer(cell, hidden):
    import haiku as hk

    kind = {"gru": hk.GRU, "lstm": hk.LSTM, "rnn": hk.VanillaRNN}[cell.name]
    return hk.transform(lambda x, state: hk.dynamic_unroll(kind(hidden), x, state))


def initial(cell, sizes, dtype, seed):
    import jax

    x, state = (jax.numpy.zeros(shape, dtype) for shape in ((1, 1, sizes["I"]), (1, sizes["H"])))
    params = layer(cell, sizes["H"]).init(jax.random.PRNGKey(seed), x, as_state([state] * len(cell.states)))
    flat = {f"{module}/{name}".split("/", 1)[1]: a for module, of in params.items() for name, a in of.items()}
    return with_random_biases(flat, dtype, seed)


def as_state(states):
    import haiku as hk

    return hk.LSTMState(*states) if len(states) > 1 else states[0]


@cache
def computing(cell, hidden):
    made, states = layer(cell, hidden), [state.name for state in cell.states]
    given = {"x", *(f"{state}0" for state in states)}

    def compute(leaves):
        params = {}
        for name, leaf in leaves.items():
            if name not in given:
                module, _, own = f"{MODULES[cell.name]}/{name}".rpartition("/")
                params.setdefault(module, {})[own] = leaf
        y, end = made.apply(params, None, leaves["x"], as_state([leaves[f"{state}0"] for state in states]))
        ends = end if len(states) > 1 else [end]
        return {"y": y} | {f"{state}_n": last for state, last in zip(states, ends, strict=True)}

    return compute


def run(cell, arrays, given, cotangents):
    return by_jax(computing(cell, given["h0"].shape[1]), arrays, given, cotangents)


HAIKU = System("haiku", initial, run)
OTHERS = [  # with what they are converted to, and what is converted to them
    pytest.param("lstm", ["own", "torch", "keras"], ["lstm"], id="lstm"),
    pytest.param("rnn", ["own", "torch"], ["rnn:activation=relu"], id="rnn"),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_its_parameters_are_read_as_they_are(dtype):
    for seed, sizes in enumerate(SIZES):
        check_arrays_as_they_are(HAIKU, "gru", sizes, dtype, seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_converted_both_ways_they_compute_the_same(dtype):
    for seed, sizes in enumerate(SIZES):
        for target in ("own", "keras", "onnx"):
            check_conversion_out(HAIKU, "gru", target, sizes, dtype, seed)
        for origin in ("gru:reset=before", "gru:reset=before,update=write,biases=one"):
            check_conversion_in(HAIKU, "gru", origin, sizes, dtype, seed)


@pytest.mark.parametrize(("spelling", "targets", "origins"), OTHERS)
def test_other_cells_are_read_as_they_are_and_converted_both_ways(spelling, targets, origins):
    for seed, sizes in enumerate(SIZES[:3]):
        check_arrays_as_they_are(HAIKU, spelling, sizes, "float32", seed)
        for target in targets:
            check_conversion_out(HAIKU, spelling, target, sizes, "float32", seed)
        for origin in origins:
            check_conversion_in(HAIKU, spelling, origin, sizes, "float32", seed)
