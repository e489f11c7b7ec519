"""One case: sizes, and the arrays that an implementation is called with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np

from grusym.conventions.library import layout_of
from grusym.conventions.packing import Layout
from grusym.equations.cell import Cell

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Arrays are float64, but every value is one of `dtype`, so that the implementation and its judge see the same.

    `inputs` (T, B, ...) and `initial` states (B, ...) by the names of the cell, `tensors` are the parameters by theirs;
    `dy` and `dh` are the cotangents of the series and of the final states, by the name of series and state.
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
        """The parameters as the convention packs them, in the dtype."""
        packed = self.layout.keyed(self.layout.pack(self.tensors, self.sizes)) if self.tensors else {}
        return {name: np.ascontiguousarray(array, self.dtype).reshape(array.shape) for name, array in packed.items()}

    def place_of(self, tensor: str, index: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        """Where an element of a parameter stands: the array of the convention, and the index in it."""
        layout = self.layout
        (place,) = (place for place in layout.placements if place.tensor == tensor)
        array = layout.key(place.buffer)
        shape = self.params()[array].shape
        position = place.view(np.arange(prod(shape)).reshape(shape), self.sizes)[index]
        return array, tuple(int(number) for number in np.unravel_index(int(position), shape))

    def cast(self, array: Any) -> Any:
        """An array as the implementation takes it."""
        return np.array(array, self.dtype, order="C")


@lru_cache(maxsize=64)
def _layout(cell: Cell, convention: str | None) -> Layout:
    return layout_of(cell, convention)


@dataclass(frozen=True)
class Run:
    """What an implementation returned: `series` (T, B, ...) and `final` states (B, ...), by name, as float64."""

    series: Arrays
    final: Arrays
