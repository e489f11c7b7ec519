"""Layers with lengths, both directions and frozen parameters: right ones conform, wrong ones fail the check for it."""

import numpy as np
import pytest

from grusym.oracle.check import check
from grusym.oracle.report import CONFORMS, NONCONFORMING
from tests.oracle.layer_implementations import layer, layer_vjp

EXTRA = {"lengths", "vjp-lengths", "bidirectional", "vjp-bidirectional", "vjp-frozen", "alignment", "empty-sequence"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_right_layer_conforms(dtype):
    report = check(layer, layer_vjp, dtype=dtype, max_examples=5)
    assert {c.id: c.worst_ratio for c in report.checks if c.worst_ratio >= 1} == {}
    assert report.verdict == CONFORMS
    assert {c.id for c in report.checks} >= EXTRA


def failing(forward, vjp=None):
    report = check(forward, vjp, dtype="float64", max_examples=4)
    assert report.verdict == NONCONFORMING
    return {c.id for c in report.checks if c.verdict == "fail"}


def test_ignored_lengths_are_seen():
    assert "lengths" in failing(lambda x, h0, params, lengths=None: layer(x, h0, params))


def test_a_failure_on_an_empty_sequence_has_a_check_of_its_own():
    def strict(x, h0, params, lengths=None):
        assert lengths is None or lengths.min() > 0, "lengths must be positive"
        return layer(x, h0, params, lengths)

    assert failing(strict) == {"empty-sequence"}


def test_swapped_directions_are_seen():
    def swapped(x, h0, params, bidirectional=False):
        y, h_n = layer(x, h0, params, None, bidirectional)
        return (np.roll(y, h0.shape[-1], axis=2), h_n) if bidirectional else (y, h_n)

    assert failing(swapped) == {"bidirectional"}


def test_gradients_that_depend_on_what_is_asked_for_are_seen():
    def cut(x, h0, params, dy, dh_n, wanted=None):
        found = layer_vjp(x, h0, params, dy, dh_n)
        return {"x": found["x"], "h0": 2 * found["h0"]} if wanted else found

    assert failing(layer, cut) == {"vjp-frozen"}


def test_what_depends_on_alignment_is_seen():
    def picky(x, h0, params):
        y, h_n = layer(x, h0, params)
        return (y, h_n) if x.ctypes.data % 16 == 0 else (y + 1, h_n)

    assert failing(picky) == {"alignment"}
