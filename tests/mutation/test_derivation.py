"""Bugs in the derivative rules, from which reverse and forward mode both take their derivatives."""

import pytest

from grusym.calculus.rules import RULES
from grusym.equations.functions import FUNCTIONS, step
from grusym.equations.library import cell
from grusym.lower.lowered import lower
from tests.mutation.planting import assert_caught, judged

BUGS = {
    "tanh: not squared": ("gru", "tanh", lambda y, a: (1 - y,)),
    "tanh: wrong sign": ("gru", "tanh", lambda y, a: (1 + y**2,)),
    "tanh: of the argument": ("gru", "tanh", lambda y, a: (1 - a**2,)),
    "sigmoid: wrong sign": ("gru", "sigmoid", lambda y, a: (y * (1 + y),)),
    "sigmoid: a factor left out": ("lstm", "sigmoid", lambda y, a: (1 - y,)),
    "sigmoid: that of tanh": ("lstm", "sigmoid", lambda y, a: (1 - y**2,)),
    "relu: the other side": ("rnn:activation=relu", "relu", lambda y, a: (step(-a),)),
    "relu: everywhere": ("rnn:activation=relu", "relu", lambda y, a: (1 + 0 * a,)),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_wrong_rule_is_caught(bug, monkeypatch):
    name, function, rule = BUGS[bug]
    monkeypatch.setitem(RULES, FUNCTIONS[function], rule)
    report = judged(lower(cell(name), "torch"), ["numpy"])
    assert_caught(report, {"torch-gradient", "numerical-gradient"})
    assert {check.id for check in report.checks if check.verdict == "passed"} >= {"torch-forward", "equations"}
