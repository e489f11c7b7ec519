"""The README is true: its lines run, and the C that it shows is the C that is generated."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from grusym.conventions.library import CONVENTIONS
from grusym.emit.generate import generate
from grusym.equations.cell import Cell
from grusym.equations.functions import FUNCTIONS
from grusym.equations.library import cell

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1]


def test_the_ten_lines_run():
    lines = _block("python")
    assert len([line for line in lines.splitlines() if line.strip()]) == 10
    done = subprocess.run([sys.executable, "-W", "error", "-c", lines], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "dU_r[i, k] = da_r[i]*h[k]" in done.stdout


def test_the_line_that_converts_follows_on_them():
    ten, converting, _ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shapes = "assert [a.shape for a in keras.values()] == [(I, 3 * H), (H, 3 * H), (2, 3 * H)]"
    done = subprocess.run([sys.executable, "-W", "error", "-c", f"{ten}\n{converting}\n{shapes}"], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_layers_follow_on_them():
    ten, _, layers = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    checks = [
        "assert (tape.y.shape, tape.h_n.shape) == ((T, B, 2 * H), (2, B, H))",
        "assert not tape.y[7:, 0].any() and not tape.y[:, 1].any() and tape.y[:7, 0].all()",
        "assert set(grads.params) == set(both) and grads.x[:7, 0].all() and not grads.x[:, 1].any()",
    ]
    code = "\n".join((ten, layers, *checks))
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_files_it_converts_are_converted(tmp_path):
    torch, _, _ = (pytest.importorskip(name) for name in ("torch", "onnx", "safetensors"))
    lines = re.findall(r"^grusym (convert .*?)(?: +#.*)?$", README, re.MULTILINE)
    assert len(lines) == 4
    state = torch.nn.GRU(3, 4, num_layers=2, bidirectional=True).state_dict()
    torch.save(state, tmp_path / "gru.pt")
    model = {f"encoder.rnn.{name}": tensor for name, tensor in state.items()}
    pytest.importorskip("safetensors.torch").save_file(model, tmp_path / "model.safetensors")
    for line in lines:
        command = [sys.executable, "-W", "error", "-m", "grusym", *line.split()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    again = torch.load(tmp_path / "again.pt", weights_only=True)
    assert list(again) == list(state)
    assert all(torch.equal(again[name], tensor) for name, tensor in state.items())


def test_the_c_it_shows_is_generated():
    source = generate("gru", target="c", convention="torch").files["gru_f32.c"]
    shown = re.findall(r"^\| `[^`]*` \| `([^`]*)` \|$", README, re.MULTILINE)
    assert len(shown) == 2
    for line in shown:
        assert line in source


def test_the_cell_it_shows_is_the_gru():
    (shown,) = re.findall(r"^```\n(gru\(.*?)```", README, re.DOTALL | re.MULTILINE)
    assert Cell.parse(shown).equations == cell("gru").equations


def test_the_systems_it_counts_are_all_there_are():
    assert int(re.search(r"lists (\d+) of them", README)[1]) == len(CONVENTIONS)


def test_the_functions_it_lists_are_all_there_are():
    listed = re.search(r"- Functions: `([^`]*)`", README)[1].split()
    assert listed == sorted(FUNCTIONS)


def test_the_lines_for_other_projects_fit_the_action_and_the_hook():
    root = Path(__file__).parents[1]
    steps, hooks = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL))
    inputs = yaml.safe_load((root / "action.yml").read_text(encoding="utf-8"))["inputs"]
    assert set(steps[1]["with"]) <= set(inputs)
    assert {name for name, given in inputs.items() if given.get("required")} <= set(steps[1]["with"])
    known = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks[0]["hooks"]] == [hook["id"] for hook in known]


def test_the_commands_it_shows_exist():
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    verbs = set(re.findall(r"^grusym (\w+)", shell, re.MULTILINE))
    assert {"conventions", "show", "compare", "derive", "generate", "verify", "check", "explain"} <= verbs
    for verb in verbs:
        assert subprocess.run([sys.executable, "-m", "grusym", verb, "--help"], capture_output=True).returncode == 0
