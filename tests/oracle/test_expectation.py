"""Gate C: what is within its bound but beyond what rounding does is warned of, and conforms; what is right is not."""

import numpy as np
import pytest

from grusym.equations.library import BUILT_IN, cell
from grusym.oracle import bounds
from grusym.oracle.bounds import Bounds
from grusym.oracle.callables import Callables
from grusym.oracle.check import check, judge, plan_of
from grusym.oracle.checks import _arguments, _cotangents
from grusym.oracle.expectation import LIKELY, Expected
from grusym.oracle.gate_a import Steps
from grusym.oracle.profile import PROFILES
from grusym.oracle.report import CONFORMS
from grusym.oracle.spec import KINDS, Spec, materialise, rich_sizes, single_steps
from tests.oracle.implementations import gru, gru_vjp, sigmoid


def off_by(ulps):
    """tanh, so many units in the last place too small."""

    def tanh(a):
        exact = np.tanh(a)
        return (exact.view(np.int32) - ulps).view(np.float32)

    return tanh


def coarse(vectors, matrix):
    """vectors @ matrix.T, where sums are kept with 5 bits less than float32 has."""
    total = np.zeros((len(vectors), len(matrix)), np.float32)
    for k in range(matrix.shape[1]):
        total += vectors[:, None, k] * matrix[None, :, k]
        total = ((total.view(np.int32) + 16) & ~31).view(np.float32)
    return total


def layer(tanh=np.tanh, product=lambda vectors, matrix: vectors @ matrix.T):
    """A GRU with parts of its own."""

    def forward(x, h0, params):
        hidden, h, steps = h0.shape[1], h0, []
        for x_t in x:
            a = product(x_t, params["weight_ih"]) + params["bias_ih"]
            b = product(h, params["weight_hh"]) + params["bias_hh"]
            r, z = (sigmoid(a[:, n : n + hidden] + b[:, n : n + hidden]) for n in (0, hidden))
            n = tanh(a[:, 2 * hidden :] + r * b[:, 2 * hidden :])
            h = (1 - z) * n + z * h
            steps.append(h)
        return np.stack(steps), h.copy()

    return forward


def warned(report):
    return {result.id for result in report.warnings}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_right_implementation_is_not_warned_of(dtype):
    report = check(gru, gru_vjp, dtype=dtype, max_examples=10)
    assert (report.verdict, warned(report)) == (CONFORMS, set())
    expected = {r.id: r.expectation.ratio for r in report.checks if r.expectation}
    assert {"forward-step", "final-state", "saturation", "vjp-x", "vjp-weight_hh"} <= set(expected)
    assert 0.1 < expected["forward-step"] < 0.8  # neither near a warning, nor far from what happens


def test_a_function_that_loses_digits_within_its_bound_is_warned_of():
    report = check(layer(tanh=off_by(12)), max_examples=15)
    assert (report.verdict, report.exit_code) == (CONFORMS, 0)
    assert max(result.worst_ratio for result in report.checks) < 1
    assert warned(report) >= {"forward-step", "saturation"}
    (found,) = [result for result in report.checks if result.id == "forward-step"]
    where = found.expectation.where
    assert found.expectation.ratio == pytest.approx(abs(where.got - where.want) / where.bound, rel=1e-5)
    again = check(layer(tanh=off_by(12)), case=report.case_text(found.expectation.spec))
    assert [r.expectation.ratio for r in again.checks if r.id == "forward-step"] == [found.expectation.ratio]


def test_sums_that_lose_digits_within_their_bound_are_warned_of():
    case = "T=2,B=2,I=3,H=48,seed=3"
    assert warned(check(layer(product=coarse), case=case)) >= {"forward-step"}
    right = check(layer(), case=case)
    assert (right.verdict, warned(right)) == (CONFORMS, set())


def test_nothing_is_expected_of_roundings_that_have_a_mean():
    report = check(layer(tanh=off_by(12)), profile="fp32-truncating", max_examples=5)
    assert report.verdict == CONFORMS
    assert not any(result.expectation for result in report.checks)


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_expected_is_less_than_what_is_allowed(name):
    """r is a sum of squares where the bound is a sum, over every equation and Jacobian of every cell."""
    own = cell(name)
    for number, kind in enumerate(KINDS):
        case = materialise(Spec(rich_sizes(own), number, kind), own, None, "float32")
        before = {s: np.stack([a] * case.steps) for s, a in case.initial.items()}
        one = single_steps(case, before)
        steps = Steps(own, dict(one.sizes), _arguments(one), PROFILES["fp32"])
        pairs = [(steps.results(), steps.likely_results())]
        pairs.append((steps.gradients(_cotangents(one)), steps.likely_gradients(_cotangents(one))))
        for wanted, likely in pairs:
            for tensor, (_, bound) in wanted.items():
                spread = likely[tensor] / LIKELY
                assert (
                    spread[np.isfinite(spread)] <= np.broadcast_to(bound, spread.shape)[np.isfinite(spread)] * 1.01
                ).all()


def test_a_sum_is_expected_to_err_by_the_root_of_its_length():
    profile, terms = PROFILES["fp32"], bounds.exactly(np.ones(1001))
    allowed, expected = Bounds(profile), Expected(profile)
    most = allowed.error(allowed.total(terms, (1001,), 1))
    spread = expected.error(expected.total(terms, (1001,), 1))
    assert most == pytest.approx(1000 * profile.unit * 1001, rel=1e-6)
    assert spread == pytest.approx(np.sqrt(1000) * profile.unit * 1001, rel=1e-6)
    assert expected.likely(expected.total(terms, (1001,), 1)) == pytest.approx(LIKELY * spread)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_warning_is_of_passes_only(dtype):
    report = judge(
        Callables(lambda x, h0, p: gru(x, h0 * 0, p)), plan_of("torch", dtype, "gru", None, 5, 0), diagnosing=False
    )
    assert "forward-step" in {result.id for result in report.failures}
    assert not warned(report) & {result.id for result in report.failures}
