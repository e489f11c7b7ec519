"""One case: sizes, and the arrays that an implementation is called with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np

from grusym.conventions.library import layout_of
from grusym.conventions.packing import Layout
from grusym.equations.cell import Cell

Arrays = dict[str, Any]
ALIGNED = 64  # bytes


@dataclass(frozen=True)
class Case:
    """Arrays are float64, but every value is one of `dtype`, so that the implementation and its judge see the same.

    `inputs` (T, B, ...) and `initial` states (B, ...) by the names of the cell, `tensors` are the parameters by theirs;
    `dy` and `dh` are the cotangents of the series and of the final states, by the name of series and state.

    `lengths` (B,) says how many steps of each sequence count: past it the state stands still, the series is zero. With
    2 `directions`, the second runs over each sequence backwards, with parameters of its own (NAME_reverse); states then
    have a leading axis for the directions, and a series has those of both side by side along its first axis after
    (T, B). Arrays begin `offset` elements after an aligned address; of `frozen` parameters no gradient is asked for.
    Initial states that are `absent` are zero, and left out of the forward call.
    """

    cell: Cell
    convention: str | None
    dtype: str
    sizes: Mapping[str, int]
    inputs: Arrays
    initial: Arrays
    tensors: Arrays
    dy: Arrays
    dh: Arrays
    lengths: Any = None
    directions: int = 1
    offset: int = 0
    frozen: bool = False
    absent: bool = False

    def direction(self, way: int) -> "Case":
        """One direction alone, its inputs as they stand; of a single one, the case itself."""
        if self.directions == 1:
            return self

        def half(array: Any) -> Any:
            width = array.shape[2] // 2
            return array[:, :, way * width : (way + 1) * width]

        own = [t.name for t in self.cell.parameters]
        return replace(
            self,
            directions=1,
            initial={name: array[way] for name, array in self.initial.items()},
            tensors={name: self.tensors[name + "_reverse" * way] for name in own if name in self.tensors},
            dy={name: half(array) for name, array in self.dy.items()},
            dh={name: array[way] for name, array in self.dh.items()},
        )

    @cached_property
    def layout(self) -> Layout:
        return _layout(self.cell, self.convention)

    @property
    def steps(self) -> int:
        return self.sizes["T"]

    @property
    def batch(self) -> int:
        return self.sizes["B"]

    def params(self) -> Arrays:
        """The parameters as the convention packs them, in the dtype; those of a second direction are NAME_reverse."""
        found: Arrays = {}
        for way in range(self.directions if self.tensors else 0):
            packed = self.layout.keyed(self.layout.pack(self.direction(way).tensors, self.sizes))
            found |= {name + "_reverse" * way: self.cast(array) for name, array in packed.items()}
        return found

    def place_of(self, tensor: str, index: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        """Where an element of a parameter stands: the array of the convention, and the index in it."""
        layout, own = self.layout, {place.tensor: place for place in self.layout.placements}
        way = "" if tensor in own else "_reverse"
        place = own[tensor.removesuffix(way)]
        array = f"{layout.key(place.buffer)}{way}"
        shape = self.params()[array].shape
        position = place.view(np.arange(prod(shape)).reshape(shape), self.sizes)[index]
        return array, tuple(int(number) for number in np.unravel_index(int(position), shape))

    def cast(self, array: Any) -> Any:
        """An array as the implementation takes it."""
        if not self.offset:
            return np.array(array, self.dtype, order="C")
        shape, width = np.shape(array), np.dtype(self.dtype).itemsize
        room = np.empty((int(np.prod(shape)) + self.offset) * width + ALIGNED, np.uint8)
        start = -room.ctypes.data % ALIGNED + self.offset * width
        found = room[start : start + int(np.prod(shape)) * width].view(self.dtype).reshape(shape)
        found[...] = array
        return found


@lru_cache(maxsize=64)
def _layout(cell: Cell, convention: str | None) -> Layout:
    return layout_of(cell, convention)


@dataclass(frozen=True)
class Run:
    """What an implementation returned: `series` (T, B, ...) and `final` states (B, ...), by name, as float64."""

    series: Arrays
    final: Arrays
