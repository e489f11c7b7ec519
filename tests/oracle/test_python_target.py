"""What users name in Python: functions and torch modules conform, or are refused in one sentence."""

import sys
from pathlib import Path

import pytest

from grusym.errors import InputError
from grusym.oracle.check import check, judge, plan_of
from grusym.oracle.subject import fixed_sizes
from grusym.oracle.targets.python_target import python_subject
from tests.oracle.one_case import failures, ratios

HERE = Path(__file__).parent
FILE = HERE / "torch_modules.py"
PLANS = {
    (cell, dtype): plan_of("torch", dtype, cell, None, 3, 0)
    for cell in ("gru", "lstm", "rnn:activation=relu", "gru:biases=none", "lstm:projection=yes")
    for dtype in ("float32", "float64")
}
PLAN = PLANS["gru", "float64"]


@pytest.mark.parametrize(
    ("target", "vjp"),
    [
        ("tests.oracle.implementations:gru", "tests.oracle.implementations:gru_vjp"),
        (f"{HERE / 'implementations.py'}:gru", f"{HERE / 'implementations.py'}:gru_vjp"),
        ("tests.oracle.implementations:gru", None),
    ],
)
def test_functions_conform(target, vjp):
    subject = python_subject(target, vjp, PLAN)
    assert (subject.name, subject.has_gradients) == (target, vjp is not None)
    assert max(ratios(subject, PLAN).values()) < 1


@pytest.mark.parametrize(
    ("target", "cell", "dtype", "fixed"),
    [
        ("torch.nn:GRU", "gru", "float32", {}),
        ("torch.nn:GRU", "gru", "float64", {}),
        ("torch.nn:GRU", "gru:biases=none", "float64", {}),
        ("torch.nn:LSTM", "lstm", "float32", {}),
        ("torch.nn:LSTMCell", "lstm", "float64", {}),
        ("torch.nn:GRUCell", "gru", "float32", {}),
        ("torch.nn:RNN", "rnn:activation=relu", "float64", {}),
        ("torch.nn:RNNCell", "rnn:activation=relu", "float64", {}),
        (f"{FILE}:Layer", "gru", "float64", {}),
        (f"{FILE}:OnlySeries", "gru", "float64", {}),
        (f"{FILE}:Wrapped", "gru", "float32", {}),
        (f"{FILE}:MineCell", "gru", "float64", {}),
        (f"{FILE}:INSTANCE", "gru", "float64", {"I": 2, "H": 3}),
        (f"{FILE}:BATCH_FIRST", "gru", "float32", {"I": 2, "H": 3}),
        (f"{FILE}:LSTM", "lstm", "float64", {"I": 2, "H": 3}),
    ],
)
def test_torch_modules_conform_with_their_gradients(target, cell, dtype, fixed):
    plan = PLANS[cell, dtype]
    subject = python_subject(target, None, plan)
    found = ratios(subject, plan)
    assert max(found.values()) < 1
    assert {"forward-step", "final-state", "vjp-x", "vjp-h0", "vjp-weight_hh"} - set(found) <= {"final-state"}
    assert ("final-state" in found) == (not target.endswith("OnlySeries"))
    assert fixed_sizes(subject) == fixed


def test_check_takes_modules_and_refuses_what_it_cannot_call():
    import torch

    assert check(torch.nn.GRU(2, 3), max_examples=1).verdict == "conforms"
    with pytest.raises(InputError, match=r"<lambda> takes \(x\), but is called with \(x, h0, params\): too many"):
        check(lambda x: x)


def test_an_instance_is_left_as_it_was():
    import torch

    from tests.oracle.torch_modules import INSTANCE

    before = [parameter.clone() for parameter in INSTANCE.parameters()]
    judge(python_subject("tests.oracle.torch_modules:INSTANCE", None, PLAN), PLAN)
    assert all(torch.equal(old, new) for old, new in zip(before, INSTANCE.parameters(), strict=True))
    assert INSTANCE.weight_ih_l0.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "check", "message"),
    [
        ("Raising", "exception", "forward raised RuntimeError: no kernel for this device"),
        ("TooMany", "output-type", "returned 2 final state(s), not h_n"),
        ("Unequal", "forward-step", ""),
    ],
)
def test_misbehaviour_is_named(name, check, message):
    found = failures(python_subject(f"{FILE}:{name}", None, PLAN), PLAN)
    assert check in found, found
    assert message in found[check]


