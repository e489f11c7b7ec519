"""Shared libraries: right ones conform; a crash, a hang, an access out of bounds are verdicts, and are named."""

import gc
from dataclasses import replace

import pytest

from grusym.errors import InputError
from grusym.oracle.check import judge, plan_of
from grusym.oracle.report import CONFORMS, NONCONFORMING
from grusym.oracle.spec import Spec, materialise
from grusym.oracle.subject import Misbehaviour
from grusym.oracle.targets.process import NoAnswer, Process
from grusym.oracle.targets.shared_library import SharedLibrary
from grusym.oracle.targets.target import Part, Target
from grusym.oracle.workers import on_processes
from tests.oracle.libraries import MISBEHAVING, compiled, generated
from tests.oracle.one_case import failures, ratios

PLAN = plan_of("torch", "float32", "gru", None, 3, 0)


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory):
    return compiled([MISBEHAVING], tmp_path_factory.mktemp("library") / "libmisbehaving.so")


@pytest.mark.parametrize(
    ("cell", "convention", "dtype"),
    [("gru", "torch", "float32"), ("lstm", "torch", "float64"), ("gru", "keras", "float64"), ("mgu", None, "float32")],
)
def test_generated_c_conforms(cell, convention, dtype, tmp_path):
    suffix = {"float32": "f32", "float64": "f64"}[dtype]
    path = generated(cell, convention, dtype, tmp_path)
    subject = SharedLibrary(path, f"{cell}_forward_{suffix}", f"{cell}_backward_{suffix}")
    found = ratios(subject, plan_of(convention, dtype, cell, None, 3, 0))
    assert max(found.values()) < 1
    assert {"forward-step", "reentrant", "alignment", "vjp-x", "vjp-h0"} <= set(found)


def test_a_library_in_bfloat16_conforms(tmp_path):
    pytest.importorskip("ml_dtypes")
    path = generated("gru", "torch", "float32", tmp_path, MISBEHAVING.with_name("gru_bf16.c"))
    found = ratios(SharedLibrary(path, "gru_forward_bf16"), plan_of("torch", "bfloat16", "gru", None, 3, 0))
    assert 0.01 < max(found.values()) < 1


def test_a_campaign_over_a_library_conforms(misbehaving):
    report = judge(SharedLibrary(misbehaving, "right"), PLAN)
    assert (report.verdict, report.target) == (CONFORMS, f"{misbehaving}:right")


def test_a_campaign_shrinks_to_the_smallest_case_that_fails(misbehaving):
    report = judge(SharedLibrary(misbehaving, "refuses"), replace(PLAN, examples=10))
    (failed,) = [check for check in report.checks if check.verdict == "fail"]
    assert (failed.id, failed.spec.sizes) == ("status", (3, 1, 1, 1))
    assert failed.message == "refuses returned -3, which is not 0, for T=3, B=1, I=1, H=1"


@pytest.mark.parametrize(
    ("symbol", "check", "message"),
    [
        (
            "writes_after",
            "out-of-bounds-write",
            "wrote out of bounds: 1 element behind the last of y, for T=3, B=4, I=5, H=6",
        ),
        ("writes_before", "out-of-bounds-write", "wrote out of bounds: 1 element before the first of h_n, for T="),
        ("writes_far_after", "out-of-bounds-write", "4025 elements behind the last of y"),
        ("reads_before", "out-of-bounds-read", "read out of bounds: 1 element before the first of x"),
        ("reads_after", "out-of-bounds-read", "read out of bounds: 1 element behind the last of x"),
        ("uses_what_is_after", "uninitialised", "left in y, at element 0, what was there or around the arrays"),
        ("writes_input", "input-unchanged", "wrote to weight_hh, which belongs to its caller"),
        ("leaves_h_n", "uninitialised", "left in h_n, at element 0, what was there"),
        ("adds_to_y", "uninitialised", "left in y, at element 0, what was there"),
        ("refuses", "status", "refuses returned -3, which is not 0, for T=3, B=4, I=5, H=6"),
        ("aborts", "crash", "aborts did not return: its process was ended by SIGABRT; its last words: "),
        ("segfaults", "crash", "segfaults writes to the address 0x8, which is no array's, for T=3, B=4, I=5, H=6"),
        ("exits", "crash", "its process ended with exit status 7"),
        ("overflows", "crash", "overflows did not return: its process was ended by SIGSEGV"),
        ("shares_scratch", "reentrant", ""),
        ("counts", "deterministic", ""),
        ("wants_alignment", "alignment", "for T=3, B=4, I=5, H=6, with arrays that begin one element behind an"),
        ("rounds_addresses", "alignment", ""),
    ],
)
def test_misbehaviour_is_named(misbehaving, symbol, check, message):
    found = failures(SharedLibrary(misbehaving, symbol), PLAN)
    assert check in found, found
    assert message in found[check]


