"""Several layers and both directions: how a system names their arrays, and which it puts into one array.

Each layer and direction has a cell's parameters of its own, named and packed as the convention's record says. Around
that, the record's `Naming` has the names of the arrays of a stack, and in a pattern of axes `d` is an axis that counts
directions, `l` one that counts layers (conventions/blocks.py).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from grusym.conventions.blocks import Packed
from grusym.conventions.library import cell_in, convention_by_name
from grusym.conventions.record import Naming
from grusym.equations.cell import Cell
from grusym.equations.library import spelt_out
from grusym.errors import InputError

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Stack:
    """The arrays of every layer and direction: `layers[n]` holds those of layer n, forward, and reverse if it is there.

    Each is a dict by the names that the convention has for a single cell. `numbered` says that the names of the stack
    bear the number of the layer also where there is a single one.
    """

    layers: tuple[tuple[Arrays, ...], ...]
    numbered: bool = False

    @property
    def directions(self) -> int:
        return len(self.layers[0])


def split(params: Mapping[str, Any], convention: str, cell: Cell | str = "gru") -> Stack:
    """The parameters of a stack, named as a system names them, by layer and direction.

    >>> import numpy as np
    >>> params = {f"weight_{part}_l0{way}": np.ones((6, 2)) for part in ("ih", "hh") for way in ("", "_reverse")}
    >>> split(params, "torch").layers[0][1].keys()
    dict_keys(['weight_ih', 'weight_hh'])

    Raises InputError for a name that is none of the convention's, and where a layer or a direction is missing.
    """
    packed, naming = _packed(convention, cell), naming_of(convention)
    found: dict[tuple[int, int], Arrays] = {}
    numbered = not all(key in packed for key in params)
    for key, array in params.items():
        layer, way, name = _read(key, packed, naming, convention) if numbered else (0, 0, key)
        for (below, beside), part in _cut(key, array, packed[name]).items():
            found.setdefault((layer + below, way + beside), {})[name] = part
    return Stack(_complete(found, convention), numbered)


def join(stack: Stack, convention: str, cell: Cell | str = "gru") -> Arrays:
    """The parameters of a stack, named and put together as a system has them.

    >>> import numpy as np
    >>> one = {"W": np.ones((1, 6, 2)), "R": np.ones((1, 6, 2))}
    >>> {name: array.shape for name, array in join(Stack(((one, one),)), "onnx").items()}
    {'W': (2, 6, 2), 'R': (2, 6, 2)}

    Raises InputError where layers of different shapes would have to stand in one array.
    """
    packed, naming = _packed(convention, cell), naming_of(convention)
    parts: dict[str, dict[tuple[int, int], tuple[str, Any]]] = {}
    alone = len(stack.layers) == 1 and not stack.numbered
    for layer, ways in enumerate(stack.layers):
        for way, arrays in enumerate(ways):
            for name, array in arrays.items():
                beside, below = packed[name].axis_of("d") is not None, packed[name].axis_of("l") is not None
                plain = (alone or below) and (stack.directions == 1 or beside)
                key = name if plain else naming.key(name, layer, way)
                parts.setdefault(key, {})[layer, way] = (name, array)
    return {key: _joined(key, placed, packed) for key, placed in parts.items()}


def naming_of(convention: str) -> Naming:
    """How a system names the arrays of a stack."""
    return Naming() if convention == "own" else convention_by_name(convention).naming


def names_of(convention: str, cell: str = "gru") -> re.Pattern[str]:
    """A pattern of what a system calls the arrays of a cell, alone or in a stack.

    >>> [bool(names_of("torch").fullmatch(name)) for name in ("weight_ih", "weight_ih_l0_reverse", "weight_io")]
    [True, True, False]
    """
    packed = _packed(convention, cell)
    return re.compile(f"{_pattern(packed, naming_of(convention))}|{_any_of(packed)}")


def _packed(convention: str, spelling: Cell | str) -> dict[str, Packed]:
    """The arrays that a cell may have under a convention, in any of its forms, by name."""
    if convention == "own":
        return {tensor.name: Packed(tensor.name, (tensor.name,)) for tensor in cell_in(spelling).parameters}
    family = spelling.name if isinstance(spelling, Cell) else spelt_out(spelling)[0]
    forms = convention_by_name(convention).forms.get(family, ())
    return {packed.name: packed for form in forms for packed in form.arrays}


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words)))


def _pattern(packed: Mapping[str, Packed], naming: Naming) -> str:
    """The names of the arrays of a stack, as a regular expression."""
    escaped = re.escape(naming.pattern)
    for field, choice in (
        ("layer", "0|[1-9][0-9]{0,3}"),  # one spelling per number, or two arrays would have one place
        ("way", _any_of(naming.ways)),
        ("name", _any_of(packed)),
    ):
        escaped = escaped.replace(re.escape(f"{{{field}}}"), f"(?P<{field}>{choice})")
    return escaped


def _read(key: str, packed: Mapping[str, Packed], naming: Naming, convention: str) -> tuple[int, int, str]:
    """Layer, direction and name of an array of a stack, from what it is called there."""
    match = re.fullmatch(_pattern(packed, naming), key)
    if match is None:
        names = ", ".join(naming.key(name, 0, 0) for name in packed)
        raise InputError(f"{key} is no array of convention {convention}; a first layer there has {names}")
    given = match.groupdict()
    return int(given["layer"]), naming.ways.index(given["way"]) if "way" in given else 0, given["name"]


def _cut(key: str, array: Any, packed: Packed) -> dict[tuple[int, int], Any]:
    """The parts of an array along its axes of layers and directions, each of extent 1 there.

    What has not as many axes as the pattern stays whole: who compares shapes says what is wanted.
    """
    if packed.rank not in (None, array.ndim):
        return {(0, 0): array}
    axes = packed.axis_of("l"), packed.axis_of("d")
    counts = [1 if axis is None else array.shape[axis] for axis in axes]
    if counts[1] not in (1, 2):
        raise InputError(f"{key} has shape {array.shape}, with {counts[1]} directions; there are 1 or 2")
    if not counts[0]:
        raise InputError(f"{key} has shape {array.shape}, with no layer in it")
    parts = {}
    for place in ((layer, way) for layer in range(counts[0]) for way in range(counts[1])):
        where = [slice(None)] * array.ndim
        for axis, count, number in zip(axes, counts, place, strict=True):
            if axis is not None and count > 1:
                where[axis] = slice(number, number + 1)
        parts[place] = array[tuple(where)]
    return parts


def _complete(found: Mapping[tuple[int, int], Arrays], convention: str) -> tuple[tuple[Arrays, ...], ...]:
    """The parts in order. Raises InputError for a gap."""
    if not found:
        return (({},),)
    layers, directions = (1 + max(place[n] for place in found) for n in (0, 1))
    naming = naming_of(convention)
    for layer in range(layers):
        for way in range(directions):
            if (layer, way) not in found:
                raise InputError(
                    f"layer {layer} has no arrays for direction {('forward', 'reverse')[way]}, which others have; "
                    f"in convention {convention} they are called {naming.key('NAME', layer, way)}"
                )
    return tuple(tuple(found[layer, way] for way in range(directions)) for layer in range(layers))


def _joined(key: str, placed: Mapping[tuple[int, int], tuple[str, Any]], packed: Mapping[str, Packed]) -> Any:
    import numpy as np

    name = next(iter(placed.values()))[0]
    below, beside = (packed[name].axis_of(letter) for letter in "ld")
    rows: dict[int, list[Any]] = {}
    for (layer, _), (_, array) in placed.items():
        rows.setdefault(layer, []).append(array)
    layers = [row[0] if len(row) == 1 else np.concatenate(row, axis=beside) for row in rows.values()]
    if len(layers) == 1:
        return layers[0]
    shapes = list(dict.fromkeys(array.shape for array in layers))
    if len(shapes) > 1:
        raise InputError(
            f"{key} holds all layers in one array, but their shapes differ: {' and '.join(map(str, shapes))}; "
            "convert the layers one by one"
        )
    return np.concatenate(layers, axis=below)
