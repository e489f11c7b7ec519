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


def test_an_initial_state_that_is_left_out_is_zero():
    def right(x, h0=None, params=None):
        return layer(x, np.zeros((x.shape[1], params["weight_hh"].shape[1]), x.dtype) if h0 is None else h0, params)

    def ones(x, h0=None, params=None):
        return right(x, np.ones((x.shape[1], params["weight_hh"].shape[1]), x.dtype) if h0 is None else h0, params)

    verdicts = {c.id: c.verdict for c in check(right, dtype="float64", max_examples=4).checks}
    assert (set(verdicts.values()), verdicts["initial-state-absent"]) == ({"pass", "skipped"}, "pass")
    report = check(ones, dtype="float64", max_examples=1, diagnosing=False)
    assert {c.id for c in report.checks if c.verdict == "fail"} == {"initial-state-absent"}
    unasked = {c.id: c.verdict for c in check(layer, max_examples=1).checks}
    assert unasked["initial-state-absent"] == "skipped"


def test_a_torch_module_may_be_called_without_an_initial_state():
    from torch.nn import GRU, LSTM, GRUCell

    for module, cell in ((GRU(2, 3, batch_first=True), "gru"), (LSTM, "lstm"), (GRUCell, "gru")):
        report = check(module, cell=cell, dtype="float64", max_examples=1)
        verdicts = {c.id: c.verdict for c in report.checks}
        assert (report.verdict, verdicts["initial-state-absent"]) == (CONFORMS, "pass")


def test_what_depends_on_alignment_is_seen():
    def picky(x, h0, params):
        y, h_n = layer(x, h0, params)
        return (y, h_n) if x.ctypes.data % 16 == 0 else (y + 1, h_n)

    assert failing(picky) == {"alignment"}
