"""Recognising: what a system writes is read as that system's, and modules are told apart by their prefix."""

import numpy as np
import pytest

from grusym.conventions.library import CONVENTIONS
from grusym.conventions.recognise import readings
from tests.conventions.test_records import FORMS
from tests.weights.stacks import random_params


def fitting(params, *asked):
    return [(r.prefix, r.convention, r.cell) for r in readings(params, *asked) if r.stack]


@pytest.mark.parametrize(("convention", "name"), [form for form in FORMS if not CONVENTIONS[form[0]].flat])
def test_every_form_of_every_system_is_among_its_readings(convention, name):
    params = random_params(convention, name, 1, 1)
    assert ("", convention, name) in fitting(params)
    prefixed = {f"model/enc.{key}": array for key, array in params.items()} | {"model/head.weight": np.ones((2, 2))}
    assert ("model/enc.", convention, name) in fitting(prefixed, convention)


@pytest.mark.parametrize("convention", ["torch", "keras", "mxnet"])
def test_a_stack_that_only_one_system_writes_is_read_in_one_way(convention):
    params = random_params(convention, "gru", 2, 2)
    assert fitting(params) == [("", convention, "gru")]


def test_lstm_and_rnn_are_told_from_gru_by_their_shapes():
    assert fitting(random_params("torch", "lstm", 2, 2)) == [("", "torch", "lstm")]
    assert fitting(random_params("torch", "lstm:projection=yes", 2, 2)) == [("", "torch", "lstm:projection=yes")]
    assert fitting(random_params("torch", "rnn", 2)) == [("", "torch", "rnn"), ("", "torch", "rnn:activation=relu")]


def test_the_cell_asked_for_restricts():
    params = random_params("onnx", "gru")
    assert fitting(params) == [("", "onnx", "gru:reset=before"), ("", "onnx", "gru")]
    assert fitting(params, "onnx", "gru:reset=after") == [("", "onnx", "gru")]


def test_modules_come_in_the_order_of_their_arrays():
    params = random_params("torch", "gru")
    model = {f"{prefix}.{name}": array for prefix in ("encoder", "a.decoder") for name, array in params.items()}
    assert [prefix for prefix, _, _ in fitting(model)] == ["encoder.", "a.decoder."]


def test_what_does_not_fit_says_why():
    params = random_params("torch", "gru") | {"bias_hh_l0": np.ones(8)}
    (found,) = readings(params, "torch", "gru")
    assert found.stack is None
    assert found.misfit.startswith("bias_hh has shape (8,), but (3*H")
