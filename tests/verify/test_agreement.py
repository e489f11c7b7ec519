"""Generated kernels against PyTorch and the other judges, at sizes and seeds that hypothesis chooses."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grusym.equations.library import cell
from grusym.lower.lowered import lower
from grusym.verify.error_bounds import error_bounds
from grusym.verify.judge import gather_evidence
from grusym.verify.problem import problem
from grusym.verify.run import compare
from grusym.verify.subject import answers, subject
from grusym.verify.torch_peer import by_torch, peer_of

CELLS = ["gru", "gru:biases=none", "lstm", "rnn", "rnn:activation=relu"]
SIZES = st.fixed_dictionaries({name: st.integers(1, 5) for name in ("T", "B", "I", "H")})


@cache
def lowered(name):
    return lower(cell(name), "torch")


@cache
def kernels(name, dtype):
    return [subject(lowered(name), target, dtype) for target in ("numpy", "c")]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@settings(max_examples=6, deadline=None, derandomize=True)
@given(sizes=SIZES, seed=st.integers(0, 2**32))
def test_numpy_and_c_agree_with_torch(name, dtype, sizes, seed):
    report = compare(kernels(name, dtype), [gather_evidence(lowered(name), sizes, dtype, seed)])
    assert report.ok, report
    for check in report.checks:
        if check.id in ("torch-forward", "torch-gradient"):
            assert check.verdict == "passed"
            assert check.examples == 1
            # The bar and no more, 1e-12 of the largest element (a rounded quotient); in float32, less than bugs leave.
            assert check.tolerance <= (1.000001e-12 if dtype == "float64" else 1e-3)


@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=4, deadline=None, derandomize=True)
@given(sizes=SIZES, seed=st.integers(0, 2**32))
def test_float32_agrees_with_torch_in_float32_within_twice_the_bound(name, sizes, seed):
    """PyTorch rounds in another order, which the bound, made for any order of a sum, covers as well."""
    layer = lowered(name)
    drawn = problem(layer, sizes, "float32", seed)
    theirs = by_torch(layer, peer_of(layer.cell, layer.layout), drawn, "float32")
    bounds = error_bounds(layer, drawn, "float32")
    for kernel in kernels(name, "float32"):
        got = answers(kernel, drawn)
        for tensor, bound in bounds.items():
            np.testing.assert_array_less(abs(got[tensor] - theirs[tensor]), 2 * bound + 1e-30, err_msg=tensor)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_judge_hears_every_example(dtype):
    sizes = {"T": 3, "B": 2, "I": 4, "H": 5}
    evidence = gather_evidence(lowered("gru"), sizes, dtype, 0)
    assert set(evidence.want) == {
        "torch-forward", "torch-gradient", "equations", "numerical-gradient", "interpreter", "adjointness"
    }  # fmt: skip
    assert set(evidence.want["torch-forward"]) == {"y", "h_n"}
    assert set(evidence.want["torch-gradient"]) == {
        "dx", "dh0", "dweight_ih", "dweight_hh", "dbias_ih", "dbias_hh"
    }  # fmt: skip
    assert len(evidence.want["numerical-gradient"]) == 2 + 12
    for values in evidence.want.values():
        assert all(np.isfinite(array).all() for array in values.values())
