"""Where an implementation is written, and where in it an exception was raised."""

import inspect
import os
import sysconfig
from pathlib import Path
from traceback import extract_tb
from typing import Any

from grusym.oracle.report import Location

OURS = Path(__file__).parent


def location_of(target: Any) -> Location | None:
    """Where a function or a class is defined, what it is called there; without a file where Python knows none.

    >>> location_of(sum).name, location_of(Location).name
    ('builtins.sum', 'grusym.oracle.report.Location')
    """
    try:
        unwrapped = inspect.unwrap(target)
    except ValueError:  # wrapped around itself
        return None
    name = getattr(unwrapped, "__qualname__", type(unwrapped).__qualname__)
    module = getattr(unwrapped, "__module__", "") or ""
    full, kind = f"{module}.{name}".removeprefix("."), "type" if inspect.isclass(unwrapped) else "function"
    try:
        path = inspect.getsourcefile(unwrapped)
        _, line = inspect.getsourcelines(unwrapped)
    except (TypeError, OSError):
        path, line = None, 0
    if path is None:
        return Location("", 0, full, kind, installed=True)
    return Location(_shown(path), max(line, 1), full, kind, _is_installed(Path(path)))


def _is_installed(path: Path) -> bool:
    """Whether a file is one of a package or of Python's own library."""
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    return path.is_relative_to(Path(sysconfig.get_path("stdlib")))


def file_of(path: str, name: str, kind: str) -> Location:
    """What is called `name` in a file without lines."""
    return Location(_shown(str(Path(path).resolve())), 0, name, kind)


def error_in_words(error: BaseException) -> str:
    """What kind of error it is and what it says, in one line.

    >>> error_in_words(ValueError("no\\nway")), error_in_words(AssertionError())
    ('ValueError: no way', 'AssertionError')
    """
    said = " ".join(str(error).split())
    return f"{type(error).__name__}{f': {said}' if said else ''}"


def raised_at(error: BaseException) -> str:
    """In brackets, the innermost line that is neither ours nor Python's or a package's; empty where there is none."""
    for frame in reversed(extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(OURS) or _is_installed(path) or frame.filename.startswith("<"):
            continue
        return f" ({_shown(frame.filename)}, line {frame.lineno})"
    return ""


def words_of(error: BaseException) -> str:
    """What kind of error it is, what it says, and where it was raised."""
    return f"{error_in_words(error)}{raised_at(error)}"


def _shown(path: str) -> str:
    """Relative where the file is below the working directory, with forward slashes."""
    below = os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path
    return Path(below).as_posix()
