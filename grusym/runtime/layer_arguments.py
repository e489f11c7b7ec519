"""Arrays over time that callers pass to a layer, and how they stand: checked, and turned to time first and back.

Arrays come in the caller's arrangement (batch first, packed) and leave as the kernels read them, (T, B, ...).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sympy import Expr, Integer, Symbol

from grusym.conventions.packing import numbers
from grusym.equations.axis import BATCH, TIME
from grusym.equations.cell import Cell
from grusym.errors import InputError
from grusym.runtime.arrays import check_array, named
from grusym.runtime.packed_sequence import PackedSequence, Positions, is_packed, positions_of
from grusym.runtime.tape import Arrays

Shape = tuple[Expr, ...]


@dataclass(frozen=True)
class Arrangement:
    """How arrays over time stand at the caller: time or batch first, or packed like `packed`."""

    batch_first: bool = False
    packed: Any = None
    positions: Positions | None = None

    def shape(self, step: Sequence[Expr], lead: Sequence[Expr] = ()) -> Shape:
        """The symbolic shape of an array over time whose step of one sample has the shape `step`."""
        order = (BATCH, TIME) if self.batch_first else (TIME, BATCH)
        return (*lead, *(axis.extent for axis in order), *step)

    def time_first(self, array: Any, lead: int = 0) -> Any:
        """An array as the kernels read it, its first `lead` axes left where they are."""
        return np.ascontiguousarray(array.swapaxes(lead, lead + 1)) if self.batch_first else array

    def read(
        self, name: str, array: Any, step: Sequence[Expr], sizes: dict[str, int], dtype: str, lead: Sequence[Expr] = ()
    ) -> Any:
        """A given array, checked, time first behind its `lead` axes; an array with such is never packed."""
        if self.positions is not None and not lead:
            array = self._padded(name, array, dtype)
        elif is_packed(array):
            raise InputError(f"{name} is packed, but x is not; pad it (pad_packed), or pack x too")
        check_array(name, array, dtype)
        require_shape(name, array, self.shape(step, lead), sizes)
        return self.time_first(array, len(lead))

    def _padded(self, name: str, packed: Any, dtype: str) -> Any:
        assert self.positions is not None
        if not is_packed(packed):
            raise InputError(f"{name} is a {type(packed).__name__}; where x is packed, {name} is packed like it")
        if not np.array_equal(packed.batch_sizes, self.packed.batch_sizes):
            raise InputError(f"{name} is packed with other batch_sizes than x; pack both with the same lengths")
        check_array(f"data of {name}", packed.data, dtype)
        rows = len(self.positions.steps)
        if packed.data.shape[:1] != (rows,):
            raise InputError(f"data of {name} has shape {packed.data.shape}, but {rows} rows are wanted")
        return self.positions.padded(packed.data, len(self.packed.batch_sizes))

    def written(self, array: Any) -> Any:
        """An array over time as the caller has them."""
        if self.positions is None:
            return self.time_first(array)
        like = self.packed
        indices = (getattr(like, "sorted_indices", None), getattr(like, "unsorted_indices", None))
        return PackedSequence(self.positions.packed(array), like.batch_sizes, *indices)


def arrangement_of(given: Mapping[str, Any], first: str, batch_first: bool) -> Arrangement:
    """How the inputs stand: as the first of them does."""
    if not is_packed(given[first]):
        return Arrangement(batch_first)
    return Arrangement(packed=given[first], positions=positions_of(given[first], first))


def given_inputs(cell: Cell, x: Any) -> dict[str, Any]:
    """The inputs by name. Raises InputError where one is missing."""
    names = [tensor.name for tensor in cell.inputs]
    # PyTorch's packed sequence is a tuple too, but not one of inputs.
    given = {names[0]: x} if is_packed(x) and len(names) == 1 else named("the input", x, names)
    for name in names:
        if name not in given:
            raise InputError(f"the input {name} is missing")
    return given


def read_inputs(
    cell: Cell, given: Mapping[str, Any], arrangement: Arrangement, runs: int, sizes: dict[str, int], dtype: str
) -> Arrays:
    """The inputs, time first. Those after the first may have an axis before it, with one array per run."""
    found = {}
    for place, tensor in enumerate(cell.inputs):
        array, several = given[tensor.name], getattr(given[tensor.name], "ndim", 0) == len(tensor.shape) + 3
        lead = (Integer(runs),) if place and several else ()
        found[tensor.name] = arrangement.read(tensor.name, array, tensor.shape, sizes, dtype, lead)
    return found


def require_shape(name: str, array: Any, shape: Shape, sizes: dict[str, int]) -> None:
    """Read the sizes that are not known yet off an array. Raises InputError where its shape is another."""
    if array.ndim != len(shape):
        raise InputError(f"{name} has shape {array.shape}, but {shape} is wanted")
    for extent, number in zip(shape, array.shape, strict=True):
        if isinstance(extent, Symbol):
            sizes.setdefault(extent.name, number)
    wanted = numbers(shape, sizes)
    if array.shape != wanted:
        raise InputError(f"{name} has shape {array.shape}, but {shape} = {wanted} is wanted")
