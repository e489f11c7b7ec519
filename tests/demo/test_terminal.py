"""What the demo's stages look like without a terminal, and when one of them stops."""

import re

import pytest

from grusym.demo.terminal import Terminal
from grusym.demo.timing import interleaved


def test_stages_go_to_stderr_line_by_line_without_a_terminal(capfd):
    terminal = Terminal(2)
    for title in ("derive [i]", "train"):
        with terminal.stage(title) as advance:
            advance(1, 2, "loss [red]")
    terminal.text("    W[i] x[bold]")
    stdout, stderr = capfd.readouterr()
    assert re.fullmatch(r"\[1/2\] derive \[i\] \.\.\. \d\.\d s\n\[2/2\] train \.\.\. \d\.\d s\n", stderr)
    assert stdout == "    W[i] x[bold]\n"
    assert list(terminal.seconds) == ["derive [i]", "train"]


def test_a_forced_colour_brings_no_progress_bar_into_a_file(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Terminal(1).stage("train") as advance:
        advance(1, 2, "")
    assert "\x1b[?25l" not in capfd.readouterr().err  # the cursor stays


def test_no_color_is_respected(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    Terminal(1).verdict(False, "claim", "figures")
    assert "\x1b[31m" not in (out := capfd.readouterr().out)
    assert "31" not in out


def test_a_stage_that_stops_ends_its_line(capfd):
    with pytest.raises(ValueError, match="no"), Terminal(1).stage("compile"):
        raise ValueError("no")
    assert capfd.readouterr().err == "[1/1] compile ... stopped\n"


def test_a_table_lines_up_and_ends_where_its_figures_end(capfd):
    Terminal(1).table(("ms", "median"), [("C kernel", "10.25"), ("PyTorch", "3.50")])
    assert capfd.readouterr().out.splitlines() == [
        "  ms         median",
        "  C kernel    10.25",
        "  PyTorch      3.50",
    ]


def test_rivals_take_turns():
    calls = []
    timings = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3)
    assert "".join(calls[-6:]) == "ababab"
    assert set(timings) == {"a", "b"}
    assert all(0 <= t.low <= t.median <= t.high for t in timings.values())
