"""Bugs in the derivative rules, from which reverse and forward mode both take their derivatives, and in either mode."""

import pytest
from sympy import Dummy, Idx, Integer

from grusym.calculus import forward, transpose
from grusym.calculus.rules import RULES
from grusym.equations.functions import FUNCTIONS, step
from grusym.equations.library import cell
from grusym.equations.tensor import accesses
from grusym.errors import LoweringError
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


POSITION = "tests/cells/position_gate.cell"


def with_numbers(monkeypatch, change):
    """The transposed access map puts `change` of its solution where an index stands as a number."""
    substitute = transpose._substitute_indices

    def planted(term, mapping):
        elements = {element: Dummy() for element in accesses(term)}
        moved = {new: substitute(old, mapping) for old, new in elements.items()}
        return term.xreplace({**elements, **{old: change(old, new) for old, new in mapping.items()}}).xreplace(moved)

    monkeypatch.setattr(transpose, "_substitute_indices", planted)


def test_an_index_that_stays_behind_when_its_access_moves_is_refused(monkeypatch):
    with_numbers(monkeypatch, lambda old, new: old)
    with pytest.raises(LoweringError, match="index i is not bound at: dh_sum2"):
        lower(cell(POSITION))


def test_a_wrong_number_for_an_index_whose_access_moves_is_caught(monkeypatch):
    with_numbers(monkeypatch, lambda old, new: new if isinstance(new, Idx) else new + 1)
    report = judged(lower(cell(POSITION)), ["numpy"])
    assert_caught(report, {"numerical-gradient", "adjointness"})
    assert {check.id for check in report.checks if check.verdict == "passed"} >= {"equations", "interpreter"}


def test_a_slope_of_an_index_in_forward_mode_is_caught(monkeypatch):
    tangent = forward.tangent
    monkeypatch.setattr(forward, "tangent", lambda e, known: Integer(1) if isinstance(e, Idx) else tangent(e, known))
    report = judged(lower(cell(POSITION)), ["numpy"])
    assert_caught(report, {"adjointness"})
    assert {check.id for check in report.checks if check.verdict == "passed"} >= {"equations", "numerical-gradient"}
