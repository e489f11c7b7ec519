"""bfloat16, which NumPy has from elsewhere: right implementations conform, wrong ones are diagnosed."""

import sys

import numpy as np
import pytest

from grusym.errors import InputError
from grusym.oracle.check import check
from grusym.oracle.formats import extremes
from tests.oracle.implementations import gru

pytest.importorskip("ml_dtypes")


def narrow(compute):
    """A float32 GRU between arrays of another format."""

    def forward(x, h0, params):
        wide = {name: array.astype(np.float32) for name, array in params.items()}
        return tuple(a.astype(x.dtype) for a in compute(x.astype(np.float32), h0.astype(np.float32), wide))

    return forward


def test_the_extremes_are_those_of_eight_bits_and_the_exponents_of_float32():
    assert extremes("bfloat16") == ((2 - 2.0**-7) * 2.0**127, 2.0**-133)


def test_what_computes_in_float32_and_returns_bfloat16_conforms():
    report = check(narrow(gru), dtype="bfloat16", max_examples=10)
    assert (report.verdict, report.profile) == ("conforms", "bf16-acc32")
    assert 0.01 < max(result.worst_ratio for result in report.checks) < 1


def test_a_torch_module_conforms_with_its_gradients():
    torch = pytest.importorskip("torch")
    report = check(torch.nn.GRU, dtype="bfloat16", max_examples=5)
    assert report.verdict == "conforms", report.failures
    assert {"vjp-weight_hh", "vjp-sequence"} <= {result.id for result in report.checks if result.verdict == "pass"}


def test_a_mistake_is_diagnosed():
    def swapped(x, h0, params):
        r, z, n = np.split(params["weight_hh"], 3)
        return gru(x, h0, params | {"weight_hh": np.concatenate([z, r, n])})

    report = check(narrow(swapped), dtype="bfloat16", max_examples=5)
    assert [found.id for found in report.diagnosis[:1]] == ["gate-order:zrn"]


def test_what_it_needs_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(InputError, match=r"bfloat16 needs ml_dtypes.*pip install ml_dtypes"):
        check(gru, dtype="bfloat16")
