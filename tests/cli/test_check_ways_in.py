"""grusym check of everything that is not a Python function: libraries, programs, torch modules, models."""

import json
import sys
from pathlib import Path
from shlex import quote

import pytest

from tests.cli.test_cli import refused, run
from tests.oracle.libraries import generated
from tests.oracle.onnx_models import node, saved

HARNESS = Path(__file__).parents[1] / "oracle" / "harness.py"
FEW = ("--max-examples", "1", "-q")


def reported(capsys, *words):
    """Exit code, report as JSON, and its last check's verdict by id."""
    code, out, _ = run(capsys, "check", *words, *FEW, "--json", "-")
    report = json.loads(out)
    return code, report, {check["id"]: check["verdict"] for check in report["checks"]}


def test_a_shared_library(capsys, tmp_path):
    path = generated("gru", "torch", "float32", tmp_path)
    words = ("--cabi", path, "--symbol", "gru_forward_f32")
    code, report, checks = reported(capsys, *words, "--vjp-symbol", "gru_backward_f32")
    assert (code, checks["vjp-weight_hh"], checks["alignment"]) == (0, "pass", "pass")
    assert report["reproduce"].startswith(f"grusym check --cabi {path} --symbol gru_forward_f32 --vjp-symbol gru_back")
    code, _, checks = reported(capsys, *words)
    assert (code, checks["vjp-weight_hh"]) == (0, "skipped")
    assert "none" in refused(capsys, "check", "--cabi", path, "--symbol", "none")


def test_a_program_that_speaks_json_lines(capsys):
    harness = f"{quote(sys.executable)} {quote(str(HARNESS))} right"
    code, report, _ = reported(capsys, "--cmd", harness, "--dtype", "float64")
    assert code == 0, report
    code, again, _ = reported(capsys, *_words(report["reproduce"]))
    assert (code, again["verdict"]) == (0, "conforms")


def _words(command):
    import shlex

    return shlex.split(command)[2:]


def test_a_torch_module(capsys):
    code, report, checks = reported(capsys, "torch.nn:GRU", "--dtype", "float64")
    assert (code, report["target"]) == (0, "torch.nn:GRU")
    assert checks["vjp-weight_hh"] == "pass"


def test_every_node_of_a_model(capsys, tmp_path):
    path = saved(tmp_path / "two.onnx", node("GRU", "first one", linear_before_reset=1), node("GRU", "other"))
    code, report, checks = reported(capsys, path)
    assert (code, report["verdict"], report["convention"], report["dtype"]) == (0, "conforms", "onnx", "float32")
    assert {"forward-step@first_one", "final-state@other"} <= set(checks)
    assert {name.partition("@")[2] for name in checks} == {"first_one", "other"}
    code, out, _ = run(capsys, "check", f"{path}:other", *FEW)
    assert code == 0
    assert "@" not in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "nothing to judge: give exactly one of an implementation (pkg.mod:function, model.onnx), --cabi, --cmd"),
        (["a:b", "--cmd", "./c"], "give exactly one of"),
        (["--cabi", "lib.so"], "--cabi lib.so needs --symbol, the name of the function, such as gru_forward_f32"),
        (["--cabi", "no-such-lib.so", "--symbol", "f"], "no-such-lib.so"),
        (["--cmd", "./no-such-program"], "no-such-program"),
        (["no-such-model.onnx"], "no-such-model.onnx"),
        (["a:b", "--vjp-symbol", "s"], "--vjp-symbol s does not go with"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_a_sentence(capsys, words, told):
    assert told in refused(capsys, "check", *words)
