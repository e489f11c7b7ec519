"""Cells by name: the built-in ones with their options, and a user's own `.cell` file."""

import importlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from types import ModuleType

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
    "coordconvgru",
)
MAX_FILE_BYTES = 1_000_000


def options_of(name: str) -> dict[str, tuple[str, ...]]:
    """The options of a built-in cell and their values, the default first."""
    return dict(_family(name).OPTIONS)


def settings_of(cell: Cell) -> dict[str, str]:
    """Every option of a built-in cell with its value, the defaults included."""
    return {key: values[0] for key, values in options_of(cell.name).items()} | dict(cell.options)


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
    base, options = spelt_out(name, **options)
    known = options_of(base)
    for key, value in options.items():
        if key not in known:
            raise InputError(f"{base} has no option {key!r}; it has {', '.join(known)}")
        if value not in known[key]:
            raise InputError(f"{base}: {key}={value} is unknown; {key} is one of {', '.join(known[key])}")
    return _built_in(base, tuple((key, options.get(key, values[0])) for key, values in known.items()))


def spelt_out(name: str, **options: str) -> tuple[str, dict[str, str]]:
    """The name of a built-in cell and the options given, in Python's or the command line's spelling or both.

    >>> spelt_out("gru:reset=before", update="write")
    ('gru', {'update': 'write', 'reset': 'before'})

    Raises InputError for an unknown cell or an unreadable option; names and values of options are not looked at.
    """
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
    return base, options


def as_cell(given: Cell | str) -> Cell:
    """A cell as it is, or the one of this spelling. Raises InputError for anything else, and what `cell` raises."""
    found = cell(given) if isinstance(given, str) else given
    if not isinstance(found, Cell):
        raise InputError(f"the cell is a {type(found).__name__}; pass a Cell, or its spelling on the command line")
    return found


@cache
def _built_in(name: str, options: tuple[tuple[str, str], ...]) -> Cell:
    family = _family(name)
    parsed = Cell.parse(family.text(**dict(options)), source=name)
    return replace(parsed, options=tuple((k, v) for k, v in options if v != family.OPTIONS[k][0]))


def _family(name: str) -> ModuleType:
    return importlib.import_module(f"grusym.equations.cells.{name}")


def _from_file(path: Path) -> Cell:
    try:
        kind = path.stat()
        if not (S_ISREG(kind.st_mode) or S_ISDIR(kind.st_mode)):  # reading it might never end
            raise InputError(f"{path} is a device or a pipe; pass the path of a file")
        if kind.st_size > MAX_FILE_BYTES:
            raise InputError(f"{path} is larger than {MAX_FILE_BYTES} bytes; that is no cell")
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the cell file {path}: {reason}") from error
    return Cell.parse(text, source=str(path))
