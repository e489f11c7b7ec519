"""Backpropagation through time, run step by step from saved values alone, against complex steps through time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from grusym.calculus.derivation import derive
from grusym.equations.cell import Cell
from tests.calculus.judge import assert_bptt, some_sizes
from tests.calculus.named_cells import ALL, HEAD, cell_named
from tests.calculus.random_cells import cells


@pytest.mark.parametrize("name", ALL)
def test_gradients_through_time(name):
    cell = cell_named(name)
    assert_bptt(derive(cell), 3, some_sizes(cell), np.random.default_rng(2))


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("name", ["gru", "peephole_lstm"])
def test_any_number_of_steps(name, steps):
    cell = cell_named(name)
    assert_bptt(derive(cell), steps, some_sizes(cell, 1, 2), np.random.default_rng(3))


@given(cells())
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_cells(cell: Cell):
    assert_bptt(derive(cell), 2, some_sizes(cell), np.random.default_rng(4))


def test_what_is_saved_and_what_is_computed_again():
    bptt = derive(cell_named("gru:reset=before")).bptt
    assert bptt.saved == ("h", "r", "z", "n")
    assert [str(node) for node in bptt.recomputed] == ["h_r[k] = h[k]*r[k]"]


def test_what_is_computed_again_may_need_what_is_computed_again():
    text = (
        HEAD
        + """a[i] = h[i] x[j] w[j]
        b[i] = h[i] + 1
        c[i] = b[i] h[i]
        h'[i] = tanh(a[i]) c[i]^2 b[i]^2"""
    )
    bptt = derive(Cell.parse(text)).bptt
    assert [node.tensor for node in bptt.recomputed] == ["b", "c"]


def test_it_prints_as_a_recurrence():
    assert str(derive(cell_named("rnn:activation=tanh,biases=none")).bptt) == "\n".join(
        [
            "at t = T:",
            "    dh[k] = dh_n[k]",
            "for t = T, ..., 1:",
            "    dh'[i] = dh[i] + dy[i]",
            "    da_h_next[i] = (1 - h'[i]**2)*dh'[i]",
            "    dx[j] = sum[i] W[i, j]*da_h_next[i]",
            "    dh[k] = sum[i] U[i, k]*da_h_next[i]",
            "summed over t and b:",
            "    dW[i, j] = da_h_next[i]*x[j]",
            "    dU[i, k] = da_h_next[i]*h[k]",
            "at t = 0:",
            "    dh0[k] = dh[k]",
        ]
    )


def test_every_tensor_has_a_shape():
    for name in ALL:
        program = derive(cell_named(name)).bptt.program
        named = {tensor for node in program.nodes for tensor in (node.tensor, *node.reads)}
        assert named <= program.shapes.keys(), name


# Tests of the tests: each planted bug must be found.


def assert_found(derivation) -> None:
    with pytest.raises((AssertionError, KeyError)):
        assert_bptt(derivation, 2, some_sizes(derivation.cell), np.random.default_rng(5))


@pytest.mark.parametrize("kept", [0, 1])
def test_a_missing_seed_is_found(kept):
    derivation = derive(cell_named("gru"))
    (seed,) = derivation.bptt.seeds
    broken = replace(seed, value=seed.value.args[kept])  # the carry alone, or dy alone
    assert_found(replace(derivation, bptt=replace(derivation.bptt, seeds=(broken,))))


def test_a_wrong_saved_value_is_found():
    derivation = derive(cell_named("gru"))
    assert_found(replace(derivation, bptt=replace(derivation.bptt, saved=derivation.bptt.saved[1:])))


def test_a_forgotten_gradient_is_found():
    derivation = derive(cell_named("lstm"))
    broken = tuple(replace(node, value=0 * node.value) for node in derivation.bptt.sums[:1])
    assert_found(replace(derivation, bptt=replace(derivation.bptt, sums=(*broken, *derivation.bptt.sums[1:]))))


def test_states_that_change_places_are_found():
    derivation = derive(cell_named("lstm"))
    start = derivation.bptt.start
    swapped = (replace(start[0], value=start[1].value), replace(start[1], value=start[0].value))
    assert_found(replace(derivation, bptt=replace(derivation.bptt, start=swapped)))
