"""pytest's plugin: a test per check, the fixture, the marker, and that it costs nothing where it is not used."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RIGHT = "from tests.oracle.implementations import gru as forward, gru_vjp as vjp\n"
LAYER = "from tests.oracle.layer_implementations import layer as forward, layer_vjp as vjp\n"
LOSSY = """
import numpy as np
from tests.oracle.implementations import gru
from tests.oracle.test_expectation import layer, off_by
forward = layer(tanh=off_by(12))
"""
WRONG = RIGHT + "right = forward\ndef forward(x, h0, params):\n    return right(x, 0 * h0, params)\n"
OPTIONS = ("--grusym-max-examples=4", "--grusym-dtype=float64", "-p", "no:cacheprovider")


@pytest.fixture
def project(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.syspathinsert(str(ROOT))

    def made(text):
        pytester.makepyfile(mygru=text)
        return pytester

    return made


def test_a_target_gets_a_test_per_check(project):
    found = project(RIGHT).runpytest_subprocess(
        "--grusym-target=mygru:forward", "--grusym-vjp=mygru:vjp", "-v", *OPTIONS
    )
    found.assert_outcomes(passed=15)
    found.stdout.fnmatch_lines(["*mygru:forward::forward-step PASSED*", "*mygru:forward::vjp-weight_hh PASSED*"])


def test_what_is_not_checked_is_said_where_tests_are_collected(project):
    found = project(RIGHT).runpytest_subprocess("--grusym-target=mygru:forward", "--collect-only", *OPTIONS)
    found.stdout.fnmatch_lines(
        ["mygru:forward: not checked: vjp-x, *: no gradients were given", "mygru:forward: not checked: lengths, *"]
    )
    assert "PytestWarning" not in found.stdout.str()


def test_a_layer_has_tests_for_what_it_takes(project):
    found = project(LAYER).runpytest_subprocess(
        "--grusym-target=mygru:forward", "--grusym-vjp=mygru:vjp", "-v", *OPTIONS
    )
    found.assert_outcomes(passed=21)
    found.stdout.fnmatch_lines(["*::empty-sequence PASSED*", "*::vjp-bidirectional PASSED*", "*::vjp-frozen PASSED*"])
    assert [line for line in found.stdout.lines if "not checked" in line] == [
        "mygru:forward: not checked: initial-state-absent: only Python functions and torch modules whose h0 is "
        "None by default are called without it"
    ]


def test_errors_beyond_what_is_expected_are_shown_and_fail_nothing(project):
    options = ("--grusym-target=mygru:forward", "--grusym-max-examples=8", "-W", "error", "-p", "no:cacheprovider")
    found = project(LOSSY).runpytest_subprocess(*options)
    found.assert_outcomes(passed=7)
    found.stdout.fnmatch_lines(["*grusym: errors beyond what is expected of rounding*"])
    found.stdout.fnmatch_lines(["grusym::mygru:forward::forward-step: within its bound, but *"])


def test_a_wrong_target_fails_the_checks_that_see_it(project):
    found = project(WRONG).runpytest_subprocess("--grusym-target=mygru:forward", *OPTIONS)
    assert found.ret == 1
    found.stdout.fnmatch_lines(["mygru:forward fails forward-step: y[[]*] at step 0 is *, not *, * times the bound *"])
    found.stdout.fnmatch_lines(["FAILED *forward-step*", "FAILED *final-state*"])
    assert "Traceback" not in found.stdout.str()


def test_known_failures_are_expected_and_no_others(project):
    every = "forward-step,final-state,forward-sequence,saturation"
    wrong = project(WRONG)
    wrong.runpytest_subprocess("--grusym-target=mygru:forward", f"--grusym-xfails={every}", *OPTIONS).assert_outcomes(
        xfailed=4, passed=3
    )
    found = wrong.runpytest_subprocess("--grusym-target=mygru:forward", "--grusym-xfails=deterministic", *OPTIONS)
    found.assert_outcomes(failed=5, passed=2)  # that it passes after all is a failure too
    found = wrong.runpytest_subprocess("--grusym-target=mygru:forward", "--grusym-xfails=nonsense", *OPTIONS)
    assert found.ret == 4
    found.stderr.fnmatch_lines(["*--grusym-xfails names nonsense, which is no check here; checks are deterministic, *"])


def test_what_cannot_be_judged_is_a_usage_error_in_one_sentence(project):
    found = project(RIGHT).runpytest_subprocess("--grusym-target=mygru:absent", *OPTIONS)
    assert found.ret == 4
    found.stderr.fnmatch_lines(["*--grusym-target mygru:absent: *absent*"])
    assert "Traceback" not in found.stderr.str()
    found = project(RIGHT).runpytest_subprocess("--grusym-target=mygru:forward", "--grusym-convention=nope", *OPTIONS)
    assert found.ret == 4
    found.stderr.fnmatch_lines(["*unknown convention 'nope'*"])


def test_a_convention_is_recognised_before_tests_are_collected(project):
    found = project(RIGHT).runpytest_subprocess(
        "--grusym-target=mygru:forward", "--grusym-convention=auto", "--collect-only", "-q", *OPTIONS
    )
    assert found.ret == 0
    found.stdout.fnmatch_lines(["*mygru:forward::forward-step"])


def test_the_fixture_judges_inside_a_test(project):
    tests = """
    import pytest
    from mygru import forward, vjp

    @pytest.mark.grusym(dtype="float64", max_examples=3)
    def test_mine(gru_oracle):
        assert gru_oracle(forward, vjp).verdict == "conforms"

    @pytest.mark.grusym(nonsense=1)
    def test_marker(gru_oracle):
        pass
    """
    right = project(RIGHT)
    right.makepyfile(tests)
    found = right.runpytest_subprocess("-p", "no:cacheprovider")
    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(["*the marker grusym takes cell, convention, *, not nonsense*"])
    wrong = project(WRONG)
    found = wrong.runpytest_subprocess("-p", "no:cacheprovider", "-k", "mine")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["forward does not conform", "forward-step: y[[]*"])


def test_a_campaign_spreads_over_workers_of_xdist(project):
    found = project(RIGHT).runpytest_subprocess("--grusym-target=mygru:forward", "-n", "2", "-v", *OPTIONS)
    found.assert_outcomes(passed=7)


def test_where_it_is_not_used_nothing_of_grusym_is_imported():
    code = (
        "import sys, grusym.pytest_plugin\n"
        "heavy = [name for name in sys.modules if name.split('.')[0] in ('sympy', 'numpy', 'hypothesis', 'flint')]\n"
        "own = sorted(name for name in sys.modules if name.startswith('grusym'))\n"
        "assert not heavy and own == ['grusym', 'grusym.pytest_plugin'], (heavy, own)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
