"""Finding a C compiler, and compiling with it."""

import os
import shlex
import shutil
import time
from ctypes import c_double
from pathlib import Path

import pytest

from grusym.errors import CompilerError, InputError
from grusym.runtime.compiler import compile_shared, find_compiler
from grusym.runtime.load import load

SOURCES = {
    "gate.h": "double update(double z, double n, double h);\n",
    "gate.c": """#include "gate.h"
double update(double z, double n, double h) { return (1 - z) * n + z * h; }
""",
}


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_cc_gcc_and_clang_are_looked_for_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("clang", "gcc", "cc"):
        script(tmp_path / name, f"echo '{name} 1.2'; echo more")
        compiler = find_compiler()
        assert (compiler.path, compiler.arguments, compiler.version) == (tmp_path / name, (), f"{name} 1.2")
    script(tmp_path / "cc", "echo 'cc needs a licence'; exit 1")
    assert find_compiler().path == tmp_path / "gcc"


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_no_compiler_says_what_was_looked_for_and_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: str | None
) -> None:
    if empty is None:
        monkeypatch.delenv("CC", raising=False)
    else:
        monkeypatch.setenv("CC", empty)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerError) as caught:
        compile_shared(SOURCES, tmp_path, "gate.so")
    assert str(caught.value) == (
        "no C compiler was found (CC is not set, none of cc, gcc, clang on PATH runs);"
        " install gcc or clang, or set CC to a C compiler"
    )
    assert list(tmp_path.iterdir()) == []


def test_cc_with_arguments_and_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    wrapper = script(folder / "wrap", f'echo "$@" >> {shlex.quote(str(tmp_path / "calls"))}; exec "$@"')
    real = find_compiler()
    monkeypatch.setenv("CC", f"{shlex.quote(wrapper)} {shlex.quote(str(real.path))} -DPEEPHOLE")
    compiler = find_compiler()
    assert compiler.path == Path(wrapper)
    assert compiler.arguments == (str(real.path), "-DPEEPHOLE")
    assert compiler.version == real.version
    sources = {"gate.c": "#ifndef PEEPHOLE\n#error arguments of CC are lost\n#endif\nint one(void) { return 1; }\n"}
    assert load(compile_shared(sources, tmp_path, "gate.so")).one() == 1
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0] == f"{real.path} -DPEEPHOLE --version"
    assert calls[-1].startswith(f"{real.path} -DPEEPHOLE -std=c99 ")


def test_a_relative_cc_works_though_it_runs_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "mycc", f'exec {find_compiler().path} "$@"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CC", "./mycc")
    assert compile_shared(SOURCES, tmp_path, "gate.so").is_file()


@pytest.mark.parametrize("named", ["no-such-compiler-4711 -O3", "false", "''"])
def test_a_cc_that_does_not_work_is_not_passed_over(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("CC", named)
    with pytest.raises(CompilerError) as caught:
        find_compiler()
    assert str(caught.value) == (
        f"CC={named!r} is not a program that runs and answers --version;"
        " install gcc or clang, or set CC to a C compiler"
    )


def test_a_cc_with_an_open_quote_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "gcc '-DX")
    with pytest.raises(CompilerError, match=r"CC=\"gcc '-DX\" cannot be split into words \(No closing quotation\)"):
        find_compiler()


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_what_is_compiled_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("CC", name)
    path = compile_shared(SOURCES, tmp_path, "gate.so")
    assert path == tmp_path / "gate.so"
    assert list(tmp_path.iterdir()) == [path]
    library = load(path)
    library.update.restype, library.update.argtypes = c_double, [c_double] * 3
    assert library.update(0.25, 2.0, 4.0) == 2.5
    # The random directory it was made in is not in it: the same sources give the same bytes.
    assert path.read_bytes() == compile_shared(SOURCES, tmp_path, "again.so").read_bytes()


def test_a_flag_overrides_the_projects_own(tmp_path: Path) -> None:
    sources = {"gate.c": "int level(void) {\n#ifdef __OPTIMIZE__\nreturn 1;\n#else\nreturn 0;\n#endif\n}\n"}
    assert load(compile_shared(sources, tmp_path, "fast.so")).level() == 1
    assert load(compile_shared(sources, tmp_path, "slow.so", ("-O0",))).level() == 0


