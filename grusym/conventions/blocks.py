"""How the tensors of a cell stand in one array of a system: a stack of blocks, and a pattern of the array's axes.

In a pattern, `i` and `j` are the first and the second axis of a block, `g` counts the blocks of a stack and `s` its
rows, `1` is an axis of extent 1, and so are `d` and `l`, which count the directions and the layers of several cells. In
brackets they run along one axis together: `j (g i)` sets transposed blocks side by side.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Add, Expr, Integer

Shape = tuple[Expr, ...]
OWN = "ij"


@dataclass(frozen=True)
class Packed:
    """One array of a system: these tensors of the cell, in rows if `stack` is nested.

    `axes` is the pattern of the array's axes; without one the tensors are stacked along their first axis.

    >>> Packed("kernel", ("W_z", "W_r", "W_n"), "j (g i)").tensors
    ('W_z', 'W_r', 'W_n')
    """

    name: str
    stack: tuple[str | tuple[str, ...], ...]
    axes: str = ""

    @property
    def blocks(self) -> dict[tuple[int, int], str]:
        """The tensors by row and place in the row."""
        rows = [(row,) if isinstance(row, str) else row for row in self.stack]
        if all(isinstance(row, str) for row in self.stack):
            rows = [tuple(row for row in self.stack if isinstance(row, str))]
        return {(s, g): name for s, row in enumerate(rows) for g, name in enumerate(row)}

    @property
    def tensors(self) -> tuple[str, ...]:
        return tuple(self.blocks.values())

    def axis_of(self, letter: str) -> int | None:
        """The axis of the array that counts directions (`d`) or layers (`l`), if it has one.

        >>> Packed("W", ("W_z", "W_r", "W_n"), "d (g i) j").axis_of("d")
        0
        """
        groups = _groups(self.axes)
        return groups.index([letter]) if [letter] in groups else None

    @property
    def rank(self) -> int | None:
        """How many axes the array has, where there is a pattern of them."""
        return len(_groups(self.axes)) or None


@dataclass(frozen=True)
class Block:
    """Where one tensor stands: it begins at `starts`, and its axis n runs along the array's axis `axes[n]`."""

    tensor: str
    starts: Shape
    axes: tuple[int, ...]


class Misfit(Exception):
    """Two tensors do not fit together in an array: they are named."""

    def __init__(self, one: str, other: str):
        super().__init__(one, other)
        self.one = one
        self.other = other


def arrange(packed: Packed, shapes: Mapping[str, Shape]) -> tuple[Shape, tuple[Block, ...]]:
    """The shape of an array and its blocks. Raises Misfit for tensors whose shapes do not fit together in it."""
    blocks, first = packed.blocks, packed.tensors[0]
    axes = _pattern(packed.axes) if packed.axes else [("g", 0), *(("", n) for n in range(1, len(shapes[first])))]
    rank = 1 + max((own for _, own in axes if own is not None), default=-1)
    for name in packed.tensors:
        if len(shapes[name]) != rank:
            raise Misfit(first, name)
    whole: list[Expr] = []
    starts: dict[tuple[int, int], list[Expr]] = {at: [] for at in blocks}
    for levels, own in axes:
        keys = {at: tuple(at["sg".index(level)] for level in levels) for at in blocks}
        extents: dict[tuple[int, ...], tuple[Expr, str]] = {}
        for at, name in blocks.items():
            extent = Integer(1) if own is None else shapes[name][own]
            known, other = extents.setdefault(keys[at], (extent, name))
            if known != extent:
                raise Misfit(other, name)
        total: Expr = Integer(0)
        begins = {}
        for key in sorted(extents):
            begins[key] = total
            total = Add(total, extents[key][0])
        whole.append(total)
        for at in blocks:
            starts[at].append(begins[keys[at]])
    where = tuple(next(a for a, (_, own) in enumerate(axes) if own == n) for n in range(rank))
    return tuple(whole), tuple(Block(name, tuple(starts[at]), where) for at, name in blocks.items())


def _pattern(text: str) -> list[tuple[str, int | None]]:
    """Per axis of the array: the levels of the stack that run along it, and which axis of a block.

    >>> _pattern("1 j (g i)")
    [('', None), ('', 1), ('g', 0)]
    """
    return [
        ("".join(w for w in word if w in "sg"), next((OWN.index(w) for w in word if w in OWN), None))
        for word in _groups(text)
    ]


def _groups(text: str) -> list[list[str]]:
    """The letters of a pattern, axis by axis."""
    return [(inside or alone).split() for inside, alone in re.findall(r"\(([^()]*)\)|(\S+)", text)]


def rows(name: str, letter: str, gates: str, axes: str = "(g i) j") -> Packed:
    """An array of one letter's tensors, in the order of these gates: rows("W", "W", "zrn") stacks W_z, W_r, W_n."""
    return Packed(name, tuple(f"{letter}_{gate}" for gate in gates), axes)


def columns(name: str, letter: str, gates: str) -> Packed:
    """The same with transposed blocks side by side, as systems have it that multiply x from the left: x W."""
    return rows(name, letter, gates, "j (g i)")


def vector(name: str, letter: str, gates: str, axes: str = "(g i)") -> Packed:
    """The same of vectors: biases."""
    return rows(name, letter, gates, axes)


def separate(letter: str, gates: str, names: str, axes: str = "") -> tuple[Packed, ...]:
    """An array per gate, whose names follow in the order of the gates, between spaces."""
    return tuple(Packed(name, (f"{letter}_{gate}",), axes) for gate, name in zip(gates, names.split(), strict=True))
