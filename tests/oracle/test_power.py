"""A check without power says so: where bounds are as large as values, nothing passes."""

from dataclasses import replace

import numpy as np
import pytest

from grusym.equations.library import BUILT_IN, cell
from grusym.oracle.callables import Callables
from grusym.oracle.campaign import run_task
from grusym.oracle.case import Run
from grusym.oracle.check import check, judge, plan_of
from grusym.oracle.checks import _cotangents
from grusym.oracle.gate_a import Judged, Steps
from grusym.oracle.gate_b import Sequence
from grusym.oracle.plan import Plan, Task
from grusym.oracle.profile import PROFILES, Profile
from grusym.oracle.report import CheckResult
from grusym.oracle.spec import Spec, materialise, rich_sizes
from grusym.oracle.tally import merged
from tests.oracle.implementations import gru, gru_vjp

COARSE = Profile("coarse", "float16", 0.5, 2.0**-25)  # n u >= 1 for every sum of three terms


class Zeros:
    """An implementation that returns zeros of every cell."""

    name, has_gradients = "zeros", True

    def forward(self, case):
        zeros = {name: np.zeros_like(array) for name, array in case.dy.items()}
        return Run(zeros, {name: np.zeros_like(array) for name, array in case.initial.items()})

    def gradients(self, case):
        return {name: np.zeros_like(a) for name, a in (case.inputs | case.initial | case.tensors).items()}


@pytest.mark.parametrize("name", BUILT_IN)
def test_sums_of_too_many_terms_are_inconclusive_for_every_cell(name):
    plan = Plan(cell(name), None, "float16", COARSE, 1, 0, Spec(rich_sizes(cell(name)), 3))
    report = judge(Zeros(), plan, diagnosing=False)
    verdicts = {result.id: result.verdict for result in report.checks if result.verdict != "skipped"}
    exact = {"deterministic", "reentrant", "bias-identity"}
    assert {check for check, verdict in verdicts.items() if verdict == "pass"} <= exact
    assert {"forward-sequence", "vjp-sequence"} <= set(verdicts)
    assert report.exit_code == 3


OTHERS = [p.name for p in PROFILES.values() if p.dtype != "bfloat16" and p.name != "fp32"]


@pytest.mark.parametrize(
    ("name", "profile"),
    [*((name, "fp32") for name in BUILT_IN), *((name, p) for name in ("gru", "lngru") for p in OTHERS)],
)
def test_zeros_pass_no_check_of_values(name, profile):
    """A bound that is no smaller than the values would let them."""
    plan = Plan(cell(name), None, PROFILES[profile].dtype, PROFILES[profile], 1, 0, Spec(rich_sizes(cell(name)), 8))
    report = judge(Zeros(), plan, diagnosing=False)
    passed = {result.id for result in report.checks if result.verdict == "pass"}
    assert not {one for one in passed if one.startswith(("forward", "final", "vjp"))}
    undecided = {result.id for result in report.checks if result.verdict == "inconclusive"}
    assert not undecided or profile != "fp32"


def test_units_that_are_off_are_no_kinks():
    """relu is 0 there, exactly: its slope is known."""
    own = cell("ligru")
    case = materialise(Spec(rich_sizes(own), 0), own, None, "float32")
    given = {name: array[0] for name, array in case.inputs.items()} | case.initial | case.tensors
    bound = Steps(own, {**case.sizes, "T": 1}, given, PROFILES["fp32"]).gradients(_cotangents(case))["b_n"][1]
    assert bound.max() < 1e-4


def test_a_right_implementation_is_decided_in_half_precision():
    report = check(gru, gru_vjp, dtype="float16", max_examples=1)
    assert report.verdict == "conforms"


def test_whole_sequences_that_outgrow_their_bounds_are_inconclusive_not_passed():
    """Cases of one step do not make up for it."""
    plan = plan_of("own", "float16", "lngru", None, 25, 0)
    results = merged(
        run_task(Zeros(), plan, task) for task in (Task("forward", 0, 0, True), Task("forward", 0, 12, False))
    )
    assert {r.id: r.verdict for r in results}["forward-sequence"] in ("fail", "inconclusive")
    case = materialise(Spec(rich_sizes(plan.cell), 8), plan.cell, None, "float16")
    outputs = Sequence(case, plan.profile).outputs()
    assert not any(np.isnan(bound).any() for _, bound in outputs.values())
    assert np.isinf(outputs["final h"][1]).any()


def test_what_the_first_cases_leave_open_no_others_decide():
    passed = CheckResult("forward-step", "pass", 0.5, cases=1)
    undecided, failed = replace(passed, verdict="inconclusive"), replace(passed, verdict="fail")
    for parts, verdict in (
        ([undecided, passed], "inconclusive"),
        ([passed, undecided], "pass"),
        ([undecided, failed, passed], "fail"),
    ):
        assert [one.verdict for one in merged([part] for part in parts)] == [verdict]


@pytest.mark.parametrize(
    ("bound", "decides"), [(0.0, True), (0.4, True), (0.6, False), (np.inf, False), (np.nan, False)]
)
def test_a_bound_decides_where_it_is_smaller_than_the_values(bound, decides):
    values = np.array([0.5, -0.1])
    one = Judged("y", values, values, np.zeros(2), np.full(2, bound))
    assert one.decides == decides
    assert not one.ratio.any()
    assert Judged("y", np.zeros(2), np.zeros(2), np.zeros(2), np.full(2, 1e-5)).decides  # zeros that have to be


def test_the_verdict_names_what_is_open():
    plan = plan_of("torch", "float16", "gru", "fp16", 1, 0, "T=2,B=1,I=1,H=2,seed=8,kind=cancelling")
    report = judge(Callables(gru, gru_vjp), replace(plan, profile=COARSE))
    (step,) = [result for result in report.checks if result.id == "forward-step"]
    assert (step.verdict, step.message[:29]) == ("inconclusive", "most bounds of y are as large")
    assert report.exit_code == 3