def test_the_mathematical_library_is_linked(tmp_path: Path) -> None:
    sources = {"gate.c": "#include <math.h>\nint rounded(int x) { return (int)(1e3 * tanh(x)); }\n"}
    # Without the linker's flag a missing -lm would go unseen: Python has the mathematical library loaded.
    strict = ("-fno-builtin", "-Wl,-z,defs")
    assert load(compile_shared(sources, tmp_path, "gate.so", strict)).rounded(1) == 761


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("int f(void) { return h; }\n", "gate.c:1:22: error:"),
        ("int f(int unused) { return 1; }\n", "gate.c:1:11: error:"),  # only a warning without -Werror
        ("int f(int I) { int a[I > 0 ? I : 1]; return (int)sizeof a, I + 0b1; }\n", "gate.c:1:"),  # -pedantic
    ],
)
def test_a_failing_compile_names_the_first_error_and_leaves_nothing(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CompilerError) as caught:
        compile_shared({"gate.c": text}, tmp_path, "gate.so")
    error = caught.value
    sentence = str(error).splitlines()[0]
    assert sentence.startswith(f"the C compiler {find_compiler().path} could not compile gate.c (exit status 1): ")
    assert said in sentence
    assert said in error.output
    assert error.command[:2] == (str(find_compiler().path), "-std=c99")
    assert "gate.c" in error.command
    assert list(tmp_path.iterdir()) == []


def test_a_failing_compile_keeps_the_library_that_was_there(tmp_path: Path) -> None:
    before = compile_shared(SOURCES, tmp_path, "gate.so").read_bytes()
    with pytest.raises(CompilerError, match="could not compile"):
        compile_shared({"gate.c": "int f(void) { return h; }\n"}, tmp_path, "gate.so")
    assert (tmp_path / "gate.so").read_bytes() == before


def test_a_hanging_compiler_is_killed_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = tmp_path / "pids"
    answer = 'if [ "$1" = --version ]; then echo slow 1; exit; fi'
    hang = f"sleep 300 & echo $! > {shlex.quote(str(pids))}; wait"
    monkeypatch.setenv("CC", script(tmp_path / "slowcc", f"{answer}\n{hang}"))
    made = tmp_path / "made"
    made.mkdir()
    start = time.monotonic()
    with pytest.raises(CompilerError, match=r"slowcc had not ended after 1 s and was stopped; set CC to another one"):
        compile_shared(SOURCES, made, "gate.so", seconds=1.0)
    assert time.monotonic() - start < 30
    assert list(made.iterdir()) == []
    child = int(pids.read_text())
    for _ in range(100):
        if not running(child):
            break
        time.sleep(0.05)
    assert not running(child)


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")  # a zombie nobody has waited for yet no longer runs
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_compiler_killed_by_a_signal_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'if [ "$1" = --version ]; then echo frail 1; exit; fi\nkill -9 $$'
    monkeypatch.setenv("CC", script(tmp_path / "frailcc", text))
    with pytest.raises(CompilerError, match=r"could not compile gate\.c \(killed by signal 9\): it said nothing"):
        compile_shared(SOURCES, tmp_path, "gate.so")


@pytest.mark.parametrize("name", ["../gate.c", "/tmp/gate.c", "", "-o.c", "a b.c", ".."])
def test_names_that_are_not_plain_file_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_shared({name: ""}, tmp_path, "gate.so")
    assert str(caught.value).startswith(f"{name!r} is not a plain file name; use only")
    with pytest.raises(InputError, match="is not a plain file name"):
        compile_shared(SOURCES, tmp_path, name)


def test_sources_without_a_unit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no \.c file to compile among \['gate\.h'\]; add one"):
        compile_shared({"gate.h": ""}, tmp_path, "gate.so")


@pytest.mark.parametrize("blocked", ["absent", "file/below"])
def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path, blocked: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        compile_shared(SOURCES, tmp_path / blocked, "gate.so")
    assert str(caught.value).startswith(f"{tmp_path / blocked / 'gate.so'} cannot be written (")
    assert str(caught.value).endswith("; choose a directory that can be written")


def test_what_is_no_library_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "gate.so").write_text("not a library")
    with pytest.raises(CompilerError, match=r"gate\.so cannot be loaded \(.*\); see that CC builds for this machine"):
        load(tmp_path / "gate.so")
    # A bare name is a file here, never one the system's loader finds elsewhere.
    with pytest.raises(CompilerError, match="cannot be loaded"):
        load(Path("libm.so.6"))
