"""Where an implementation is written, and where in it an exception was raised."""

import inspect
import os
from pathlib import Path
from traceback import extract_tb
from typing import Any

from grusym.oracle.report import Location

OURS = Path(__file__).parent
PYTHONS = Path(os.__file__).parent


def location_of(target: Any) -> Location | None:
    """The file and the line where a function or a class is defined; None where Python does not know."""
    try:
        unwrapped = inspect.unwrap(target)
        path = inspect.getsourcefile(unwrapped)
        _, line = inspect.getsourcelines(unwrapped)
    except (TypeError, OSError, ValueError):
        return None
    return None if path is None else Location(_shown(path), max(line, 1))


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
        foreign = path.is_relative_to(OURS) or path.is_relative_to(PYTHONS) or "site-packages" in path.parts
        if foreign or frame.filename.startswith("<"):
            continue
        return f" ({_shown(frame.filename)}, line {frame.lineno})"
    return ""


def _shown(path: str) -> str:
    """Relative where the file is below the working directory, with forward slashes."""
    below = os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path
    return Path(below).as_posix()
