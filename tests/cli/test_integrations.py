"""The GitHub Action and the pre-commit hook: their files are well-formed, and what they run does what they say."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from pre_commit.clientlib import load_manifest

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
IMPLEMENTATION = "from tests.cli.their_gru import forward, vjp, wrong\n"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@pytest.fixture
def runner(tmp_path):
    """A runner's folders, and a project with an implementation in it."""
    (tmp_path / "project" / "part").mkdir(parents=True)
    (tmp_path / "project" / "part" / "mygru.py").write_text(IMPLEMENTATION)
    (tmp_path / "temp").mkdir()
    return tmp_path


def step(runner, number, **inputs):
    """Run a step of the action as a runner does, with its inputs; exit code, outputs, summary and what it printed."""
    known = {name: given.get("default", "") for name, given in ACTION["inputs"].items()}
    assert set(inputs) <= {name.replace("-", "_") for name in known}
    known |= {name.replace("_", "-"): value for name, value in inputs.items()}

    def evaluated(text):
        return EXPRESSION.sub(lambda found: known[found[1].removeprefix("inputs.")], text)

    wanted = ACTION["runs"]["steps"][number]
    assert wanted["shell"] == "bash"
    files = {name: runner / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        path.write_text("")
    environment = {
        **os.environ,
        **{name: str(path) for name, path in files.items()},
        **{name: evaluated(value) for name, value in wanted["env"].items()},
        "RUNNER_TEMP": str(runner / "temp"),
        "PYTHONPATH": f"{ROOT}",
    }
    environment.setdefault("GITHUB_ACTION_PATH", str(ROOT))
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", wanted["run"]],
        cwd=runner / "project" / evaluated(wanted.get("working-directory", ".")),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return done, outputs, files["GITHUB_STEP_SUMMARY"].read_text()


def checked(runner, **inputs):
    return step(runner, 1, python=sys.executable, directory="part", max_examples="1", **inputs)


def test_the_action_judges_and_names_its_reports(runner):
    done, outputs, summary = checked(runner, target="mygru:forward", vjp="mygru:vjp", dtype="float64")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("conforms: mygru:forward computes gru as torch has it, in float64")
    assert outputs.pop("verdict") == "conforms"
    assert set(outputs) | {"verdict"} == set(ACTION["outputs"])
    for name, path in outputs.items():
        assert Path(path).is_relative_to(runner / "project" / "part"), name
        assert Path(path).is_file(), name
    assert summary.startswith("### grusym: conforms\n    conforms: ")


def test_the_action_fails_where_the_implementation_is_wrong(runner):
    done, outputs, _ = checked(runner, target="mygru:wrong", arguments="--case T=2,B=1,I=1,H=1 --quiet")
    assert (done.returncode, outputs["verdict"]) == (1, "nonconforming")
    report = json.loads(Path(outputs["json"]).read_text())
    assert {check["case"] for check in report["checks"]} == {"", "T=2,B=1,I=1,H=1,seed=0,kind=plain"}
    assert "rules" in Path(outputs["sarif"]).read_text()


def test_the_action_says_what_is_wrong_with_its_inputs(runner):
    done, outputs, _ = checked(runner, target="mygru:backward")
    assert (done.returncode, outputs["verdict"]) == (2, "error")
    assert "mygru has no backward; it has forward, vjp, wrong" in done.stderr


def test_the_action_judges_what_its_arguments_name(runner):
    done, outputs, _ = checked(runner, arguments="--cmd ./no-such-program")
    assert (done.returncode, outputs["verdict"]) == (2, "error")
    assert "no-such-program" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--cmd \"'./no such program' now\" --quiet", "cannot run the command './no such program'"),
        ("--cmd\n  ./no-such\n  --quiet\n", "cannot run the command './no-such'"),
        ("--cmd './open", "cannot read the input arguments, ValueError: No closing quotation: --cmd './open"),
        ("--nonsense", "No such option"),
    ],
)
def test_arguments_of_the_action_are_words_of_a_shell(runner, arguments, told):
    done, outputs, _ = checked(runner, arguments=arguments)
    assert (done.returncode, outputs["verdict"]) == (2, "error")
    assert told in done.stderr


def test_the_action_names_only_reports_of_this_run(runner):
    first = checked(runner, target="mygru:wrong", arguments="--case T=1,B=1,I=1,H=1", reports="first")[1]
    assert Path(first["junit"]).parent == runner / "project" / "part" / "first"
    done, outputs, _ = checked(runner, target="mygru:wrong", arguments="--nonsense", reports="first")
    assert (done.returncode, outputs) == (2, {"verdict": "error"})
    assert not Path(first["json"]).exists()


def test_inputs_of_the_action_are_no_commands(runner):
    done, _, _ = checked(runner, target="$(touch hurt):`touch hurt`; touch hurt", vjp="--help")
    assert done.returncode == 2
    assert not list(runner.rglob("hurt"))
    for one in ACTION["runs"]["steps"]:
        assert not EXPRESSION.search(one["run"])


def test_every_input_of_the_action_is_used_and_every_output_is_made(runner):
    used = re.findall(r"inputs\.([\w-]+)", json.dumps(ACTION["runs"]))
    assert set(used) == set(ACTION["inputs"])
    made = [EXPRESSION.search(value["value"])[1] for value in ACTION["outputs"].values()]
    assert made == [f"steps.check.outputs.{name}" for name in ACTION["outputs"]]
    assert ACTION["runs"]["steps"][1]["id"] == "check"


def test_the_action_installs_grusym(runner, monkeypatch):
    """Into a folder of its own, from a copy, without asking a registry."""
    source, target = runner / "action", runner / "installed"
    shutil.copytree(ROOT / "grusym", source / "grusym", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    quiet = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_TARGET": str(target)}
    for name, value in (quiet | {"GITHUB_ACTION_PATH": str(source)}).items():
        monkeypatch.setenv(name, value)
    done, _, _ = step(runner, 0, python=sys.executable, extras="oracle,onnx")
    assert done.returncode == 0, done.stderr
    for name in ("report.schema.json", "reports/report.html.jinja"):
        assert (target / "grusym" / "oracle" / name).is_file()
    assert (target / "bin" / "grusym").is_file()


def test_the_hook_installs_what_the_oracle_needs():
    (hook,) = load_manifest(ROOT / ".pre-commit-hooks.yaml")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert hook["additional_dependencies"] == project["optional-dependencies"]["oracle"]
    assert hook["language"] == "python"


@pytest.mark.parametrize(("function", "code"), [("forward", 0), ("wrong", 1)])
def test_the_hook_judges_at_a_commit(tmp_path, function, code):
    """As pre-commit runs it, but in this environment instead of one that it installs."""
    (hook,) = load_manifest(ROOT / ".pre-commit-hooks.yaml")
    entry = hook["entry"].replace("grusym", f"{sys.executable} -m grusym", 1)
    local = {key: hook[key] for key in ("id", "name", "types", "pass_filenames", "require_serial")}
    local |= {"entry": entry, "language": "system", "args": [f"mygru:{function}", "--max-examples", "1"]}
    config = {"repos": [{"repo": "local", "hooks": [local]}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "mygru.py").write_text(IMPLEMENTATION)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"PYTHONPATH": str(ROOT), "PRE_COMMIT_HOME": str(tmp_path / "cache")}
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, env=environment, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, env=environment, check=True)
    words = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color", "never"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("nonconforming: mygru:wrong" in done.stdout) == bool(code)
    assert "grusym check....." in done.stdout
