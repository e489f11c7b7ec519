"""grusym check: verdicts and exit codes, where each report goes, and what is said of bad input."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import refused, run

ROOT = Path(__file__).parents[2]
OURS = "tests.cli.their_gru"
CASE = ("--case", "T=3,B=2,I=2,H=3,seed=7,kind=plain")


def test_what_conforms_exits_with_0_and_says_what_was_not_checked(capsys):
    code, out, err = run(capsys, "check", f"{OURS}:forward", *CASE)
    assert code == 0
    assert out.startswith(f"conforms: {OURS}:forward computes gru as torch has it, in float32: ")
    assert (
        "vjp-bias_ih, vjp-bias_hh, bias-identity, vjp-sequence, vjp-lengths, vjp-bidirectional, vjp-frozen: no grad"
        in out
    )
    assert out.splitlines()[-1] == (
        f"to see it again: grusym check {OURS}:forward --convention torch --cell gru --dtype float32 {' '.join(CASE)}"
    )
    assert "  pass          forward-step         0." in err


def test_gradients_are_judged_where_they_are_given(capsys):
    code, out, _ = run(capsys, "check", f"{OURS}:forward", "--vjp", f"{OURS}:vjp", *CASE, "--dtype", "float64")
    assert code == 0
    assert "no gradients were given" not in out
    assert "  not checked   vjp-frozen: only a Python vjp with an argument wanted is asked for some gradients" in out
    assert f"--vjp {OURS}:vjp" in out


def test_what_does_not_conform_exits_with_1_and_can_be_seen_again(capsys):
    code, out, err = run(capsys, "check", f"{OURS}:wrong", "--max-examples", "2")
    assert code == 1
    assert out.startswith(f"nonconforming: {OURS}:wrong does not compute gru as torch has it, in float32: ")
    assert "this goes to stderr" in err
    assert "this goes to stderr" not in out
    command = out.splitlines()[-1].removeprefix("to see it again: grusym ")
    assert "--case T=1,B=1,I=1,H=1," in command
    code, out, _ = run(capsys, *command.split())
    assert code == 1
    assert "FAIL          forward-step" in out


def test_what_cannot_be_told_exits_with_3(capsys):
    code, out, _ = run(
        capsys, "check", f"{OURS}:forward", "--dtype", "float16", "--profile", "fp16", "--case", "T=1,B=1,I=2100,H=1"
    )
    assert code == 3
    assert out.startswith("inconclusive: whether ")


def test_the_same_seed_gives_the_same_report(capsys, tmp_path):
    words = ("check", f"{OURS}:wrong", "--max-examples", "3", "--seed", "5", "-q", "--json", "-")
    code, one, err = run(capsys, *words)
    assert (code, json.loads(one)["seed"]) == (1, 5)
    assert err.replace("this goes to stderr\n", "") == ""
    assert run(capsys, *words)[1] == one


def test_every_file_is_written(capsys, tmp_path):
    names = {"--json": "r.json", "--html": "r.html", "--junit": "r.xml", "--sarif": "r.sarif"}
    words = [word for option, name in names.items() for word in (option, str(tmp_path / "out" / name))]
    code, out, err = run(capsys, "check", f"{OURS}:wrong", *CASE, "-q", *words)
    assert code == 1
    assert out.startswith("nonconforming: ")
    written = [line for line in err.splitlines() if line.startswith(str(tmp_path))]
    assert written == [str(tmp_path / "out" / name) for name in names.values()]
    report = json.loads((tmp_path / "out" / "r.json").read_text())
    assert report["location"]["path"] == "tests/cli/their_gru.py"
    lines = (ROOT / "tests/cli/their_gru.py").read_text().splitlines()
    assert lines[report["location"]["line"] - 1].startswith("def wrong")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["nowhere.at_all:forward"],
            "cannot import nowhere.at_all:forward: ModuleNotFoundError: No module named 'nowhere'",
        ),
        ([OURS], f"'{OURS}' names no function; write package.module:function or path/to/file.py:function"),
        ([f"{OURS}:forwards"], f"{OURS} has no forwards; it has forward, vjp, wrong, leaves, takes_one, not_a_number"),
        ([f"{OURS}:number"], f"{OURS}:number is a int; name a function that takes (x, h0, params)"),
        ([f"{OURS}:number.real.x"], f"{OURS} has no number.real.x; it has no functions"),
        ([f"{OURS}:takes_one"], "takes (x), but is called with (x, h0, params): too many positional arguments"),
        (
            [f"{OURS}:forward", "--vjp", f"{OURS}:wrong"],
            "(x, h0, params), but is called with (x, h0, params, dy, dh_n)",
        ),
        ([f"{OURS}:forward", "--convention", "kerass"], "unknown convention 'kerass'"),
        (
            [f"{OURS}:forward", "--dtype", "float8"],
            "unknown dtype 'float8'; choose float64, float32, float16, bfloat16",
        ),
        ([f"{OURS}:forward", "--profile", "fp8"], "unknown profile 'fp8'; known are fp64, fp64-ftz, fp32, "),
        ([f"{OURS}:forward", "--profile", "fp64"], "profile fp64 is of float64, but float32 is judged"),
        ([f"{OURS}:forward", "--cell", "nope"], "unknown cell 'nope'"),
        ([f"{OURS}:forward", "--case", "T=3"], "the case 'T=3' lacks B, I, H; write it like T=3,B=4,I=5,H=6,seed=7"),
        ([f"{OURS}:forward", "--html", "tests"], "cannot write --html tests: it is a directory"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(capsys, words, told):
    assert told in refused(capsys, "check", *words)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def forward(:", "SyntaxError: "),
    ],
)
def test_a_module_that_fails_when_imported(capsys, monkeypatch, tmp_path, text, told):
    (tmp_path / "fails.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    err = refused(capsys, "check", "fails.py:forward")
    assert f"cannot import fails.py:forward: {told}" in err
    assert "\n" not in err.rstrip("\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("leaves", "FAIL          exception   forward raised SystemExit: 0 (tests/cli/their_gru.py, line "),
        ("not_a_number", "FAIL          forward-step       infinitely far outside"),
    ],
)
def test_misbehaviour_is_a_failing_check(capsys, name, said):
    """A program that leaves with code 0 has not shown that it conforms."""
    code, out, _ = run(capsys, "check", f"{OURS}:{name}", *CASE)
    assert code == 1
    assert said in out


def test_an_error_is_reported_in_the_files_as_well(capsys, tmp_path):
    path = tmp_path / "r.json"
    code, out, err = run(capsys, "check", "nowhere:forward", "--json", str(path), "--junit", str(tmp_path / "r.xml"))
    assert (code, out) == (2, "")
    report = json.loads(path.read_text())
    assert report["verdict"] == "error"
    assert f"grusym: {report['error']}" in err
    code, out, _ = run(capsys, "check", "nowhere:forward", "--json", "-")
    assert (code, json.loads(out)["verdict"]) == (2, "error")


def test_nothing_is_judged_where_a_file_cannot_be_written(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("grusym.oracle.check.judge", lambda *_: pytest.fail("judged"))
    (tmp_path / "file").write_text("kept")
    told = refused(capsys, "check", f"{OURS}:forward", "--html", str(tmp_path / "file" / "r.html"))
    assert "is a file, not a directory; choose another path" in told


def test_the_working_directory_is_where_implementations_are_looked_for(tmp_path):
    (tmp_path / "here.py").write_text("from tests.cli.their_gru import forward\n")
    script = "import sys; from grusym.cli import main; main(sys.argv[1:])"
    words = [sys.executable, "-P", "-c", script, "check", "here:forward", *CASE]
    done = subprocess.run(
        words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "conforms"), done.stderr


def test_a_warning_of_the_implementation_is_shown_once(tmp_path):
    text = "import warnings\nfrom tests.cli.their_gru import forward as right\n\n\ndef forward(x, h0, params):\n"
    (tmp_path / "warns.py").write_text(text + "    warnings.warn('odd')\n    return right(x, h0, params)\n")
    words = [sys.executable, "-m", "grusym", "check", "warns.py:forward", "--max-examples", "3"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr.count("UserWarning: odd")) == (0, 1), done.stderr


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_colours_are_for_terminals_unless_they_are_not_wanted(no_colour):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": no_colour, "TERM": "xterm", "COLUMNS": "80"}
    words = [sys.executable, "-m", "grusym", "check", f"{OURS}:forward", *CASE]
    subprocess.run(words, cwd=ROOT, env=environment, stdout=theirs, stderr=subprocess.DEVNULL, timeout=120, check=True)
    os.close(theirs)
    text = b""
    while True:
        try:
            text += os.read(ours, 65536)
        except OSError:  # all of it was read
            break
    assert b"conforms: " in text
    assert (b"\x1b[1;32m" in text) == (not no_colour)


def test_explain_says_what_a_check_is(capsys):
    code, out, _ = run(capsys, "explain", "vjp-weight_hh")
    assert (code, out.split(":")[0]) == (0, "the check vjp-weight_hh")
    code, out, _ = run(capsys, "explain", "gate-order:zrn")
    assert (code, out.splitlines()[0]) == (0, "gate-order:zrn: the gate blocks are read in another order, as zrn")
    assert "the catalogue has no entry 'reset-befor'; did you mean reset-before" in refused(
        capsys, "explain", "reset-befor"
    )


def test_the_missing_extra_is_named(capsys, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "jinja2"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    told = refused(capsys, "check", f"{OURS}:forward", "--html", "r.html")
    assert "the oracle needs jinja2; install it: pip install 'grusym[oracle]'" in told
