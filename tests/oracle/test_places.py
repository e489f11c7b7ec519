"""Where a failure is said to be: the element as the implementation knows it, at its step; and what was not checked."""

import json

import numpy as np
import pytest

from grusym.equations.library import cell
from grusym.errors import InputError
from grusym.oracle.check import check
from grusym.oracle.spec import KINDS, Spec, case_named, size_names, spelt_case
from tests.oracle.implementations import gru, gru_vjp

CASE = "T=3,B=2,I=2,H=3,seed=7,kind=plain"


def found(name, forward=gru, vjp=None, **options):
    report = check(forward, vjp, **{"dtype": "float64", "case": CASE, **options})
    (result,) = [one for one in report.checks if one.id == name]
    return report, result


def spoilt(name, index, vjp=gru_vjp):
    """Gradients with one element off."""

    def wrong(x, h0, params, dy, dh_n):
        grads = vjp(x, h0, params, dy, dh_n)
        grads[name][index] += 1
        return grads

    return wrong


def test_a_wrong_element_of_the_series_is_found_at_its_step():
    def wrong(x, h0, params):
        y, h_n = gru(x, h0, params)
        y[1, 1, 2] += 0.5
        return y, h_n

    report, result = found("forward-step", wrong)
    where = result.where
    assert (where.tensor, where.index, where.step) == ("y", (1, 1, 2), 1)
    assert where.got - where.want == pytest.approx(0.5)
    # The implementation went on from another state than the one that it shows.
    (curve,) = [ratios for name, ratios in result.curve if name == "y"]
    assert [ratio > 1 for ratio in curve] == [False, True, True]
    assert report.case_of(result) == CASE


def test_a_wrong_parameter_gradient_is_found_in_the_array_of_the_convention():
    """weight_hh has rows r, z, n: row 4 of 9 is z[1]."""
    _, result = found("vjp-weight_hh", vjp=spoilt("weight_hh", (4, 2)))
    assert (result.where.tensor, result.where.index, result.where.step) == ("dweight_hh", (4, 2), -1)
    assert result.where.block == "dU_z[1, 2]"


def test_a_wrong_parameter_gradient_in_a_transposed_array():
    """Haiku's w_h is (H, 3H) with columns z, r, n."""

    def forward(x, h0, params):
        return np.zeros((*x.shape[:2], h0.shape[1])), h0

    def vjp(x, h0, params, dy, dh_n):
        grads = {name: np.zeros_like(array) for name, array in params.items()}
        grads["w_h"][2, 3 + 1] = 1e6
        return grads

    _, result = found("vjp-w_h", forward, vjp, convention="haiku")
    assert (result.where.tensor, result.where.index) == ("dw_h", (2, 4))
    assert result.where.block == "dU_r[1, 2]"


def test_a_wrong_input_gradient_is_found_at_a_step_and_a_sample():
    def wrong(x, h0, params, dy, dh_n):
        grads = gru_vjp(x, h0, params, dy, dh_n)
        if len(x) == 1:  # single steps: all steps and samples beside each other, 3 steps of 2 samples
            grads["x"][0, 1 * 2 + 1, 0] += 1
        return grads

    _, result = found("vjp-x", vjp=wrong)
    assert (result.where.tensor, result.where.index, result.where.step) == ("dx", (1, 1, 0), 1)
    assert [ratio > 1 for ratio in dict(result.curve)["dx"]] == [False, True, False]


def test_what_was_not_checked_is_said():
    _, result = found("vjp-weight_hh")
    assert (result.verdict, result.message) == ("skipped", "no gradients were given")
    _, result = found("final-state", lambda x, h0, params: gru(x, h0, params)[0])
    assert (result.verdict, result.message) == ("skipped", "no final state was returned")
    _, result = found("vjp-h0", vjp=lambda *a: {k: v for k, v in gru_vjp(*a).items() if k != "h0"})
    assert (result.verdict, result.message) == ("skipped", "no gradient of h0 was returned")
    _, result = found("lengths", vjp=gru_vjp)
    assert (result.verdict, result.message[:50]) == ("skipped", "only Python functions with an argument lengths (fo")
    _, result = found("vjp-bidirectional")
    assert (result.verdict, result.message) == ("skipped", "no gradients were given")
    report, result = found("forward-step", lambda x, h0, params: 1 / 0)
    assert (result.verdict, result.message) == ("skipped", "not reached: see exception")
    assert report.verdict == "nonconforming"


def test_nothing_is_called_unchecked_that_was():
    report, _ = found("forward-step", vjp=gru_vjp)
    untaken = [one for one in report.checks if one.verdict == "skipped"]
    assert {one.message[: len("only ")] for one in untaken} == {"only "}
    assert report.verdict == "conforms"


def test_an_exception_is_said_with_its_line():
    _, result = found("exception", lambda x, h0, params: 1 / 0)
    assert "ZeroDivisionError: division by zero (tests/oracle/test_places.py, line " in result.message

    def strict(x, h0, params):
        raise AssertionError

    _, result = found("exception", strict)
    assert "forward raised AssertionError (tests/oracle/test_places.py, line " in result.message
    _, result = found("exception", lambda x, h0, params: json.loads("{"))
    assert "double quotes: line 1 column 2 (char 1) (tests/oracle/test_places.py, line " in result.message


def test_a_case_is_read_as_it_is_spelt():
    gru_cell, conv = cell("gru"), cell("convgru")
    for one in (gru_cell, conv):
        names = size_names(one)
        for kind in KINDS:
            spec = Spec(tuple(range(2, 2 + len(names))), 70000, kind)
            assert case_named(spelt_case(names, spec), one) == spec
    assert case_named("H=6, T=3,B=4,I=5", gru_cell) == Spec((3, 4, 5, 6), 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("T=3,B=4,I=5", "lacks H; write it like T=3,B=4,I=5,H=6,seed=7,kind=plain"),
        ("T=3,B=4,I=5,H=0", "a size is 0"),
        ("T=3,B=4,I=5,H=-1", "H=-1 in the case 'T=3,B=4,I=5,H=-1' is no whole number"),
        ("T=3,T=3,B=4,I=5,H=6", "cannot read 'T=3'"),
        ("T=3,B=4,I=5,H=6,kind=odd", "unknown kind 'odd'"),
        ("T=3,B=4,I=5,H=6,colour=red", "cannot read 'colour=red'"),
        ("", "cannot read ''"),
    ],
)
def test_a_malformed_case_is_refused(text, told):
    with pytest.raises(InputError, match=r"write|give|choose") as caught:
        case_named(text, cell("gru"))
    assert told in str(caught.value)


def test_a_failure_is_reproduced_by_its_command():
    report = check(gru, spoilt("weight_hh", (0, 0)), max_examples=1, dtype="float64")
    shown = [one for one in report.checks if one.id == "vjp-weight_hh"]
    assert report.reproduce == (
        "grusym.check(gru, wrong, convention='torch', dtype='float64', cell='gru', "
        f"case='{report.case_of(report.failures[0])}')"
    )
    again = check(gru, spoilt("weight_hh", (0, 0)), dtype="float64", case=report.case_of(shown[0]))
    (same,) = [one for one in again.checks if one.id == "vjp-weight_hh"]
    assert same.where == shown[0].where
    assert same.worst_ratio == pytest.approx(same.where.ratio)
    assert check(gru, gru_vjp, max_examples=1, seed=3).reproduce == (
        "grusym check tests.oracle.implementations:gru --vjp tests.oracle.implementations:gru_vjp --convention torch "
        "--cell gru --dtype float32 --max-examples 1 --seed 3"
    )
