"""The cache of compiled libraries: keys, damage, races, and directories that are refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grusym.errors import CompilerError, InputError
from grusym.runtime.cache import cache_directory, cached_library, library_key
from grusym.runtime.compiler import Compiler, find_compiler
from grusym.runtime.load import load

SOURCES = {"gate.c": "int gates(void) { return 3; }\n"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kept" / "cache"
    monkeypatch.setenv("GRUSYM_CACHE", str(path))
    return path


def forbid_compiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the compiler answers --version as before, and compiles nothing."""
    real = find_compiler()
    lazy = tmp_path / "cc"
    lazy.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {real.path} --version\necho compiled again\nexit 1\n')
    lazy.chmod(0o755)
    monkeypatch.setenv("CC", str(lazy))


def test_the_second_time_nothing_is_compiled(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cached_library("gru", SOURCES)
    assert load(first).gates() == 3
    forbid_compiling(tmp_path, monkeypatch)
    assert cached_library("gru", SOURCES) == first
    with pytest.raises(CompilerError, match="compiled again"):
        cached_library("lstm", SOURCES)
    assert list(cache.iterdir()) == [first]


def test_everything_that_decides_the_library_changes_its_key() -> None:
    gcc = Compiler(Path("/usr/bin/gcc"), (), "gcc 12.2")
    keys = [
        library_key("gru", SOURCES, (), gcc),
        library_key("lstm", SOURCES, (), gcc),
        library_key("gru", {"gate.c": "int gates(void) { return 4; }\n"}, (), gcc),
        library_key("gru", {"cell.c": SOURCES["gate.c"]}, (), gcc),
        library_key("gru", SOURCES, ("-O3",), gcc),
        library_key("gru", SOURCES, ("-O3", "-g"), gcc),
        library_key("gru", SOURCES, ("-O3 -g",), gcc),
        library_key("gru", SOURCES, (), Compiler(gcc.path, (), "gcc 13.1")),
        library_key("gru", SOURCES, (), Compiler(gcc.path, ("-O3",), "gcc 12.2")),
    ]
    assert len(set(keys)) == len(keys)
    more = {"a.h": "", **SOURCES}
    assert library_key("gru", more, (), gcc) == library_key("gru", dict(reversed(more.items())), (), gcc)
    assert keys[0] == library_key("gru", SOURCES, (), Compiler(Path("/opt/gcc"), (), "gcc 12.2"))


def test_native_is_keyed_by_what_it_means_on_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "cc"
    keys = set()
    for feature in ("__AVX2__", "__AVX512F__"):
        path.write_text(f"#!/bin/sh\necho '#define {feature} 1'\n")
        path.chmod(0o755)
        keys.add(library_key("gru", SOURCES, ("-march=native",), Compiler(path, (), "gcc 12.2")))
    assert len(keys) == 2


def test_flags_give_another_library(cache: Path) -> None:
    sources = {"gate.c": "int gates(void) { return GATES; }\n"}
    gru = cached_library("k", sources, ("-DGATES=3",))
    lstm = cached_library("k", sources, ("-DGATES=4",))
    assert (load(gru).gates(), load(lstm).gates()) == (3, 4)
    assert sorted(cache.iterdir()) == sorted([gru, lstm])


@pytest.mark.parametrize("damage", ["empty", "cut short", "one bit"])
def test_a_damaged_entry_is_compiled_again(cache: Path, damage: str) -> None:
    # Its own source: a library of the same name that is loaded already would hide the damage.
    sources = {"gate.c": f"int gates(void) {{ return {len(damage)}; }}\n"}
    path = cached_library("gru", sources)
    whole = path.read_bytes()
    path.unlink()
    flipped = whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:]
    path.write_bytes({"empty": b"", "cut short": whole[: len(whole) // 2], "one bit": flipped}[damage])
    assert cached_library("gru", sources) == path
    assert path.read_bytes() == whole
    assert load(path).gates() == len(damage)
    assert list(cache.iterdir()) == [path]


def test_an_entry_that_cannot_be_replaced_is_an_error_and_leaves_nothing(cache: Path) -> None:
    path = cached_library("gru", SOURCES)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r"the cache directory .* cannot be written \(.*\); set GRUSYM_CACHE"):
        cached_library("gru", SOURCES)
    assert list(cache.iterdir()) == [path]


RACE = """
import sys
from grusym.runtime.cache import cached_library
from grusym.runtime.load import load
print("ready", flush=True)
sys.stdin.readline()
path = cached_library("gru", {"gate.c": "int gates(void) { return 3; }\\n" + "/* long */\\n" * 1000})
assert load(path).gates() == 3
print(path)
"""


def test_six_processes_at_once_make_one_valid_library(cache: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = [racer.communicate(timeout=120) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 6, answers
    paths = {Path(said.strip()) for said, _ in answers}
    assert len(paths) == 1
    assert list(cache.iterdir()) == list(paths)


def test_a_failed_compile_leaves_nothing(cache: Path) -> None:
    with pytest.raises(CompilerError, match=r"could not compile gate\.c"):
        cached_library("gru", {"gate.c": "int gates(void) { return }\n"})
    assert list(cache.iterdir()) == []


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRUSYM_CACHE", "relative")
    assert cache_directory() == tmp_path / "relative"
    monkeypatch.setenv("GRUSYM_CACHE", "~/mine")
    assert cache_directory() == tmp_path / "home" / "mine"
    monkeypatch.setenv("GRUSYM_CACHE", "")
    assert cache_directory() == tmp_path / "xdg" / "grusym"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_directory() == tmp_path / "home" / ".cache" / "grusym"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == tmp_path / "home" / ".cache" / "grusym"


def test_the_cache_is_made_for_its_owner_alone(cache: Path) -> None:
    before = os.umask(0)
    try:
        assert cache_directory().stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)


@pytest.mark.parametrize("blocked", ["file", "file/below"])
def test_a_cache_that_cannot_be_made_is_named_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocked: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRUSYM_CACHE", str(tmp_path / blocked))
    with pytest.raises(InputError) as caught:
        cached_library("gru", SOURCES)
    assert str(caught.value).startswith(f"the cache directory {tmp_path / blocked} cannot be made (")
    assert str(caught.value).endswith("; set GRUSYM_CACHE to a directory of your own that can be written")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_cache_that_cannot_be_written_is_named_with_the_mend(cache: Path) -> None:
    cache.mkdir(parents=True, mode=0o500)
    with pytest.raises(InputError, match=r"the cache directory .* cannot be written \(.*\); set GRUSYM_CACHE"):
        cached_library("gru", SOURCES)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_cache_others_may_write_is_not_trusted(cache: Path, mode: int) -> None:
    cached_library("gru", SOURCES)
    cache.chmod(mode)
    with pytest.raises(InputError) as caught:
        cached_library("gru", SOURCES)
    said = str(caught.value)
    assert said.startswith(f"the cache directory {cache} can be written by others (mode {mode:04o}), so no code")
    assert "`chmod go-w`" in said
    assert "GRUSYM_CACHE" in said


def test_a_cache_of_another_owner_is_not_trusted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached_library("gru", SOURCES)
    owner = cache.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(InputError) as caught:
        cached_library("gru", SOURCES)
    said = str(caught.value)
    assert said.startswith(f"the cache directory {cache} belongs to user {owner}, not to user {owner + 1}")
    assert said.endswith("; set GRUSYM_CACHE to a directory of your own that can be written")
