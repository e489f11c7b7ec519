"""The convention is recognised by what fits; several that pack alike are all named."""

import numpy as np
import pytest

from grusym.errors import InputError
from grusym.oracle.callables import Callables
from grusym.oracle.check import check, plan_of
from grusym.oracle.recognise import recognise
from tests.oracle.implementations import gru
from tests.oracle.planted.forward import over_time


def keras(p):
    gates = np.split(p["kernel"], 3, axis=1), np.split(p["recurrent_kernel"], 3, axis=1), np.split(p["bias"], 3, axis=1)
    found = {}
    for gate, w, u, b in zip("zrn", *gates, strict=True):
        found |= {f"W_{gate}": w.T, f"U_{gate}": u.T, f"b_{gate}": b[0], f"c_{gate}": b[1]}
    return found


def names(forward):
    return [found.convention for found in recognise(Callables(forward), plan_of(None, "float32", "gru", None, 1, 0))]


def test_torch_is_recognised():
    assert names(gru)[0] == "torch"


def test_keras_is_recognised():
    assert names(over_time(keras)) == ["keras"]


def test_a_plain_function_of_the_cells_own_tensors_is_recognised():
    assert names(over_time(lambda p: p))[0] == "own"


def test_check_recognises_the_convention_and_says_so():
    report = check(over_time(keras), convention="auto", max_examples=3)
    assert (report.verdict, report.convention) == ("conforms", "keras")
    assert "recognised the convention keras" in report.notes


def test_none_that_fits_is_an_error_that_says_what_to_do():
    with pytest.raises(InputError, match="no convention fits <lambda>: none of own, torch"):
        check(lambda x, h0, params: 1 / 0, convention="auto")
