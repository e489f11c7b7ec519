"""The rules of the house: who imports whom, how long a file may be, what its name says, what loads when."""

import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

import grusym
from tests.house.directions import ROOMS, violations

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "grusym"

LONGEST = 500
MEDIAN = 200  # what we aim at is 150
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
HEAVY = ("numpy", "sympy", "torch")
# A path of somebody's machine, or the host of a package registry (a mirror of it is the reader's choice).
FOREIGN = re.compile(
    r"(?<![\w.~])/(?:work|root|home|Users)/|[A-Z]:\\Users\\"
    r"|pypi[.]org|pythonhosted[.]org|download[.]pytorch[.]org|anaconda[.]org"
)


def python_files(root: Path, *folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def too_long(paths: Iterable[Path]) -> list[str]:
    return [f"{path}: {line_count(path)} lines, {LONGEST} at most" for path in paths if line_count(path) > LONGEST]


def vaguely_named(paths: Iterable[Path], root: Path) -> list[str]:
    return [str(path) for path in paths if VAGUE & set(path.relative_to(root).with_suffix("").parts)]


def foreign(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        content = path.read_bytes()
        if b"\0" in content:  # not text
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
            for match in FOREIGN.finditer(line):
                yield f"{path}:{number}: {match.group()}"


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: no list of tracked files")
    # A checkout that belongs to another user is still ours to list.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def run_python(code: str) -> str:
    command = [sys.executable, "-c", code]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    return process.stdout


def loaded_by(code: str) -> list[str]:
    """Which heavy packages a fresh Python holds after `code`."""
    report = f"\nimport sys; print('LOADED', *[m for m in {HEAVY} if m in sys.modules])"
    return run_python(code + report).splitlines()[-1].split()[1:]


HELP = """
import runpy, sys
sys.argv = ["grusym", "--help"]
try:
    runpy.run_module("grusym", run_name="__main__")
except SystemExit as exit:
    assert not exit.code, exit.code
"""


def test_imports_point_one_way():
    assert list(violations(PACKAGE)) == []


def test_every_room_has_its_directions():
    rooms = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in python_files(ROOT, "grusym")}
    assert rooms - set(ROOMS) == set(), "give the new room its line in tests/house/directions.py"


def test_no_file_is_too_long():
    assert too_long(python_files(ROOT, "grusym", "tests")) == []


def test_the_median_file_is_short(record_property):
    median = statistics.median(line_count(path) for path in python_files(ROOT, "grusym"))
    record_property("median_lines", median)
    print(f"median length of grusym/*.py: {median} lines")
    assert median <= MEDIAN, f"the median file of grusym has {median} lines, {MEDIAN} at most"


def test_no_file_has_a_name_that_says_nothing():
    assert vaguely_named(python_files(ROOT, "grusym", "tests"), ROOT) == []


def test_no_machine_path_and_no_registry_host_is_tracked():
    assert list(foreign(tracked_files())) == []


def test_import_grusym_loads_nothing_heavy():
    assert loaded_by("import grusym; dir(grusym)") == []


def test_help_loads_nothing_heavy():
    assert loaded_by(HELP) == []


@pytest.mark.parametrize("name", sorted(grusym.__all__))
def test_a_public_name_loads(name):
    assert getattr(grusym, name) is not None
    assert name in dir(grusym)


def test_lazy_names_are_the_public_names_and_hide_no_module():
    assert set(grusym.__all__) == {*grusym._LAZY, "__version__"}
    for name in grusym._LAZY:
        assert not (PACKAGE / name).exists()
        assert not (PACKAGE / f"{name}.py").exists()


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(AttributeError, match=r"^module 'grusym' has no attribute 'nothing'; it has Cell, "):
        import_module("grusym").nothing  # noqa: B018


# The checks themselves: each catches what it is there for.


def test_a_long_file_is_caught(tmp_path):
    (tmp_path / "long.py").write_text("\n" * (LONGEST + 1))
    (tmp_path / "short.py").write_text("\n" * LONGEST)
    assert too_long(python_files(tmp_path, ".")) == [f"{tmp_path / 'long.py'}: 501 lines, 500 at most"]


@pytest.mark.parametrize("name", ["utils.py", "lower/helpers.py", "misc/order.py"])
def test_a_vague_name_is_caught(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    (tmp_path / "commonality.py").touch()
    assert vaguely_named(python_files(tmp_path, "."), tmp_path) == [str(path)]


@pytest.mark.parametrize(
    "text", ["/" + "home/me/x", '"/' + 'work/x"', "https://py" + "pi.org/simple", "C:\\" + "Users\\me"]
)
def test_a_foreign_text_is_caught(tmp_path, text):
    (tmp_path / "bad.md").write_text(f"fine\nsee {text}\n")
    (tmp_path / "good.md").write_text("see ../work/x, https://example.com/home/x and C:\\Temp\n")
    (tmp_path / "binary").write_bytes(text.encode() + b"\0\xff")
    [found] = foreign(sorted(tmp_path.iterdir()))
    assert found.startswith(f"{tmp_path / 'bad.md'}:2: ")


@pytest.mark.parametrize("package", ["numpy", "sympy"])
def test_a_heavy_import_is_caught(package):
    assert package in loaded_by(f"import {package}")
