"""What no function may do, planted in C and in commands: the guards see it, and the report names the mistake."""

import sys
from pathlib import Path
from shlex import quote

import pytest

from grusym.oracle.catalogue.library import CATALOGUE, entries_seen_by
from grusym.oracle.check import judge, plan_of
from grusym.oracle.meanings import MEANINGS
from grusym.oracle.reports.text import report_text
from grusym.oracle.targets.command import Command
from grusym.oracle.targets.shared_library import SharedLibrary
from tests.oracle.libraries import MISBEHAVING, compiled

PLAN = plan_of("torch", "float32", "gru", None, 1, 0, case="T=3,B=4,I=5,H=6,seed=0")
HARNESS = f"{quote(sys.executable)} {quote(str(Path(__file__).parents[1] / 'harness.py'))}"
IN_C = {
    "writes_after": ("out-of-bounds-write", "out-of-bounds-write"),
    "writes_before": ("out-of-bounds-write", "out-of-bounds-write"),
    "writes_far_after": ("out-of-bounds-write", "out-of-bounds-write"),
    "reads_before": ("out-of-bounds-read", "out-of-bounds-read"),
    "reads_after": ("out-of-bounds-read", "out-of-bounds-read"),
    "uses_what_is_after": ("uninitialised", "output-not-written"),
    "leaves_h_n": ("uninitialised", "output-not-written"),
    "adds_to_y": ("uninitialised", "output-not-written"),
    "refuses": ("status", "error-status"),
    "writes_input": ("input-unchanged", "input-mutated"),
    "aborts": ("crash", "crash"),
    "segfaults": ("crash", "crash"),
    "exits": ("crash", "crash"),
    "hangs": ("hang", "crash"),
    "shares_scratch": ("reentrant", "not-reentrant"),
    "counts": ("deterministic", "nondeterministic"),
    "wants_alignment": ("alignment", "depends-on-alignment"),
}
COMMANDS = {
    "crashing": ("crash", "crash"),
    "talking": ("answer", "output-malformed"),
    "short": ("output-shape", "output-malformed"),
    "wordy": ("output-type", "output-malformed"),
    "failing": ("exception", "crash"),
}


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory):
    return compiled([MISBEHAVING], tmp_path_factory.mktemp("library") / "libmisbehaving.so")


def named(subject, check, id_):
    report = judge(subject, PLAN)
    assert check in [failed.id for failed in report.failures], report
    assert [found.id for found in report.diagnosis] == [id_], report
    text = report_text(report)
    assert f"diagnosis: {id_}: {CATALOGUE[id_].title}" in text
    assert f"  fix: {CATALOGUE[id_].fix}" in text
    assert "no known mistake fits" not in text


@pytest.mark.parametrize("symbol", IN_C)
def test_what_a_c_function_may_not_do_is_named(misbehaving, symbol):
    named(SharedLibrary(misbehaving, symbol, seconds=1.0 if symbol == "hangs" else 10.0), *IN_C[symbol])


@pytest.mark.parametrize("way", COMMANDS)
def test_what_a_command_may_not_do_is_named(way):
    named(Command(f"{HARNESS} {way}", PLAN), *COMMANDS[way])


def test_every_check_of_behaviour_is_explained_and_planted():
    """What is seen by a check leads to an entry; it is planted here or with the Python functions."""
    by_check = {check: [entry.id for entry in entries_seen_by(check)] for check in MEANINGS}
    planted = {*IN_C.values(), *COMMANDS.values()}
    assert all(id_ in by_check[check] for check, id_ in planted)
    elsewhere = {("saturation", "nan-on-saturation"), ("empty-sequence", "empty-sequence")}
    frozen = {("vjp-frozen", "grad-frozen-parameters-cut-state")}
    seen = {(check, id_) for check, ids in by_check.items() for id_ in ids}
    assert seen == planted | elsewhere | frozen
