"""The check of import directions catches every way of writing an import that points the wrong way."""

from pathlib import Path

import pytest

from tests.house.directions import violations


def plant(root: Path, files: dict[str, str]) -> list[str]:
    """What the check says about a tree of rooms, all there and empty, but for `files`."""
    rooms = ("equations", "conventions", "calculus", "lower", "emit", "runtime", "verify", "demo", "oracle")
    empty = {f"{room}/__init__.py": "" for room in rooms} | {
        "calculus/forward.py": "",
        "calculus/reverse.py": "",
    }
    for name, text in (empty | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(violations(root))


@pytest.mark.parametrize(
    "text",
    [
        "import grusym.emit.c",
        "import os, grusym.emit as printer",
        "from grusym.emit import c",
        "from grusym import emit",
        "from grusym import errors, emit",
        "from grusym import generate",  # a lazy name of emit
        "from ..emit import c",
        "from .. import emit",
        "def late():\n    from grusym.emit.c import text",
        "from importlib import import_module\nimport_module('grusym.emit.c')",
        "import importlib\nimportlib.import_module('grusym.emit.c')",
        "if TYPE_CHECKING:\n    import grusym.emit",
        "__import__('grusym.emit')",
    ],
)
def test_every_way_to_import_is_seen(tmp_path, text):
    [found] = plant(tmp_path, {"lower/ir.py": text})
    assert found.startswith(f"lower/ir.py:{len(text.splitlines())}: lower may not import grusym.emit")


@pytest.mark.parametrize("text", ["import grusym", "from grusym import *", "from .. import *"])
def test_a_room_may_not_import_the_whole_house(tmp_path, text):
    assert plant(tmp_path, {"lower/ir.py": text}) == ["lower/ir.py:1: lower may not import grusym"]


@pytest.mark.parametrize(
    ("room", "target"),
    [
        ("equations", "conventions"),
        ("equations", "calculus"),
        ("conventions", "calculus"),
        ("calculus", "conventions"),
        ("calculus", "lower"),
        ("lower", "emit"),
        ("emit", "runtime"),
        ("runtime", "verify"),
        ("verify", "demo"),
        ("verify", "cli"),
        ("verify", "oracle.check"),
        ("oracle", "lower"),
        ("oracle", "calculus"),
        ("oracle", "calculus.reverse"),
        ("calculus", "oracle"),
        ("errors", "equations"),
        ("files", "cli"),
        ("__init__", "equations"),
        ("attic", "equations"),
    ],
)
def test_a_wrong_direction_is_caught(tmp_path, room, target):
    name = f"{room}.py" if room in ("errors", "files", "__init__") else f"{room}/inner.py"
    assert plant(tmp_path, {name: f"from grusym.{target} import thing"}) == [
        f"{name}:1: {room} may not import grusym.{target}"
    ]


@pytest.mark.parametrize(
    ("room", "text"),
    [
        (
            "equations",
            "from grusym.errors import CellError\nfrom grusym import __version__, files\nimport sympy",
        ),
        ("equations", "from .axis import Axis\nfrom grusym.equations.cell import Cell\nfrom . import axis"),
        ("conventions", "from grusym.equations.cell import Cell"),
        ("calculus", "from grusym import Cell, GrusymError"),
        ("lower", "import grusym.equations, grusym.conventions, grusym.calculus.reverse"),
        ("emit", "from grusym.lower import ir"),
        ("runtime", "from grusym.emit import c"),
        ("verify", "from grusym.runtime import kernel\nfrom grusym.oracle.bounds import Bounds"),
        ("demo", "from grusym.verify import judge\nfrom grusym.runtime import kernel"),
        ("oracle", "from grusym.calculus import forward\nfrom grusym.calculus.forward import jvp"),
        ("cli", "import grusym\nfrom grusym.demo import run\nfrom grusym.oracle import judge"),
    ],
)
def test_a_right_direction_is_allowed(tmp_path, room, text):
    assert plant(tmp_path, {f"{room}/inner.py": text}) == []


def test_the_source_of_a_relative_import_in_an_init_is_its_own_room(tmp_path):
    assert plant(tmp_path, {"lower/__init__.py": "from .ir import Loop\nfrom . import ir", "lower/ir.py": ""}) == []
