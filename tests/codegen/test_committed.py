"""codegen/ is what the equations give, byte for byte, on every run."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grusym.cli import main
from grusym.emit.committed import MANIFEST, committed_files, differences, products, stale

CODEGEN = Path(__file__).parents[2] / "codegen"
DIGEST = """
import hashlib
from grusym.emit.committed import committed_files
files = committed_files()
print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return committed_files()


def test_codegen_is_what_the_equations_give(files):
    assert list(differences(files, CODEGEN)) == []
    assert stale(files, CODEGEN) == []


def test_the_manifest_has_the_hash_of_every_file(files):
    entries = json.loads(files[MANIFEST])["products"]
    hashes = {path: digest for entry in entries for path, digest in entry["files"].items()}
    assert set(hashes) == set(files) - {MANIFEST}
    assert all(hashlib.sha256(files[path].encode()).hexdigest() == digest for path, digest in hashes.items())


def test_every_product_is_there(files):
    for product in products():
        assert any(path.startswith(f"{product.folder}/") for path in files)
    wanted = {("gru", "torch"), ("gru", "own"), ("lstm", "torch"), ("rnn", "torch")}
    assert wanted <= {(product.cell, product.convention) for product in products()}


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_hash_seed():
    digests = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        digests.add(
            subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, check=True).stdout
        )
    assert len(digests) == 1


def test_check_shows_a_diff_and_exits_with_1(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("grusym.emit.committed.committed_files", lambda *_: files)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert _check(tmp_path) == 0
    edited = tmp_path / "c/gru_torch/float32/gru_f32.c"
    edited.write_text(edited.read_text().replace("1 - n*n", "1 - n"))
    (tmp_path / "c/left_over.c").write_text("int x;\n")
    capsys.readouterr()
    assert _check(tmp_path) == 1
    out = capsys.readouterr().out
    assert "--- committed/c/gru_torch/float32/gru_f32.c" in out
    assert "+                const float da_n" in out or "1 - n*n" in out
    assert "-int x;" in out


def test_check_wants_a_directory(tmp_path, capsys, files, monkeypatch):
    monkeypatch.setattr("grusym.emit.committed.committed_files", lambda *_: files)
    assert _check(tmp_path / "absent") == 2
    assert "there is no directory" in capsys.readouterr().err


def _check(directory: Path) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(["generate", "--all", "--check", "-o", str(directory)])
    return int(leaving.value.code or 0)
