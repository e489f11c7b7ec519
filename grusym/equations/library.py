"""Cells by name: the built-in ones with their options, and a user's own `.cell` file."""

import importlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from types import ModuleType

from grusym.equations.cell import Cell
from grusym.equations.transformations import TRANSFORMATIONS, transformed
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
FILE = ".cell"


def options_of(name: str) -> dict[str, tuple[str, ...]]:
    """The options of a built-in cell and their values, the default first; those of every cell are `TRANSFORMATIONS`."""
    return dict(_family(name).OPTIONS)


def settings_of(cell: Cell) -> dict[str, str]:
    """Every option of a built-in cell with its value, the defaults included; those of every cell where they are set."""
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

    Options of every cell are those of `TRANSFORMATIONS`: gru:mask=zero, my.cell:zoneout=train.

    Raises InputError for an unknown cell, option or value, or an unreadable file; CellError for a malformed text.
    """
    if is_file(name):
        path, options = _settings(name, name.rindex(FILE) + len(FILE), options)
        own = [key for key in options if key not in TRANSFORMATIONS]
        if own:
            raise InputError(
                f"a .cell file takes no options but {' and '.join(TRANSFORMATIONS)}, and {', '.join(own)} was given "
                f"for {path}"
            )
        return transformed(_from_file(Path(path)), options)
    base, options = spelt_out(name, **options)
    known = options_of(base)
    for key, value in options.items():
        if key not in known and key not in TRANSFORMATIONS:
            every = " and ".join(TRANSFORMATIONS)
            raise InputError(f"{base} has no option {key!r}; it has {', '.join(known)}, and as every cell {every}")
        if key in known and value not in known[key]:
            raise InputError(f"{base}: {key}={value} is unknown; {key} is one of {', '.join(known[key])}")
    plain = _built_in(base, tuple((key, options.get(key, values[0])) for key, values in known.items()))
    return transformed(plain, options)


def is_file(spelling: str) -> bool:
    """Whether a spelling names the file of a cell, with options or without.

    >>> is_file("my.cell"), is_file("my.cell:mask=zero"), is_file("gru:mask=zero")
    (True, True, False)
    """
    return spelling.endswith(FILE) or f"{FILE}:" in spelling


def spelt_out(name: str, **options: str) -> tuple[str, dict[str, str]]:
    """The name of a built-in cell and the options given, in Python's or the command line's spelling or both.

    >>> spelt_out("gru:reset=before", update="write")
    ('gru', {'update': 'write', 'reset': 'before'})

    Raises InputError for an unknown cell or an unreadable option; names and values of options are not looked at.
    """
    base, options = _settings(name, len(name.partition(":")[0]), options)
    if base not in BUILT_IN:
        raise InputError(
            f"unknown cell {base!r}; built in are {', '.join(BUILT_IN)}, and the path of a .cell file is taken too"
        )
    return base, options


def _settings(spelling: str, colon: int, options: dict[str, str]) -> tuple[str, dict[str, str]]:
    """What stands before the colon, and the options behind it together with those given."""
    found = dict(options)
    for setting in filter(None, spelling[colon + 1 :].split(",")):
        key, equals, value = setting.partition("=")
        if not equals or key in found:
            raise InputError(
                f"cannot read the option {setting!r} in {spelling!r}; write each once, as in gru:reset=before"
            )
        found[key] = value
    return spelling[:colon], found


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
