"""Where an implementation is written, and where in it an exception was raised."""

import inspect
import os
from pathlib import Path
from traceback import extract_tb
from typing import Any

from grusym.oracle.report import Location

OURS = Path(__file__).parent


def location_of(target: Any) -> Location | None:
    """The file and the line where a function or a class is defined; None where Python does not know."""
    try:
        unwrapped = inspect.unwrap(target)
        path = inspect.getsourcefile(unwrapped)
        _, line = inspect.getsourcelines(unwrapped)
    except (TypeError, OSError, ValueError):
        return None
    return None if path is None else Location(_shown(path), max(line, 1))


def raised_at(error: BaseException) -> str:
    """In brackets, the innermost line that is neither ours nor an installed package's; empty where there is none."""
    for frame in reversed(extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if frame.filename.startswith("<") or path.is_relative_to(OURS) or "site-packages" in path.parts:
            continue
        return f" ({_shown(frame.filename)}, line {frame.lineno})"
    return ""


def words_of(error: BaseException) -> str:
    """What was raised, with its message if it has one, and where."""
    said = f": {error}" if str(error) else ""
    return f"{type(error).__name__}{said}{raised_at(error)}"


def _shown(path: str) -> str:
    """Relative where the file is below the working directory, with forward slashes."""
    below = os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path
    return Path(below).as_posix()
