"""Cells by name: the built-in ones with their options, and a user's own `.cell` file."""

import importlib
from dataclasses import replace
from functools import cache
from pathlib import Path

from grusym.equations.cell import Cell
from grusym.errors import InputError

BUILT_IN = (
    "gru",
    "lstm",
    "rnn",
    "mgu",
    "mingru",
    "ligru",
    "augru",
    "gru_d",
    "fastgrnn",
    "lngru",
    "convgru",
    "sepconvgru",
)
MAX_FILE_BYTES = 1_000_000


def options_of(name: str) -> dict[str, tuple[str, ...]]:
    """The options of a built-in cell and their values, the default first."""
    return dict(_family(name).OPTIONS)


def describe(name: str) -> str:
    """What a built-in cell is, in a sentence, and who described it first."""
    return " ".join((_family(name).__doc__ or "").split())


def cell(name: str, **options: str) -> Cell:
    """A built-in cell by name and options, in Python's or the command line's spelling, or the cell of a `.cell` file.

    >>> cell("gru", reset="before").spelling
    'gru:reset=before'
    >>> cell("gru:reset=before") == cell("gru", reset="before")
    True

    Raises InputError for an unknown cell, option or value, or an unreadable file; CellError for a malformed text.
    """
    if name.endswith(".cell"):
        if options:
            raise InputError(f"a .cell file takes no options, but {', '.join(options)} was given for {name}")
        return _from_file(Path(name))
    base, _, settings = name.partition(":")
    for setting in filter(None, settings.split(",")):
        key, equals, value = setting.partition("=")
        if not equals or key in options:
            raise InputError(f"cannot read the option {setting!r} in {name!r}; write each once, as in gru:reset=before")
        options[key] = value
    if base not in BUILT_IN:
        raise InputError(
            f"unknown cell {base!r}; built in are {', '.join(BUILT_IN)}, and the path of a .cell file is taken too"
        )
    known = options_of(base)
    for key, value in options.items():
        if key not in known:
            raise InputError(f"{base} has no option {key!r}; it has {', '.join(known)}")
        if value not in known[key]:
            raise InputError(f"{base}: {key}={value} is unknown; {key} is one of {', '.join(known[key])}")
    return _built_in(base, tuple((key, options.get(key, values[0])) for key, values in known.items()))


@cache
def _built_in(name: str, options: tuple[tuple[str, str], ...]) -> Cell:
    family = _family(name)
    parsed = Cell.parse(family.text(**dict(options)), source=name)
    return replace(parsed, options=tuple((k, v) for k, v in options if v != family.OPTIONS[k][0]))


def _family(name: str):  # type: ignore[no-untyped-def]
    return importlib.import_module(f"grusym.equations.cells.{name}")


def _from_file(path: Path) -> Cell:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path} is larger than {MAX_FILE_BYTES} bytes; that is no cell")
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the cell file {path}: {reason}") from error
    return Cell.parse(text, source=str(path))
