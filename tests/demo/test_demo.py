"""The demo as a user runs it: end to end, where something is missing, and where a kernel is wrong."""

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from grusym.calculus.derivation import derive
from grusym.demo import run
from grusym.demo.optional import need
from grusym.demo.showing import sections
from grusym.demo.summary import Results
from grusym.demo.training import FEWEST_STEPS, Settings
from grusym.demo.typeset import typeset
from grusym.emit.text import text_document
from grusym.equations.library import cell
from grusym.errors import InputError
from grusym.verify.report import Check, Report
from tests.demo.kernels import ScaledGradient, gru

WRITTEN = {
    "gru.txt",
    "gru.tex",
    "c/gru_f64.h",
    "c/gru_f64.c",
    "c/gru_f64_plain.c",
    "c/gru_f64_selftest.c",
    "c/Makefile",
    "numpy/gru.py",
    "loss.png",
    "loss.csv",
    "summary.json",
}
SHORT = Settings(hidden=16, batch=16, steps=FEWEST_STEPS)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verification that passes at once: it has tests of its own."""
    report = Report((Check("gru", "c", "float64", "equations", "passed"),))
    monkeypatch.setattr(run, "verification", lambda cell, on_progress: report)


@pytest.mark.slow
def test_the_demo_from_end_to_end(tmp_path, capfd):
    out = tmp_path / "new" / "demo-out"
    assert run.demo(out)
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == WRITTEN | ({"gru.pdf"} if shutil.which("pdflatex") else set())
    summary = json.loads((out / "summary.json").read_text())
    assert summary["passed"]
    assert [check["passed"] for check in summary["checks"]] == [True] * 3
    training = summary["training"]
    assert training["steps"] >= FEWEST_STEPS
    assert training["loss_difference_largest"] < 1e-9
    assert training["accuracy"] > 0.95
    assert training["accuracy"] == training["accuracy_torch"]
    assert summary["verification"]["verdict"] == "passed"
    assert set(summary["milliseconds_forward_and_backward"]) == {"C kernel", "NumPy kernel", "PyTorch"}
    assert sum(summary["seconds"].values()) < 90
    with (out / "loss.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == training["steps"]
    assert all(float(row["difference"]) == abs(float(row["kernel"]) - float(row["pytorch"])) for row in rows)
    assert (out / "loss.png").read_bytes().startswith(b"\x89PNG")
    stdout, stderr = capfd.readouterr()
    for result in (
        "z[i]  = sigmoid(W_z[i,j] x[j] + U_z[i,k] h[k] + b_z[i] + c_z[i])",
        "da_z[i]   = dz[i] z[i] (1 - z[i])",
        "dU_n[i,k] = du[i] h[k]",
        "torch-gradient",
        "NumPy kernel",
        "ok      the loss curves agree step by step",
        "summary.json",
    ):
        assert result in stdout
        assert result not in stderr
    assert "[7/9] train" in stderr
    assert "\x1b" not in stdout + stderr  # nobody's terminal


@pytest.mark.slow
def test_the_c_that_was_written_passes_its_own_test(tmp_path, judged):
    run.demo(tmp_path, SHORT)
    done = subprocess.run(["make", "-C", str(tmp_path / "c"), "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_kernel_fails_the_demo(tmp_path, monkeypatch, capfd, judged):
    monkeypatch.setattr(run, "build", lambda *choice: ScaledGradient(gru()))
    monkeypatch.setattr(run, "typeset", lambda latex: (None, "pdflatex is not installed"))
    assert not run.demo(tmp_path, SHORT)
    stdout, stderr = capfd.readouterr()
    assert "FAILED  the loss curves agree step by step" in stdout
    assert f"no PDF was made: pdflatex is not installed; the LaTeX is in {tmp_path}" in stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert not summary["passed"]
    assert summary["no_pdf"] == "pdflatex is not installed"
    assert summary["training"]["loss_difference_largest"] > 1e-5
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == WRITTEN


def test_one_failed_check_is_enough():
    passed, failed = run.Check("", True, ""), run.Check("", False, "")
    results = Results("", SHORT, None, {}, [passed, passed], None, "", {})  # type: ignore[arg-type]
    assert results.passed
    assert not replace(results, checks=[passed, failed, passed]).passed


@pytest.mark.parametrize(
    ("module", "package"), [("torch", "PyTorch"), ("sklearn", "scikit-learn"), ("matplotlib",) * 2]
)
def test_a_missing_package_is_named_with_the_mend(tmp_path, monkeypatch, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError) as caught:
        run.demo(tmp_path / "out")
    message = str(caught.value)
    assert message.startswith(f"the demo needs {package}, but ")
    assert message.endswith("; run pip install 'grusym[demo]'")
    assert "\n" not in message
    assert not (tmp_path / "out").exists()


def test_a_directory_that_cannot_be_written_is_named_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(run, "build", lambda *choice: pytest.fail("went on"))
    with pytest.raises(InputError, match=r"cannot write .*: .*file is a file, not a directory"):
        run.demo(tmp_path / "file")


def test_a_package_that_breaks_while_loading_is_an_input_error(tmp_path, monkeypatch):
    (tmp_path / "matplotlib.py").write_text(
        "raise ImportError('libfreetype.so.6: cannot open shared object file\\nmore')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InputError, match=r"needs matplotlib, but libfreetype\.so\.6: cannot open .* file; run pip"):
        need("matplotlib")


def test_the_gradients_stand_in_the_text_under_their_title():
    titles = list(sections(text_document(derive(cell("gru")))))
    assert any(title.startswith("Backpropagation through time") for title in titles)


def pdflatex(folder: Path, script: str) -> None:
    program = folder / "pdflatex"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo '! LaTeX Error: File `amsmath.sty` not found.'; exit 1", "pdflatex refused the document: ! LaTeX Error"),
        ("exit 1", "pdflatex refused the document: it did not say why"),
        ("exit 0", "pdflatex made no document"),
    ],
)
def test_a_pdflatex_that_fails_says_why(tmp_path, monkeypatch, script, reason):
    pdflatex(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    pdf, said = typeset("\\documentclass{article}")
    assert pdf is None
    assert said.startswith(reason)


def test_no_pdflatex_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert typeset("") == (None, "pdflatex is not installed")
