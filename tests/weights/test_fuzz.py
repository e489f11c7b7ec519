"""Valid files with bytes changed, cut out or put in: they convert, or are refused in a sentence; nothing else."""

import io
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grusym.errors import InputError
from grusym.weights.convert_file import convert_file
from tests.weights.files import FORMATS
from tests.weights.test_hostile import valid

for library in ("onnx", "safetensors", "torch"):
    pytest.importorskip(library)


@cache
def seed_of(suffix: str, folder: Path) -> bytes:
    return valid(folder / f"seed{suffix}")


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[str, float, bytes]]:
    place = st.floats(0, 1, exclude_max=True)
    kind = st.sampled_from(["put", "insert", "cut"])
    return draw(st.lists(st.tuples(kind, place, st.binary(min_size=1, max_size=8)), min_size=1, max_size=4))


def edited(data: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for kind, place, piece in changes:
        at = int(place * len(data))
        end = at + len(piece) if kind != "insert" else at
        data = data[:at] + (b"" if kind == "cut" else piece) + data[end:]
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=edits())
@example(changes=[("put", 0.990234375, b"\x01")])  # an archive that claims to span several disks
def test_a_changed_file_converts_or_is_refused(folder, suffix, changes):
    path, output = folder / f"changed{suffix}", folder / "out.npz"
    path.write_bytes(edited(seed_of(suffix, folder), changes))
    converts_or_is_refused(path, output)


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=edits(), which=st.integers(0, 9))
def test_a_changed_member_of_an_archive_converts_or_is_refused(folder, suffix, changes, which):
    """Checksums are right again, so that what reads the member sees the change."""
    path, output = folder / f"member{suffix}", folder / "out.npz"
    with zipfile.ZipFile(io.BytesIO(seed_of(suffix, folder))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = list(members)[which % len(members)]
    members[chosen] = edited(members[chosen], changes)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    converts_or_is_refused(path, output)


def converts_or_is_refused(path: Path, output: Path) -> None:
    output.unlink(missing_ok=True)
    told = None
    try:
        convert_file(path, output, target="keras", cell="gru")
    except InputError as error:
        told = str(error)
    assert output.exists() is (told is None)
    assert told is None or told.isprintable()
    if told is None:
        with np.load(output) as arrays:
            assert "kernel" in " ".join(arrays)