def test_truncated_backpropagation_through_autograd_is_seen():
    report = judge(python_subject(f"{FILE}:Detached", None, PLAN), PLAN)
    failed = {check.id for check in report.checks if check.verdict == "fail"}
    assert {"vjp-h0", "vjp-sequence"} <= failed
    assert not {check for check in failed if not check.startswith("vjp")}
    assert [found.id for found in report.diagnosis] == ["grad-carry-missing"]


@pytest.mark.parametrize(
    ("target", "vjp", "message"),
    [
        ("gru", None, "'gru' names no function; write package.module:function or path/to/file.py:function"),
        ("a:b c", None, "'a:b c' names no function"),
        ("no-module:f", None, "'no-module' in 'no-module:f' is no name of a module"),
        ("no_such_module:f", None, "cannot import no_such_module:f: ModuleNotFoundError: No module named 'no_such_mod"),
        ("no/such.py:f", None, "there is no file no/such.py for no/such.py:f"),
        ("{here}/leaving.py:f", None, "leaving.py:f: SystemExit: goodbye"),
        ("{here}/broken.py:f", None, "broken.py:f: SyntaxError: invalid syntax (broken.py, line 1)"),
        ("{here}/functions.py:missing", None, "functions.py has no missing; it has right, short, Class"),
        (
            "{here}/functions.py:short",
            None,
            "functions.py:short takes (x), but is called with (x, h0, params): too many",
        ),
        (
            "{here}/functions.py:number",
            None,
            "functions.py:number is a int; name a function that takes (x, h0, params)",
        ),
        ("{here}/functions.py:Class", None, "functions.py:Class is a class, but no torch.nn.Module"),
        (
            "{here}/functions.py:right",
            "{here}/functions.py:right",
            "is called with (x, h0, params, dy, dh_n): too many",
        ),
        (
            "{here}/functions.py:right",
            "functional:no",
            "'functional'; run grusym in its directory, or give the path of",
        ),
        ("{here}/needing.py:f", None, "'no_such_package' ({here}/needing.py, line 2); install it beside grusym"),
        (
            "torch.nn:GRU",
            "{here}/functions.py:right",
            "torch.nn:GRU is a torch module, whose gradients are autograd's; leave the vjp {here}/functions.py:right",
        ),
        (f"{FILE}:DEEP", None, "DEEP has several layers or directions; judge one layer in one direction"),
        (
            f"{FILE}:LSTM",
            None,
            "weight_hh of {file}:LSTM has shape (12, 3), but (3*H, H) is wanted; gru has weight_ih,",
        ),
    ],
)
def test_what_cannot_be_called_is_an_input_error(tmp_path, target, vjp, message):
    (tmp_path / "leaving.py").write_text("raise SystemExit('goodbye')\n")
    (tmp_path / "broken.py").write_text("def\n")
    (tmp_path / "needing.py").write_text("import math\nimport no_such_package\n")
    (tmp_path / "functions.py").write_text(
        "number = 1\ndef right(x, h0, params): pass\ndef short(x): pass\nclass Class: pass\n"
    )
    with pytest.raises(InputError) as refused:
        python_subject(target.format(here=tmp_path), vjp and vjp.format(here=tmp_path), PLAN)
    assert message.format(file=FILE, here=tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Extra",
            "has the parameters gain beside those of the cell; gru has weight_ih, weight_hh, bias_ih, bias_hh in",
        ),
        ("NoBias", "has no parameter bias_ih; it has"),
        (
            "Picky",
            "cannot make {file}:Picky(input_size=5, hidden_size=6): ValueError: only multiples of 8; name a module "
            "that is made already, or a class that takes these",
        ),
    ],
)
def test_a_class_that_does_not_fit_is_an_input_error(name, message):
    with pytest.raises(InputError) as refused:
        ratios(python_subject(f"{FILE}:{name}", None, PLAN), PLAN)
    assert message.format(file=FILE) in str(refused.value)


def test_a_file_finds_what_lies_beside_it_and_hides_no_other_module(tmp_path):
    (tmp_path / "json.py").write_text("from lies_beside import forward\n")
    (tmp_path / "lies_beside.py").write_text("def forward(x, h0, params): return x\n")
    subject = python_subject(f"{tmp_path / 'json.py'}:forward", None, PLAN)
    assert subject.name.endswith("json.py:forward")
    assert sys.path.count(str(tmp_path)) == 1
    assert sys.path[-1] == str(tmp_path)
