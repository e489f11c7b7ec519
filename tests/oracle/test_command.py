"""Commands that speak JSON lines: right ones conform, in every language; the rest is a verdict or an input error."""

import json
import subprocess
import sys
from pathlib import Path
from shlex import quote

import jsonschema
import pytest

from grusym.equations.cell import Cell
from grusym.errors import InputError
from grusym.oracle.check import judge, plan_of
from grusym.oracle.subject import fixed_sizes
from grusym.oracle.targets.command import Command
from grusym.oracle.targets.process import Process
from tests.emit.c_programs import program
from tests.oracle.one_case import failures, ratios

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "harness"
HARNESS = f"{quote(sys.executable)} {quote(str(Path(__file__).with_name('harness.py')))}"
PLANS = {dtype: plan_of("torch", dtype, "gru", None, 3, 0) for dtype in ("float32", "float64")}
PLAN = PLANS["float64"]


def built(name, directory):
    """The command of a reference harness; the test is skipped, and says so, where its toolchain is absent."""
    source, target = EXAMPLES / name, directory / "harness"
    build = {
        ".c": ("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", source, "-lm", "-o", target),
        ".rs": ("rustc", "-O", "-D", "warnings", source, "-o", target),
    }
    if source.suffix == ".js":
        return f"{program('node')} {quote(str(source))}"
    compiler, *arguments = build[source.suffix]
    subprocess.run([program(compiler), *map(str, arguments)], check=True, capture_output=True, cwd=directory)
    return quote(str(target))


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("harness.c", "float32"), ("harness.rs", "float64"), ("harness.js", "float64"), ("harness.js", "float32")],
)
def test_the_reference_harnesses_conform(name, dtype, tmp_path):
    subject = Command(built(name, tmp_path), PLANS[dtype])
    found = ratios(subject, PLANS[dtype])
    assert max(found.values()) < 1
    assert subject.has_gradients == ("vjp-weight_hh" in found) == (name == "harness.js")


@pytest.mark.parametrize("name", ["harness.c", "harness.rs", "harness.js"])
def test_a_reference_harness_is_short(name):
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("way", ["", "hexadecimal", "only y", "fixed"])
def test_what_the_protocol_allows_conforms(way):
    subject = Command(f"{HARNESS} '{way}'", PLAN)
    assert failures(subject, PLAN) == {}
    assert fixed_sizes(subject) == ({"I": 2, "H": 3} if way == "fixed" else {})


def test_a_cell_of_ones_own_can_be_judged():
    leaky = Cell.parse("leaky(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(w[i] x[i] + h[i])")
    plan = plan_of(None, "float64", leaky, None, 3, 0)
    assert failures(Command(f"{HARNESS} leaky", plan), plan) == {}


def test_a_campaign_over_a_command_conforms():
    report = judge(Command(HARNESS, PLAN), PLAN)
    assert (report.verdict, report.target) == ("conforms", HARNESS)


@pytest.mark.parametrize(
    ("way", "check", "message"),
    [
        (
            "crashing",
            "crash",
            "did not answer: it ended with exit status 1; its last words: out of memory on the device",
        ),
        ("talking", "answer", "answered 'step 1 of 3', which is no line with a JSON object"),
        ("nested", "answer", f"answered '{'[' * 80}...', which is no line"),
        ("failing", "exception", "answered with the error 'shape mismatch'"),
        ("short", "output-shape", "y has shape (2, 4, 6), but (3, 4, 6) is wanted, or 72 numbers"),
        ("wordy", "output-type", "y is no list of numbers ("),
        ("ragged", "output-type", "y is no list of numbers ("),
        ("unasked", "answer", "answered with attention, which was not asked for"),
        ("silent", "answer", "answered without y"),
        ("stale", "answer", "answered request 2 with the id 1"),
        ("nan", "forward-step", ""),
        ("wrong", "forward-step", ""),
    ],
)
def test_misbehaviour_is_named(way, check, message):
    found = failures(Command(f"{HARNESS} {way}", PLAN), PLAN)
    assert check in found, found
    assert message in found[check]


def test_a_hang_is_a_verdict():
    found = failures(Command(f"{HARNESS} hanging", PLAN, seconds=1.0), PLAN)
    assert found == {"hang": f"{HARNESS} hanging had not answered after 1 s, for T=3, B=4, I=5, H=6"}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            f"{HARNESS} chatty",
            "answered 'loading the model', which is no line with a JSON object, when asked to describe",
        ),
        (f"{HARNESS} dying", "ended with exit status 1; its last words: no such device, when asked to describe itself"),
        (f"{HARNESS} mute", "had not answered after 1 s, when asked to describe itself; see grusym/oracle/PROTOCOL.md"),
        (f"{HARNESS} refusing", "refuses gru: only LSTMs here"),
        (f"{HARNESS} 'oddly fixed'", "describes its sizes as {'I': 2, 'T': 3}; they are numbers for some of I, H"),
        ("./no-such-harness", "cannot run the command './no-such-harness': No such file or directory"),
        ("./harness 'open", 'cannot read the command "./harness \'open": No closing quotation'),
        ("  ", "the command is empty"),
        ("true", "the command true ended with exit status 0, when asked to describe itself"),
        ("cat", "the command cat repeated the request, when asked"),
    ],
)
def test_what_does_not_speak_the_protocol_is_an_input_error(command, message):
    with pytest.raises(InputError) as refused:
        Command(command, PLAN, seconds=1.0)
    assert message in str(refused.value)


def test_every_line_is_of_the_schema(monkeypatch):
    schema = json.loads((ROOT / "grusym" / "oracle" / "protocol.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    lines, ask = [], Process.ask

    def recorded(self, request, length, seconds):
        answer = ask(self, request, length, seconds)
        lines.extend((json.loads(request), json.loads(answer)))
        return answer

    monkeypatch.setattr(Process, "ask", recorded)
    for command in (f"{program('node')} {EXAMPLES / 'harness.js'}", f"{HARNESS} hexadecimal", f"{HARNESS} fixed"):
        ratios(Command(command, PLAN), PLAN)
    for line in [*lines, {"id": 1, "error": "no"}, {"id": 1, "arrays": {"y": [None, "-nan"]}}]:
        validator.validate(line)
    assert {line.get("op") for line in lines} == {"describe", "forward", "gradients", None}
    for wrong in ({"arrays": {}}, {"id": 1, "arrays": {"y": ["many"]}}, {"id": 1, "error": 3}, {"id": 1, "op": "run"}):
        assert not validator.is_valid(wrong), wrong
