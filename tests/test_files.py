import os
from pathlib import Path

import pytest

from grusym.errors import InputError
from grusym.files import write_files


def contents(directory: Path) -> dict[str, str]:
    """Every file below `directory`, hidden temporaries included."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes().decode() for path in files}


def test_files_are_written_in_the_order_given_into_a_new_directory(tmp_path):
    directory = tmp_path / "deep" / "out"
    files = {"gru.h": "int x;\n", "c/gru.c": "σ\n", "Makefile": ""}
    paths = write_files(directory, files)
    assert paths == [directory / "gru.h", directory / "c" / "gru.c", directory / "Makefile"]
    assert contents(directory) == files


def test_bytes_are_kept(tmp_path):
    write_files(tmp_path, {"a": "one\ntwo\r\n", "b": b"\x89\r\n"})
    assert (tmp_path / "a").read_bytes() == b"one\ntwo\r\n"
    assert (tmp_path / "b").read_bytes() == b"\x89\r\n"


def test_existing_files_are_replaced_and_others_kept(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "kept").write_text("kept")
    write_files(tmp_path, {"a": "new"})
    assert contents(tmp_path) == {"a": "new", "kept": "kept"}


def test_a_written_file_has_ordinary_permissions(tmp_path):
    (tmp_path / "ordinary").touch()
    [path] = write_files(tmp_path, {"a": ""})
    assert path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_the_output_directory_is_a_file(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError) as caught:
        write_files(tmp_path / "out", {"a": ""})
    out = tmp_path / "out"
    assert str(caught.value) == (
        f"cannot write {out}: {out} is a file, not a directory; choose another output directory"
    )
    assert contents(tmp_path) == {"out": "mine"}


def test_a_parent_of_the_output_directory_is_a_file(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError) as caught:
        write_files(tmp_path / "out" / "c", {"a": ""})
    assert f"{tmp_path / 'out'} is a file, not a directory" in str(caught.value)


def test_a_failed_write_leaves_nothing_behind_and_old_files_as_they_were(tmp_path):
    (tmp_path / "a").write_text("old")
    too_long = "b" * 300
    with pytest.raises(InputError) as caught:
        write_files(tmp_path, {"a": "new", too_long: ""})
    assert f"cannot write {tmp_path / too_long}: " in str(caught.value)
    assert "choose a directory you may write to" in str(caught.value)
    assert contents(tmp_path) == {"a": "old"}


def test_a_failed_rename_removes_the_temporaries(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError) as caught:
        write_files(tmp_path, {"a": "new", "b": ""})
    assert str(caught.value).startswith(f"cannot write {tmp_path / 'a'}: Permission denied; ")
    assert contents(tmp_path) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_directory(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError) as caught:
        write_files(tmp_path / "out", {"a": ""})
    assert f"cannot write {tmp_path / 'out'}: Permission denied; choose a directory" in str(caught.value)


@pytest.mark.parametrize("name", ["../a", "/a", "", "c/../../a"])
def test_a_name_outside_the_directory_is_refused(tmp_path, name):
    with pytest.raises(InputError) as caught:
        write_files(tmp_path / "out", {"fine": "", name: ""})
    assert f"a file named {name!r}" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_directory_in_the_place_of_a_file_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError) as caught:
        write_files(tmp_path, {"a": "", "b": ""})
    assert str(caught.value).startswith(f"cannot write {tmp_path / 'b'}: it is a directory; ")
    assert contents(tmp_path) == {}
