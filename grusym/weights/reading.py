"""Opening a file that nobody vouches for: what it is, whether the library for it is there, and one sentence if not."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from grusym.errors import GrusymError, InputError

LONGEST_REASON = 200  # characters of a library's message that are repeated


def size_of(path: Path) -> int:
    """The bytes in a file. Raises InputError where there is none, or what is there is no file."""
    try:
        kind = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if S_ISDIR(kind.st_mode):
        raise InputError(f"cannot read {path}: it is a directory; pass the path of a file")
    if not S_ISREG(kind.st_mode):  # reading it might never end
        raise InputError(f"cannot read {path}: it is a device or a pipe; pass the path of a file")
    if not kind.st_size:
        raise InputError(f"cannot read {path}: it is empty; write it anew")
    return kind.st_size


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """What a library raises on bytes it cannot read becomes an InputError that says which file is broken, and why."""
    try:
        yield
    except GrusymError:
        raise
    # Libraries raise whatever their parser trips over: struct.error, KeyError, RecursionError, MemoryError.
    except Exception as error:
        text = str(error).strip().split("\n", 1)[0].rstrip(" .;:") or type(error).__name__
        reason = text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}..."
        raise InputError(f"cannot read {path} as {kind}: {reason}; write the file anew") from error


def printable(text: str) -> str:
    """A text whose control characters are written out: names in a file may hold whatever a terminal obeys.

    >>> printable("weight\\n\\x1b[2J")
    'weight\\\\n\\\\x1b[2J'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def need(module: str, package: str, extra: str) -> Any:
    """Import a library that only files of one kind need. Raises InputError, with the mend, where it is not there."""
    try:
        return import_module(module)
    except ImportError as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(f"this needs {package}, but {reason}; run pip install 'grusym[{extra}]'") from error
