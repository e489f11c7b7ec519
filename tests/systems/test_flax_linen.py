"""Flax linen: its cells under nn.RNN, by the flattened variables["params"]."""

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

require("flax", "flax")
pytestmark = [pytest.mark.systems, pytest.mark.usefixtures("jax_in_float64")]


def layer(cell, hidden, dtype):
    import flax.linen as nn

    kind = {"gru": nn.GRUCell}[cell.name]
    return nn.RNN(kind(hidden, param_dtype=dtype), time_major=True, return_carry=True)


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

    def compute(leaves):
        params = {name: leaf for name, leaf in leaves.items() if "/" in name}
        variables = {"params": {"cell": unflatten_dict(params, sep="/")}}
        carry, y = made.apply(variables, leaves["x"], initial_carry=leaves["h0"])
        return {"y": y, "h_n": carry}

    return compute


def run(cell, arrays, given, cotangents):
    return by_jax(computing(cell, given["h0"].shape[1], given["x"].dtype), arrays, given, cotangents)


LINEN = System("flax_linen", initial, run)


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
