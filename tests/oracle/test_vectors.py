"""Vectors: correctly rounded, the same on every machine, readable in C, Rust and JavaScript, and able to fail."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grusym.conventions.library import CONVENTIONS, cell_in
from grusym.errors import InputError
from grusym.oracle.balls import Ball, exactly, precision
from grusym.oracle.spec import Spec
from grusym.oracle.vector_files import differing, in_hexadecimal, read, to_binary, to_json
from grusym.oracle.vectors import certified, rounded, telling, vector
from tests.oracle.implementations import gru, gru_vjp

READERS = Path(__file__).parents[2] / "examples" / "vectors"
SMALL = Spec((3, 2, 3, 4), 1)


@pytest.fixture(scope="module")
def vectors():
    return [vector(SMALL, "gru", "torch", dtype) for dtype in ("float32", "float64")]


@pytest.mark.parametrize("number", [0, 1])
def test_a_right_implementation_is_within_the_bounds(vectors, number):
    one = vectors[number]
    given = {name: one.inputs[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    y, h_n = gru(one.inputs["x"], one.inputs["h0"], given)
    grads = gru_vjp(one.inputs["x"], one.inputs["h0"], given, one.inputs["dy"], one.inputs["dh_n"])
    found = {"y": y, "h_n": h_n} | {f"d{name}": array for name, array in grads.items()}
    assert sorted(found) == sorted(one.expected)
    profile = "fp32" if number == 0 else "fp64"
    for name, array in found.items():
        error = np.abs(array.astype(np.float64) - one.expected[name].astype(np.float64))
        assert (error <= one.bounds[profile][name]).all(), name
        assert (one.bounds[profile][name] < 1e-3).all()


def test_results_are_rounded_to_the_nearest_number():
    with precision(200):
        third = Ball(exactly(np.array([1.0])).array / 3)
        assert rounded(third, "float32", "y") == np.float32(1) / np.float32(3)
        tie = Ball(exactly(np.array([1 + 2.0**-24])).array + 0)
        with pytest.raises(InputError, match="in the middle of two numbers"):
            rounded(tie, "float32", "y")
        doubly = Ball(exactly(np.array([1 + 2.0**-24 + 2.0**-50])).array + exactly(np.array([2.0**-60])).array)
        assert rounded(doubly, "float32", "y") == np.nextafter(np.float32(1), np.float32(2))


def test_hexadecimal_is_exact():
    for value in (0.1, -3.0, 2.0**-149, 1e38, 0.0, 1.5):
        assert float.fromhex(in_hexadecimal(np.float32(value))) == float(np.float32(value))


def test_a_file_says_what_the_vector_holds(vectors, tmp_path):
    path = tmp_path / "v.json"
    path.write_text(to_json(vectors))
    entries = read(path)
    assert [entry["dtype"] for entry in entries] == ["float32", "float64"]
    y = entries[0]["expected"]["y"]
    values = np.array([float.fromhex(text) for text in y["values"]], np.float32).reshape(y["shape"])
    np.testing.assert_array_equal(values, vectors[0].expected["y"])
    assert to_json(vectors) == to_json([vector(SMALL, "gru", "torch", dtype) for dtype in ("float32", "float64")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no file of vectors"),
        ('{"format": "grusym-vectors-1", "vectors": [1]}', "a vector that is a int"),
        ('{"format": "grusym-vectors-1", "vectors": [{"name": "a"}]}', "vector a has no cell"),
    ],
)
def test_what_is_no_file_of_vectors_is_refused(tmp_path, text, message):
    path = tmp_path / "v.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("tool", "build", "run"),
    [
        (
            "gcc",
            ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", str(READERS / "reader.c"), "-lm", "-o", "r"],
            ["./r", "v.bin"],
        ),
        ("rustc", ["rustc", "-O", "--edition", "2021", str(READERS / "reader.rs"), "-o", "r"], ["./r", "v.bin"]),
        ("node", None, ["node", str(READERS / "reader.js"), "v.json"]),
    ],
)
def test_readers_judge_a_gru(vectors, tmp_path, tool, build, run):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    if build:
        subprocess.run(build, cwd=tmp_path, check=True)
    (tmp_path / "v.bin").write_bytes(to_binary(vectors))
    (tmp_path / "v.json").write_text(to_json(vectors))
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [one.name for one in vectors]
    content = json.loads((tmp_path / "v.json").read_text())
    y = content["vectors"][1]["expected"]["y"]["values"]
    y[3] = in_hexadecimal(float.fromhex(y[3]) + 1e-9)
    (tmp_path / "v.json").write_text(json.dumps(content))
    vectors[1].expected["y"].flat[3] += 1e-9
    (tmp_path / "v.bin").write_bytes(to_binary(vectors))
    vectors[1].expected["y"].flat[3] -= 1e-9
    assert subprocess.run(run, cwd=tmp_path, capture_output=True).returncode != 0


def test_every_known_mistake_that_shows_in_a_call_is_seen():
    seen = certified(telling(cell_in("gru", "torch"), "torch", "float32"))
    best = {name: max(one.kills.get(name, 0) for one in seen) for one in seen for name in one.kills}
    assert min(best.values()) > 100
    assert {
        "lengths-ignored",
        "direction-interleave",
        "input-transposed",
        "grad-carry-missing",
        "gate-order:zrn",
    } <= set(best)
    blind = [replace(one, kills={**one.kills, "reset-before": 0.9}) for one in seen]
    with pytest.raises(InputError, match="these vectors do not see reset-before; take other sizes or seeds"):
        certified(blind)


def test_the_committed_vectors_are_those_of_the_equations(tmp_path):
    folder = Path(__file__).parents[2] / "codegen" / "vectors"
    names = {path.stem for path in folder.glob("*.json")}
    assert names == {path.stem for path in folder.glob("*.bin")}
    assert names == {f"gru_{name}" for name, record in CONVENTIONS.items() if "gru" in record.forms}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    for name in ("gru_onednn", "gru_keras"):
        assert list(differing(folder / f"{name}.json")) == []
        shutil.copy(folder / f"{name}.json", tmp_path)
    changed = tmp_path / "gru_keras.json"
    content = json.loads(changed.read_text())
    content["vectors"][0]["bounds"]["fp32"]["y"][0] *= 2
    changed.write_text(json.dumps(content))
    (found,) = differing(changed)
    assert "bounds.fp32.y[0] is" in found
