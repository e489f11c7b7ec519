"""Which of an implementation's arrays are which of a convention's, if their names differ: by shape, and by answers.

Of several arrays of one shape each is told by what it does: it alone is random while all others of a shape are one
constant, so that it does not matter yet which of them is which, and the answers say whose place it has.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import numpy as np

from grusym.conventions.packing import Layout, numbers
from grusym.oracle.case import Case

Shapes = Mapping[str, tuple[int, ...]]
Fits = Callable[[Case, Mapping[str, str]], bool]
MOST_BLOCKS = 8  # side by side along an axis of an array


def sizes_of(layout: Layout, own: Shapes) -> Iterator[dict[str, int]]:
    """The sizes at which a convention's arrays have the shapes of these, whichever is which."""
    wanted = sorted(map(_without_units, own.values()))
    if len(layout.arrays) != len(wanted):
        return
    extents = {extent for shape in wanted for extent in shape} | {1}
    choices = sorted({extent // blocks for extent in extents for blocks in range(1, MOST_BLOCKS + 1)} - {0})
    names = sorted({symbol.name for _, shape in layout.arrays for extent in shape for symbol in extent.free_symbols})
    total = sum(map(prod, wanted))
    for values in product(choices, repeat=len(names)):
        sizes = dict(zip(names, values, strict=True))
        shapes = [numbers(shape, sizes) for _, shape in layout.arrays]
        if sum(map(prod, shapes)) == total and sorted(map(_without_units, shapes)) == wanted:
            yield sizes


def assigned(own: Shapes, case: Case, fits: Fits) -> dict[str, str] | None:
    """The names of an implementation's arrays by those of the case's convention; None where none fits.

    `fits` says whether the implementation answers a case rightly where its arrays are given out like this.
    """
    keys, names = _by_shape({key: array.shape for key, array in case.params().items()}), _by_shape(own)
    if {shape: len(group) for shape, group in keys.items()} != {shape: len(group) for shape, group in names.items()}:
        return None
    start = {key: name for shape, group in keys.items() for key, name in zip(group, names[shape], strict=True)}
    found: dict[str, str] = {}
    for shape, group in keys.items():
        able = dict.fromkeys(group, names[shape])
        if len(group) > 1:
            able = {
                key: [name for name in names[shape] if fits(_lit(case, key), _exchanged(start, key, name))]
                for key in group
            }
        pairs = _paired(group, able)
        if pairs is None:
            return None
        found |= pairs
    return found if fits(case, found) else None


def _lit(case: Case, key: str) -> Case:
    """The case with one array as it is, and constants, one for each shape, in all others."""
    packed = case.params()
    groups = list(_by_shape({name: array.shape for name, array in packed.items()}).values())
    for number, group in enumerate(groups):
        constant = 0.25 / (1 + number)
        packed |= {name: np.full_like(packed[name], constant) for name in group if name != key}
    arrays = case.layout.by_name(packed)
    tensors = {name: np.array(view, np.float64) for name, view in case.layout.unpack(arrays, case.sizes).items()}
    return replace(case, tensors=tensors)


def _exchanged(start: Mapping[str, str], key: str, name: str) -> dict[str, str]:
    """An assignment in which a key has this name, and its own goes to whose that was."""
    other = next(one for one, known in start.items() if known == name)
    return {**start, other: start[key], key: name}


def _paired(keys: list[str], able: Mapping[str, list[str]]) -> dict[str, str] | None:
    """Each key with a name of its own; where several are able to, the first."""
    if not keys:
        return {}
    for name in able[keys[0]]:
        left = {key: [one for one in able[key] if one != name] for key in keys[1:]}
        rest = _paired(keys[1:], left)
        if rest is not None:
            return {keys[0]: name, **rest}
    return None


def _by_shape(shapes: Mapping[str, Any]) -> dict[tuple[int, ...], list[str]]:
    found: dict[tuple[int, ...], list[str]] = {}
    for name, shape in shapes.items():
        found.setdefault(_without_units(shape), []).append(name)
    return found


def _without_units(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(extent for extent in shape if extent != 1)
