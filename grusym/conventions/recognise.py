"""Which systems' parameters these may be, told by names and shapes alone."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from grusym.conventions.fitting import sizes_of, wrong_shapes
from grusym.conventions.library import CONVENTIONS, convention_by_name, layout_of
from grusym.conventions.stacking import Stack, names_of, split
from grusym.equations.cell import Cell
from grusym.equations.library import BUILT_IN, options_of, settings_of, spelt_out
from grusym.equations.library import cell as cell_by_name
from grusym.errors import InputError


@dataclass(frozen=True)
class Reading:
    """Arrays whose names begin with `prefix`, read as those of `cell` in `convention`; `names` are those that belong.

    `misfit` says what is wrong with their shapes; without one, `stack` holds them by layer and direction.
    """

    prefix: str
    convention: str
    cell: str
    names: tuple[str, ...]
    stack: Stack | None = None
    misfit: str = ""


def readings(params: Mapping[str, Any], convention: str | None = None, cell: str | None = None) -> list[Reading]:
    """Every way to read the recurrent modules among these arrays, the modules in the order of their first array.

    A module is what begins with the same prefix, up to a dot or a slash, and has the names of a convention after it.
    Of arrays only the shapes are looked at. `convention` and `cell` restrict what is tried. Raises InputError for
    unknown ones.

    >>> import numpy as np
    >>> model = {"rnn.weight_ih_l0": np.ones((6, 3)), "rnn.weight_hh_l0": np.ones((6, 2)), "fc.weight": np.ones((1, 2))}
    >>> [(found.prefix, found.convention, found.cell) for found in readings(model) if found.stack]
    [('rnn.', 'torch', 'gru:biases=none')]
    """
    family, given = spelt_out(cell) if cell else (None, {})
    if cell:
        cell_by_name(cell)  # refuses options that it has not
    names = [convention] if convention else ["own", *(name for name, record in CONVENTIONS.items() if not record.flat)]
    found: list[Reading] = []
    for name in names:
        for kind in [family] if family else _families(name):
            if not any(isinstance(key, str) and _ending(name, kind)(key) for key in params):
                continue
            cells = [c for c in every_cell(name, kind) if settings_of(c).items() >= given.items()]
            for prefix, keys in _modules(params, name, cells).items():
                found.extend(_read(prefix, {key: params[prefix + key] for key in keys}, name, cells))
    order = {key: number for number, key in enumerate(params)}
    return sorted(found, key=lambda reading: order[reading.names[0]])


def every_cell(convention: str, family: str) -> list[Cell]:
    """The cells of a family that a system may mean, its defaults first; an option that it leaves open has any value."""
    forms = [{}] if convention == "own" else [f.options for f in convention_by_name(convention).forms.get(family, ())]
    known = options_of(family)
    chosen = [values for form in forms for values in product(*({**known, **form}).values())]
    return list(
        {c.spelling: c for c in (cell_by_name(family, **dict(zip(known, v, strict=True))) for v in chosen)}.values()
    )


def _families(convention: str) -> Iterable[str]:
    return BUILT_IN if convention == "own" else convention_by_name(convention).forms


@cache
def _ending(convention: str, family: str) -> Any:
    """Whether a name ends with one of the system's arrays: cheap, as the cells of all options need not be read."""
    return _after_prefix(names_of(convention, family)).search


def _after_prefix(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Found in a name, the pattern after the shortest prefix that leaves it."""
    return re.compile(rf"(?:^|(?<=[./]))(?:{pattern.pattern})\Z")


def _modules(params: Iterable[Any], convention: str, cells: Iterable[Cell]) -> dict[str, list[str]]:
    """What stands after a prefix, by prefix."""
    patterns = list({(p := names_of(convention, c.spelling)).pattern: _after_prefix(p) for c in cells}.values())
    found: dict[str, list[str]] = {}
    for name in params:
        if not isinstance(name, str):
            continue
        starts = [match.start() for pattern in patterns if (match := pattern.search(name))]
        if starts:
            found.setdefault(name[: min(starts)], []).append(name[min(starts) :])
    return found


def _read(prefix: str, params: Mapping[str, Any], convention: str, cells: Iterable[Cell]) -> Iterator[Reading]:
    """Every cell that these arrays fit, or the first that their names fit and their shapes do not."""
    misfits: list[Reading] = []
    names = tuple(prefix + key for key in params)
    fitting = False
    for cell in cells:
        try:
            stack = split(params, convention, cell.spelling)
        except InputError as error:
            misfits.append(Reading(prefix, convention, cell.spelling, names, misfit=str(error)))
            continue
        wrong = [w for ways in stack.layers for arrays in ways if (w := _misfit(cell, convention, arrays))]
        if wrong:
            misfits.append(Reading(prefix, convention, cell.spelling, names, misfit=wrong[0]))
        else:
            fitting = True
            yield Reading(prefix, convention, cell.spelling, names, stack)
    if not fitting:
        yield from sorted(misfits, key=lambda reading: _is_about_names(reading.misfit))[:1]


def _misfit(cell: Cell, convention: str, arrays: Mapping[str, Any]) -> str:
    """Why arrays are not the parameters of a cell; nothing where they are."""
    layout = layout_of(cell, convention)
    return "" if sizes_of(layout, arrays) is not None else wrong_shapes(layout, arrays)


def _is_about_names(misfit: str) -> bool:
    return misfit.startswith("it has ") or " is no array of " in misfit
