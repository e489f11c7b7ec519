"""The judge: a right implementation conforms, in every check; a wrong one fails the checks that can see it."""

import numpy as np
import pytest

from grusym.oracle.check import check
from grusym.oracle.report import CONFORMS, NONCONFORMING
from tests.oracle.implementations import gru, gru_vjp

ALL = (
    "deterministic forward-step final-state forward-sequence saturation reentrant vjp-x vjp-h0 vjp-weight_ih "
    "vjp-weight_hh vjp-bias_ih vjp-bias_hh bias-identity vjp-sequence alignment"
).split()
UNTAKEN = {
    *("lengths", "empty-sequence", "vjp-lengths", "bidirectional", "vjp-bidirectional", "vjp-frozen"),
    "initial-state-absent",
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_right_implementation_conforms(dtype):
    report = check(gru, gru_vjp, dtype=dtype, max_examples=10)
    assert (report.verdict, report.exit_code) == (CONFORMS, 0)
    assert sorted(c.id for c in report.checks if c.verdict == "pass") == sorted(ALL)
    assert {c.id for c in report.checks if c.verdict != "pass"} == UNTAKEN
    ratios = {result.id: result.worst_ratio for result in report.checks}
    assert max(ratios.values()) < 1
    assert all(
        ratios[name] > 0 for name in ALL if name not in ("deterministic", "reentrant", "bias-identity", "alignment")
    )


def verdicts(forward, vjp=None, dtype="float64"):
    report = check(forward, vjp, dtype=dtype, max_examples=10)
    assert report.verdict == NONCONFORMING
    return {result.id for result in report.checks if result.verdict == "fail"}


def test_a_wrong_step_is_seen_from_its_own_state():
    assert verdicts(lambda x, h0, params: gru(x, 0 * h0, params)) >= {"forward-step", "forward-sequence"}


def test_the_worst_ratio_is_that_of_all_cases_and_the_element_of_the_smallest():
    report = check(lambda x, h0, params: gru(x, 0 * h0, params), dtype="float64", max_examples=10, diagnosing=False)
    (result,) = (one for one in report.checks if one.id == "forward-step")
    assert result.spec.sizes == (1, 1, 1, 1)
    assert result.worst_ratio >= max(ratio for _, ratios in result.curve for ratio in ratios)
    assert 1 < result.where.ratio < result.worst_ratio


def test_a_wrong_final_state_is_seen():
    assert verdicts(lambda x, h0, params: (gru(x, h0, params)[0], h0)) >= {"final-state"}


def test_noise_just_above_rounding_is_seen_in_float32():
    def noisy(x, h0, params):
        y, h_n = gru(x, h0, params)
        return (y + 3e-5).astype(y.dtype), h_n

    assert "forward-step" in verdicts(noisy, dtype="float32")


def test_a_gradient_that_misses_one_path_is_seen():
    def truncated(x, h0, params, dy, dh_n):
        grads = gru_vjp(x, h0, params, dy, dh_n)
        grads["bias_hh"] = grads["bias_hh"] * np.where(np.arange(len(grads["bias_hh"])) == 0, 1.001, 1)
        return grads

    assert verdicts(gru, truncated) >= {"vjp-bias_hh", "bias-identity", "vjp-sequence"}


def test_truncated_backpropagation_is_seen_only_over_several_steps():
    def one_step(x, h0, params, dy, dh_n):
        grads = gru_vjp(x[-1:], gru(x[:-1], h0, params)[1] if len(x) > 1 else h0, params, dy[-1:], dh_n)
        return {**grads, "x": np.concatenate([np.zeros_like(x[:-1]), grads["x"]])}

    assert verdicts(gru, one_step) == {"vjp-sequence"}


@pytest.mark.parametrize(
    ("forward", "failed", "message"),
    [
        (lambda x, h0, params: 1 / 0, "exception", "forward raised ZeroDivisionError: division by zero"),
        (lambda x, h0, params: gru(x, h0, params)[0][1:], "output-shape", r"y has shape"),
        (lambda x, h0, params: gru(x, h0, params)[0].astype(np.float32), "output-type", "y is of float32"),
        (lambda x, h0, params: None, "output-type", "y is a NoneType, not an array of float64"),
        (lambda x, h0, params: gru(x, h0, params)[0] * np.nan, "forward-step", ""),
    ],
)
def test_misbehaviour_is_a_verdict(forward, failed, message):
    report = check(forward, dtype="float64", max_examples=5)
    (found,) = [result for result in report.checks if result.id == failed]
    assert found.verdict == "fail"
    assert message in found.message


def test_writing_to_an_argument_is_a_verdict():
    def greedy(x, h0, params):
        y = gru(x, h0, params)
        x[...] = 0
        return y

    assert verdicts(greedy) >= {"input-unchanged"}


def test_the_same_seed_gives_the_same_report():
    one, other = (check(gru, gru_vjp, dtype="float32", max_examples=8, seed=5) for _ in range(2))
    assert one == other
