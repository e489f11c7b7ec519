"""The C compiler of this machine: finding it, and making a shared library of C sources with it."""

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grusym.errors import CompilerError, InputError
from grusym.runtime.process import failure, run

CANDIDATES = ("cc", "gcc", "clang")
BASE_FLAGS = ("-std=c99", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-pedantic")
MEND = "install gcc or clang, or set CC to a C compiler"
QUERY_SECONDS = 20.0
COMPILE_SECONDS = 120.0
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class Compiler:
    """A C compiler that has answered `--version`.

    `path` is the program, `arguments` what CC puts behind it (`gcc` in CC="ccache gcc"), `version` the first
    line of its answer.
    """

    path: Path
    arguments: tuple[str, ...]
    version: str

    @property
    def command(self) -> tuple[str, ...]:
        """The words every command of this compiler begins with."""
        return (str(self.path), *self.arguments)

    def macros(self, flags: Iterable[str]) -> str:
        """The macros predefined under `flags`: the compiler's own account of what `-march=native` means here.

        Raises CompilerError if the compiler refuses the flags.
        """
        command = (*self.command, *flags, "-dM", "-E", "-x", "c", os.devnull)
        status, output = run(command, QUERY_SECONDS)
        if status:
            raise failure(command, status, output, "list its predefined macros")
        return output


def find_compiler() -> Compiler:
    """The compiler CC names (split as by a shell: it may carry arguments), else cc, gcc or clang on PATH.

    Raises CompilerError if there is none: a CC that does not work is never passed over for another compiler.
    """
    named = os.environ.get("CC", "")
    if named.strip():
        try:
            words = shlex.split(named)
        except ValueError as error:
            raise CompilerError(f"CC={named!r} cannot be split into words ({error}); {MEND}") from error
        compiler = _ask(words)
        if compiler is None:
            raise CompilerError(f"CC={named!r} is not a program that runs and answers --version; {MEND}")
        return compiler
    for candidate in CANDIDATES:
        compiler = _ask([candidate])
        if compiler is not None:
            return compiler
    looked = ", ".join(CANDIDATES)
    raise CompilerError(f"no C compiler was found (CC is not set, none of {looked} on PATH runs); {MEND}")


def compile_shared(
    sources: Mapping[str, str],
    directory: Path,
    library: str,
    flags: tuple[str, ...] = (),
    *,
    compiler: Compiler | None = None,
    seconds: float = COMPILE_SECONDS,
) -> Path:
    """Compile `sources` to `directory/library` and return that path; it appears complete or not at all.

    `sources` maps file names to text: every `.c` is compiled, the others are there to be included. `flags`
    come after the project's own, so they win where both speak; `-lm` is always linked.

    Raises CompilerError, with the command and the tail of the output, if there is no compiler, it fails, or
    it takes longer than `seconds`; InputError for a name that is not a plain file name, sources without a
    `.c` file, or a directory that cannot be written.
    """
    for name in (*sources, library):
        if not PLAIN_NAME.fullmatch(name):
            raise InputError(f"{name!r} is not a plain file name; use only letters, digits and _ . + -")
    units = sorted(name for name in sources if name.endswith(".c"))
    if not units:
        raise InputError(f"there is no .c file to compile among {sorted(sources)}; add one")
    compiler = compiler or find_compiler()
    # In a directory of its own: `library` may then bear the name of a source.
    made = os.path.join("made", library)
    command = (*compiler.command, *BASE_FLAGS, *units, *flags, "-lm", "-o", os.path.join("..", made))
    try:
        # Beside its destination: os.replace is atomic only within one file system.
        with tempfile.TemporaryDirectory(prefix=".compile-", dir=directory) as scratch:
            (Path(scratch) / "made").mkdir()
            source_directory = Path(scratch) / "sources"
            source_directory.mkdir()
            for name, text in sources.items():
                (source_directory / name).write_text(text, encoding="utf-8", newline="\n")
            # Relative names, run beside the sources: the random directory leaves no trace in the library.
            status, output = run(command, seconds, source_directory)
            if status:
                raise failure(command, status, output, f"compile {', '.join(units)}")
            os.replace(Path(scratch) / made, directory / library)
    except OSError as error:
        mend = "choose a directory that can be written"
        raise InputError(f"{directory / library} cannot be written ({error.strerror}); {mend}") from error
    return directory / library


def _ask(words: list[str]) -> Compiler | None:
    """The compiler `words` call, or None if that is no program or it does not answer `--version`."""
    found = shutil.which(words[0]) if words else None
    if found is None:
        return None
    path = Path(found).absolute()  # a relative CC must survive being run from another directory
    try:
        status, output = run((str(path), *words[1:], "--version"), QUERY_SECONDS)
    except CompilerError:
        return None
    lines = output.splitlines()
    return Compiler(path, tuple(words[1:]), lines[0].strip()) if status == 0 and lines else None
