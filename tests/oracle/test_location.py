"""Where an implementation of every kind is written."""

import sys
from pathlib import Path

import pytest

from grusym.oracle.check import plan_of
from grusym.oracle.location import location_of
from grusym.oracle.targets.target import subject_of
from tests.oracle.implementations import gru
from tests.oracle.libraries import MISBEHAVING, compiled
from tests.oracle.onnx_models import node, saved

HERE = Path(__file__).parent
MODULES = HERE / "torch_modules.py"
PLAN = plan_of("torch", "float64", "gru", None, 1, 0)


def line_of(path, text):
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if line.startswith(text))


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        (f"{HERE / 'implementations.py'}:gru", "def gru(", "function"),
        (f"{MODULES}:Layer", "class Layer(", "type"),
        (f"{MODULES}:MineCell", "class MineCell(", "type"),
    ],
)
def test_functions_and_classes_of_a_project_have_a_file_and_a_line(name, text, kind):
    path = Path(name.partition(":")[0])
    found = subject_of(name, plan=PLAN).location
    assert (Path(found.path).resolve(), found.line) == (path, line_of(path, text))
    assert found.name.rpartition(".")[2] == name.rpartition(":")[2]
    assert (found.kind, found.installed) == (kind, False)


@pytest.mark.parametrize("name", ["torch.nn:GRU", f"{MODULES}:INSTANCE"])
def test_a_class_of_torch_is_installed_and_has_a_name(name):
    found = subject_of(name, plan=PLAN).location
    assert (found.name, found.kind, found.installed) == ("torch.nn.modules.rnn.GRU", "type", True)


def test_what_is_not_written_in_python_has_a_name_alone():
    assert location_of(sum).name == "builtins.sum"
    assert location_of(sum).path == ""
    assert location_of(gru).path.endswith("tests/oracle/implementations.py")


def test_libraries_commands_and_models_are_files_without_lines(tmp_path):
    library = compiled([MISBEHAVING], tmp_path / "lib.so")
    model = saved(tmp_path / "one.onnx", node("GRU", "encoder"))
    harness = f"{sys.executable} {HERE / 'harness.py'} right"
    onnx = plan_of("onnx", "float32", "gru:reset=before,biases=two", None, 1, 0)
    places = [
        subject_of(cabi=library, symbol="right", plan=PLAN).location,
        subject_of(cmd=harness, plan=PLAN).location,
        subject_of(model, plan=onnx).location,
    ]
    assert [Path(place.path).name for place in places] == ["lib.so", "harness.py", "one.onnx"]
    assert [place.line for place in places] == [0, 0, 0]
    assert [place.name for place in places] == ["right", harness, "encoder"]