def test_a_hang_is_waited_for_once(misbehaving, monkeypatch):
    waits, ask = [], Process.ask

    def counted(self, request, length, seconds):
        try:
            return ask(self, request, length, seconds)
        except NoAnswer as gone:
            waits.append(gone.late)
            raise

    monkeypatch.setattr(Process, "ask", counted)
    subject = SharedLibrary(misbehaving, "hangs", "hangs", seconds=0.3)
    report = judge(subject, replace(PLAN, examples=30))
    assert waits == [True]
    (failed,) = report.failures
    assert (failed.id, failed.cases, report.verdict) == ("hang", 1, NONCONFORMING)
    assert failed.message.startswith("hangs had not returned after 0.3 s, for T=")
    hung = {check.id for check in report.checks if check.message == "not run: the implementation hung"}
    assert {"forward-step", "reentrant", "vjp-x"} <= hung
    assert {check.verdict for check in report.checks} == {"fail", "skipped"}
    assert [found.id for found in report.diagnosis] == ["crash"]


def test_a_hang_is_the_same_report_whoever_runs_the_campaign(misbehaving):
    """It hangs in the third task of five: what others have found by then does not count."""
    target = Target(library=misbehaving, symbol="right", vjp="never_returns", seconds=0.3)
    part = Part(target, replace(PLAN, examples=2))
    alone = judge(part.load(), part.plan)
    found = judge(part.load(), part.plan, workers=lambda plan, tasks: on_processes(part, tasks, 2))
    assert found == alone
    verdicts = {check.id: check.verdict for check in alone.checks}
    assert (verdicts["hang"], verdicts["reentrant"], verdicts["vjp-x"]) == ("fail", "pass", "skipped")


def test_after_a_crash_the_next_call_is_answered(misbehaving):
    subject = SharedLibrary(misbehaving, "aborts")
    small, large = (materialise(Spec((2, 1, 2, H), 0), PLAN.cell, "torch", "float32") for H in (2, 4))
    for _ in range(2):
        with pytest.raises(Misbehaviour, match=r"SIGABRT; its last words: .*assertion H > 3 failed"):
            subject.forward(large)
        assert subject.forward(small).series["y"].shape == (2, 1, 2)


@pytest.mark.parametrize(
    ("path", "symbol", "message"),
    [
        ("{here}/absent.so", "right", "there is no shared library '.*absent.so'; give the path of a file"),
        ("{here}/text.so", "right", "cannot load the shared library .*text.so: .*(too short|invalid ELF header)"),
        ("{library}", "no_such", "libmisbehaving.so has no symbol no_such; see nm -D"),
        ("{library}", "no such", "'no such' is no name of a C function"),
        (
            "{here}/libdying.so",
            "right",
            "cannot load the shared library .*: the process that loads it was ended by SIGABRT",
        ),
    ],
)
def test_what_cannot_be_loaded_is_an_input_error(misbehaving, tmp_path, path, symbol, message):
    (tmp_path / "text.so").write_text("no library")
    dying = tmp_path / "dying.c"
    dying.write_text("#include <stdlib.h>\n__attribute__((constructor)) static void die(void) { abort(); }\n")
    compiled([dying], tmp_path / "libdying.so")
    with pytest.raises(InputError, match=message):
        SharedLibrary(path.format(here=tmp_path, library=misbehaving), symbol)


def test_a_symbol_that_says_another_dtype_is_an_input_error(tmp_path):
    subject = SharedLibrary(generated("gru", "torch", "float32", tmp_path), "gru_forward_f32")
    with pytest.raises(InputError, match=r"gru_forward_f32 takes float32 by its name, .* use --dtype float32"):
        judge(subject, plan_of("torch", "float64", "gru", None, 2, 0))


def test_nothing_is_left_running(misbehaving):
    subject = SharedLibrary(misbehaving, "right")
    process = subject._process._process
    assert process.poll() is None
    del subject
    gc.collect()
    assert process.poll() is not None
