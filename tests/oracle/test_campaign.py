"""Campaigns over implementations whose sizes are fixed, or that take long to fail."""

import pytest

from grusym.errors import InputError
from grusym.oracle.callables import Callables
from grusym.oracle.check import check, judge, plan_of
from grusym.oracle.subject import Misbehaviour
from tests.oracle.implementations import gru

PLAN = plan_of("torch", "float64", "gru", None, 30, 0)


class Recording(Callables):
    """A GRU of fixed sizes that keeps the cases that it ran."""

    fixed = {"I": 2, "H": 3}  # noqa: RUF012
    cases = []  # noqa: RUF012

    def forward(self, case):
        self.cases.append(case)
        return super().forward(case)


def test_fixed_sizes_are_honoured_by_every_case():
    subject = Recording(gru)
    assert judge(subject, PLAN).verdict == "conforms"
    assert {(case.sizes["I"], case.sizes["H"]) for case in subject.cases} == {(2, 3)}
    assert len({case.steps for case in subject.cases}) > 2


class Slow(Callables):
    """It fails on sequences of four steps and more, at a price."""

    calls = []  # noqa: RUF012

    def forward(self, case):
        if case.steps > 3:
            self.calls.append(case)
            raise Misbehaviour("hang", "did not return", costly=True)
        return super().forward(case)


def test_what_takes_long_to_fail_is_seen_once_per_task():
    subject = Slow(gru)
    (hang,) = [result for result in judge(subject, PLAN).checks if result.id == "hang"]
    assert (hang.verdict, hang.message) == ("fail", "did not return")
    assert 1 <= len(subject.calls) <= 3


def test_an_error_of_ours_inside_an_implementation_stays_an_error():
    def refused(x, h0, params):
        raise InputError("no such thing")

    with pytest.raises(InputError, match="no such thing"):
        check(refused, dtype="float64", max_examples=2)
