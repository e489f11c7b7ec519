"""The command line: what it prints where, its exit codes, and that bad input gets one sentence."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from grusym.cli import main
from grusym.equations.library import BUILT_IN

PEEPHOLE = Path(__file__).parents[1] / "cells" / "peephole_lstm.cell"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command."""
    with pytest.raises(SystemExit) as leaving:
        main(list(words))
    code = leaving.value.code
    out, err = capsys.readouterr()
    return (0 if code is None else int(code)), out, err


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one sentence with which the command refuses."""
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    return err


def test_cells_lists_options_default_first(capsys):
    code, out, _ = run(capsys, "cells")
    assert code == 0
    assert "reset = after | before" in out
    assert "mask: none | zero | hold" in out
    code, out, _ = run(capsys, "cells", "--json")
    assert json.loads(out)["gru"]["options"]["update"] == ["keep", "write"]


def test_show_prints_the_equations_and_the_packing(capsys):
    code, out, err = run(capsys, "show", "gru", "--convention", "torch")
    assert (code, err) == (0, "")
    assert "h'[i] = (1 - z[i]) n[i] + z[i] h[i]" in out
    assert "weight_ih  (3*H, I)   W_ir, W_iz, W_in" in out


def test_show_takes_the_form_and_the_packing_of_the_convention(capsys):
    code, out, err = run(capsys, "show", "gru", "--convention", "haiku")
    assert (code, err) == (0, "")
    assert "h'[i] = z[i] a[i] + (1 - z[i]) h[i]" in out
    assert "w_h        (H, 3*H)   [W_hz^T | W_hr^T | W_ha^T]" in out
    assert "Of blocks: ^T is transposed, | stands between blocks side by side." in out
    err = refused(capsys, "show", "gru:reset=after", "--convention", "haiku")
    assert "convention haiku has gru with reset=before, not reset=after; leave the option out" in err


def test_conventions_lists_systems_and_what_is_not_verified(capsys):
    code, out, _ = run(capsys, "conventions")
    assert code == 0
    assert "mlx                after   keep" in out
    assert "* chung2014: unverified: formulas" in out
    code, out, _ = run(capsys, "conventions", "--json")
    keras = next(record for record in json.loads(out) if record["name"] == "keras")
    assert keras["forms"][0]["arrays"]["kernel"] == {"shape": ["I", "3*H"], "blocks": "[W_z^T | W_r^T | W_n^T]"}


def test_conventions_lists_the_packings_of_another_cell(capsys):
    code, out, _ = run(capsys, "conventions", "--cell", "lstm")
    assert code == 0
    assert "onnx                no | yes  no          0       i,o,f,c " in out
    code, out, _ = run(capsys, "conventions", "--cell", "lstm", "--json")
    onnx = next(record for record in json.loads(out) if record["name"] == "onnx")
    assert onnx["cells"] == ["gru", "lstm", "rnn"]
    assert onnx["forms"][0]["arrays"]["B"]["shape"] == ["1", "8*H"]


def test_show_latex_is_in_the_symbols_of_the_convention(capsys):
    code, out, _ = run(capsys, "show", "gru", "--convention", "onnx", "--latex")
    assert code == 0
    assert r"H_{t} &= (1 - z_{t}) \odot h_{t} + z_{t} \odot H_{t-1}" in out


def test_generate_takes_the_form_of_the_convention(capsys, tmp_path):
    code, _, _ = run(capsys, "generate", "c", "gru", "--convention", "onnx", "-o", str(tmp_path))
    assert code == 0
    header = (tmp_path / "gru_reset_before_f32.h").read_text()
    assert "in  B_array  (1, 6*H)     B: [b_z | b_r | b_n | c_z | c_r | c_n]" in header


def test_generate_takes_the_options_of_every_cell(capsys, tmp_path):
    code, _, _ = run(capsys, "generate", "c", "gru:mask=zero", "--convention", "keras", "-o", str(tmp_path))
    assert code == 0
    assert re.search(r"in +m +\(T, B\)", (tmp_path / "gru_mask_zero_f32.h").read_text())
    code, out, _ = run(capsys, "derive", f"{PEEPHOLE}:zoneout=train_c")
    assert code == 0
    assert "peephole_lstm:zoneout=train_c" in out


def test_show_latex(capsys):
    code, out, _ = run(capsys, "show", "gru", "--latex")
    assert code == 0
    assert r"\tanh" in out


@pytest.mark.parametrize(("form", "words"), [("text", "Backpropagation through time"), ("latex", r"\documentclass")])
def test_derive(capsys, tmp_path, form, words):
    code, out, _ = run(capsys, "derive", "lstm", "--format", form)
    assert code == 0
    assert words in out
    path = tmp_path / "out" / "lstm.txt"
    code, printed, _ = run(capsys, "derive", "lstm", "--format", form, "-o", str(path))
    assert (code, printed) == (0, f"{path}\n")
    assert path.read_text() == out


def test_generate_prints_or_writes_the_same(capsys, tmp_path):
    code, out, err = run(capsys, "generate", "c", "rnn", "--dtype", "float64")
    assert (code, err) == (0, "")
    assert "==> rnn_f64.h <==" in out
    code, paths, _ = run(capsys, "generate", "c", "rnn", "--dtype", "float64", "-o", str(tmp_path))
    assert code == 0
    for path in map(Path, paths.split()):
        assert path.read_text() in out
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(Path(p).name for p in paths.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "nope"], f"unknown cell 'nope'; built in are {', '.join(BUILT_IN)}"),
        (["show", "gru:reset=sometimes"], "reset=sometimes is unknown; reset is one of after, before"),
        (["show", "gru:colour=red"], "gru has no option 'colour'; it has reset, update, biases"),
        (["show", "gru:reset"], "cannot read the option 'reset'"),
        (["derive", "rnn", "-o", "."], "cannot write the file .: it is a directory; add the name of a file to it"),
        (["show", "missing.cell"], "cannot read the cell file missing.cell: No such file or directory"),
        (["show", "gru", "--convention", "kerass"], "unknown convention 'kerass'; known are own, torch"),
        (["derive", "gru", "--format", "html5"], "unknown format 'html5'"),
        (["generate", "c", "gru", "--dtype", "float8"], "no dtype 'float8'; choose float32 or float64"),
        (["generate", "fortran", "gru"], "unknown target 'fortran'; known are c, numpy, latex"),
        (["generate", "c", "gru", "--schedule", "warp"], "unknown schedule 'warp'; known are reference"),
        (["generate", "c", "gru", "--schedule", "scan"], "gru cannot be run as a scan: in r[i]"),
        (["generate", "c", "mingru", "--schedule", "scan"], 'call grusym.build("mingru", target="c", schedule="scan")'),
        (["generate", "latex", "mingru", "--schedule", "scan"], 'call grusym.build("mingru", schedule="scan"), or'),
        (["generate"], "generate lacks a target and a cell; say what to generate, as in: grusym generate c gru"),
        (["generate", "numpy"], "generate lacks a cell; say what to generate, as in: grusym generate numpy gru"),
        (["generate", "c", "gru", "--check"], "--check compares what --all makes; add --all, or leave --check out"),
        (["generate", "c", "gru", "--all"], "--all makes everything that codegen/ holds, and c gru cannot be chosen"),
        (["generate", "c", "gru:reset=before", "--convention", "torch"], "convention torch has gru with reset=after"),
        (["generate", "c", "gru", "--bogus"], "No such option: --bogus"),
        (["bogus"], "No such command 'bogus'"),
        (["verify", "gru", "--examples", "0"], "greater than or equal to 1"),
        (["verify", "gru", "--target", "cobol"], "cobol"),
        (["verify", "gru", "--dtype", "float8"], "float8"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(capsys, words, told):
    assert told in refused(capsys, *words)


def test_a_malformed_cell_is_pointed_at(capsys, tmp_path):
    path = tmp_path / "bad.cell"
    path.write_text("bad(x[j], h[k]) -> h'[i]  axes j: I  i, k: H\n  h'[i] = tanh(W[i,j] x[j] + U[i,q] h[k])\n")
    told = refused(capsys, "derive", str(path))
    assert f"{path}:2:34: index q has no axis" in told
    assert told.splitlines()[-1].rstrip().endswith("^")


def test_a_function_without_a_rule_is_named(capsys, tmp_path):
    path = tmp_path / "hard.cell"
    path.write_text("hard(x[j], h[k]) -> h'[i]  axes j: I  i, k: H\n  h'[i] = step(W[i,j] x[j] + U[i,k] h[k])\n")
    assert "step has no derivative rule" in refused(capsys, "derive", str(path))


def test_an_output_directory_that_is_a_file(capsys, tmp_path):
    blocking = tmp_path / "file"
    blocking.write_text("kept")
    assert "is a file, not a directory" in refused(capsys, "generate", "c", "gru", "-o", str(blocking / "out"))
    assert blocking.read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_no_compiler(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    told = refused(capsys, "verify", "rnn", "--target", "c", "--examples", "1")
    assert "install gcc or clang, or set CC" in told


def test_a_user_cell_goes_through_everything(capsys, tmp_path):
    assert run(capsys, "show", str(PEEPHOLE))[0] == 0
    assert run(capsys, "derive", str(PEEPHOLE))[0] == 0
    for target in ("c", "numpy", "latex"):
        assert run(capsys, "generate", target, str(PEEPHOLE), "-o", str(tmp_path / target))[0] == 0
    code, out, _ = run(capsys, "verify", str(PEEPHOLE), "--examples", "2")
    assert code == 0, out


def test_verify_reports_as_json(capsys):
    code, out, _ = run(capsys, "verify", "rnn", "--target", "numpy", "--dtype", "float64", "--examples", "2", "--json")
    assert code == 0
    (report,) = json.loads(out)
    assert report["checks"]


@pytest.mark.parametrize(("verdicts", "code"), [(["passed", "inconclusive"], 3), (["inconclusive", "failed"], 1)])
def test_verify_tells_failed_from_inconclusive(capsys, monkeypatch, verdicts, code):
    left = iter(verdicts)
    monkeypatch.setattr("grusym.verify.run.verify", lambda *_, **__: SimpleNamespace(verdict=next(left), checks=()))
    monkeypatch.setattr("grusym.verify.report.print_report", lambda report: None)
    assert run(capsys, "verify", "gru", "rnn")[0] == code


@pytest.mark.parametrize("words", [["--help"], ["generate", "--help"], ["verify", "-h"]])
def test_help(capsys, words):
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert "grusym" in out


def test_help_opens_with_examples(capsys):
    _, out, _ = run(capsys, "--help")
    assert out.index("grusym show gru") < out.index("Options")


@pytest.mark.parametrize("words", ["generate c gru", "cells", "--help"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_quiet_and_no_verdict(words, unbuffered):
    """Not 1, which says that something is wrong, nor 0, which says that nothing is."""
    command = f"{{ {sys.executable} -m grusym {words}; echo $? >&2; }} | head -c 0"
    assert _told(command, unbuffered) == "141"


@pytest.mark.parametrize("words", ["generate c gru", "cells", "--help"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_told(words, unbuffered):
    command = f"{sys.executable} -m grusym {words} >/dev/full; echo $? >&2"
    told = "grusym: cannot write to the standard output: No space left on device; write to a place that has room"
    assert _told(command, unbuffered) == f"{told}\n2"


def _told(command: str, unbuffered: str) -> str:
    """What a shell's command writes to stderr."""
    environment = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": unbuffered}
    return subprocess.run(command, shell=True, capture_output=True, text=True, env=environment).stderr.strip()


def test_compare_prints_expressions_and_numbers(capsys):
    code, out, _ = run(capsys, "compare", "gru", "lstm", "--sizes", "I=64,H=128")
    assert code == 0
    assert "parameters                     3*H*(H + I + 2)" in out
    assert ["parameters", "74,496", "99,328", "1.33"] in [line.split() for line in out.splitlines()]
    code, out, _ = run(capsys, "compare", "gru", "lstm", "--sizes", "I=64,H=128", "--json")
    report = json.loads(out)
    assert report["rows"][0]["values"] == [74496, 99328]
    assert report["sizes"] == {"T": 1, "B": 1, "I": 64, "H": 128}


def test_compare_refuses_sizes_that_it_cannot_read(capsys):
    assert "cannot read the size 'I=-3'" in refused(capsys, "compare", "gru", "lstm", "--sizes", "I=-3")
    assert "cannot read the size 'I=4'" in refused(capsys, "compare", "gru", "lstm", "--sizes", "I=3,I=4")
