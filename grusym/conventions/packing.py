"""Packed tensors: where each tensor of a cell lies inside the arrays that a system hands over.

A convention is an access map: W_z[i,j] is weight_ih[H + i, j]. Kernels read and write through it, so nothing is copied.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sympy import Add, Expr, Integer

from grusym.conventions.blocks import Misfit, Packed, arrange
from grusym.conventions.record import Convention, Form
from grusym.equations.axis import BATCH, TIME
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.library import settings_of
from grusym.equations.names import derived_names, fresh, is_reserved
from grusym.errors import InputError


@dataclass(frozen=True)
class Placement:
    """Tensor `tensor` of the cell is the part of array `buffer` that begins at `starts` (one per axis of the array).

    The tensor's axis n runs along the array's axis `axes[n]`; without `axes`, along its axis n. Along the array's other
    axes the part has one element.
    """

    tensor: str
    buffer: str
    starts: tuple[Expr, ...]
    shape: tuple[Expr, ...]
    axes: tuple[int, ...] | None = None

    @property
    def along(self) -> tuple[int, ...]:
        """The array's axis for each axis of the tensor."""
        return tuple(range(len(self.shape))) if self.axes is None else self.axes

    @property
    def is_straight(self) -> bool:
        """Whether the part has the array's axes, in their order."""
        return self.along == tuple(range(len(self.starts)))

    @property
    def extents(self) -> tuple[Expr, ...]:
        """How far the part reaches along each axis of the array."""
        own = dict(zip(self.along, self.shape, strict=True))
        return tuple(own.get(axis, Integer(1)) for axis in range(len(self.starts)))

    def fills(self, shape: tuple[Expr, ...]) -> bool:
        """Whether the tensor is the whole array of this shape, as it stands."""
        return self.is_straight and self.shape == shape

    def offsets(self, indices: Sequence[Expr]) -> tuple[Expr, ...]:
        """Where an element of the tensor is in the array, from where the part begins."""
        own = dict(zip(self.along, indices, strict=True))
        return tuple(own.get(axis, Integer(0)) for axis in range(len(self.starts)))

    def element(self, indices: Sequence[Expr]) -> tuple[Expr, ...]:
        """The access map: the indices of an element of the tensor become indices of the array."""
        return tuple(Add(start, index) for start, index in zip(self.starts, self.offsets(indices), strict=True))

    def view(self, array: Any, sizes: Mapping[str, int]) -> Any:
        """The tensor as a view of the NumPy array that holds it, also where it has no axes."""
        bounds = zip(numbers(self.starts, sizes), numbers(self.extents, sizes), strict=True)
        where = [slice(n, n + extent) if axis in self.along else n for axis, (n, extent) in enumerate(bounds)]
        kept = sorted(self.along)
        return array[(*where, ...)].transpose([kept.index(axis) for axis in self.along])


@dataclass(frozen=True)
class Layout:
    """The parameter arrays of a cell under a convention, in order, and where each parameter lies in them.

    `keys` are the system's own names of arrays that cannot go by them in code (B is the batch), by their name here.
    """

    convention: str
    arrays: tuple[tuple[str, tuple[Expr, ...]], ...]
    placements: tuple[Placement, ...]
    keys: tuple[tuple[str, str], ...] = ()

    def key(self, array: str) -> str:
        """What the system calls an array."""
        return dict(self.keys).get(array, array)

    def parts(self, array: str) -> tuple[Placement, ...]:
        """What lies in an array, row by row."""
        return tuple(place for place in self.placements if place.buffer == array)

    def unpack(self, arrays: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
        """Views of the cell's parameters in packed NumPy arrays; writing to them writes to the arrays."""
        return {place.tensor: place.view(arrays[place.buffer], sizes) for place in self.placements}

    def pack(self, tensors: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
        """New packed NumPy arrays that hold the cell's parameters, in their dtype."""
        import numpy as np

        dtype = np.result_type(*tensors.values())
        arrays = {name: np.zeros(numbers(shape, sizes), dtype) for name, shape in self.arrays}
        for name, view in self.unpack(arrays, sizes).items():
            view[...] = tensors[name]
        return arrays

    def keyed(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays by the system's own names of them."""
        return {self.key(name): arrays[name] for name, _ in self.arrays}

    def by_name(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays that come by the system's names, by their names in code."""
        return {name: params[self.key(name)] for name, _ in self.arrays}

    def blocks_text(self, array: str) -> str:
        """What an array holds: | stands between blocks side by side, ; between those one under the other.

        A transposed block is W^T. Blocks that are stacked along the first axis alone stand with commas.
        """
        parts = self.parts(array)
        if all(part.is_straight and not any(part.starts[1:]) for part in parts):
            return ", ".join(part.tensor for part in parts)
        rows = [list(row) for _, row in groupby(parts, lambda part: part.starts[:-1])]
        named = [" | ".join(p.tensor + ("^T" if list(p.along) != sorted(p.along) else "") for p in row) for row in rows]
        return f"[{'; '.join(named)}]" if len(parts) > 1 else named[0]


def numbers(expressions: Sequence[Expr], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Extents and offsets as numbers, for given sizes by name. Raises ValueError where one is not whole."""
    values = [e.xreplace({s: Integer(sizes[s.name]) for s in e.free_symbols}) for e in expressions]
    for expression, value in zip(expressions, values, strict=True):
        if not value.is_Integer:
            raise ValueError(f"{expression} is {value} for {dict(sizes)}, which is not a whole number")
    return tuple(map(int, values))


def solve(extent: Expr, number: int, sizes: dict[str, int]) -> None:
    """Add the one size that an extent leaves open: I, where H + I is 7 and H is known."""
    unknown = [symbol for symbol in extent.free_symbols if symbol.name not in sizes]
    if len(unknown) == 1:
        (size,) = unknown
        slope = extent.coeff(size)
        (rest,) = numbers((extent - slope * size,), sizes)
        if slope.is_Integer and (number - rest) % int(slope) == 0:
            sizes[size.name] = (number - rest) // int(slope)


def own_layout(cell: Cell) -> Layout:
    """Every parameter an array of its own, by its name in the equations."""
    arrays = tuple((tensor.name, tensor.shape) for tensor in cell.parameters)
    places = tuple(Placement(name, name, (Integer(0),) * len(shape), shape) for name, shape in arrays)
    return Layout("own", arrays, places)


def form_of(cell: Cell, convention: Convention) -> Form:
    """The form of the convention that a cell is of. Raises InputError where there is none."""
    own = _own(cell)
    if cell.name not in convention.forms:
        known = ", ".join(convention.forms)
        raise InputError(
            f"convention {convention.name} has no packing for the cell {cell.name}; it packs {known}; {own}"
        )
    options, forms = settings_of(cell), convention.forms[cell.name]
    for form in forms:
        if form.has(options):
            return form
    has, lacks = misfit(options, forms)
    raise InputError(f"convention {convention.name} has {cell.name} with {has}, not {lacks}; {own}")


def misfit(options: Mapping[str, str], forms: Sequence[Form]) -> tuple[str, str]:
    """What options the forms have, and those that fit none of them."""
    if len(forms) == 1:
        wrong = [key for key, values in forms[0].options.items() if options.get(key, values[0]) not in values]
        has = f"{wrong[0]}={' or '.join(forms[0].options[wrong[0]])}"
        return has, f"{wrong[0]}={options[wrong[0]]}"
    shown = [",".join(f"{key}={'|'.join(values)}" for key, values in form.options.items()) for form in forms]
    named = dict.fromkeys(key for form in forms for key in form.options if key in options)
    return " or ".join(shown), ",".join(f"{key}={options[key]}" for key in named)


def layout(cell: Cell, convention: Convention) -> Layout:
    """The layout of a cell's parameters under a convention.

    Raises InputError where the convention has no record for this cell, does not compute it with these options, or
    stacks tensors that do not fit together.
    """
    form, own = form_of(cell, convention), _own(cell)
    shapes = {tensor.name: tensor.shape for tensor in cell.parameters}
    arrays, places, keys = [], [], []
    taken = _taken(cell)
    for packed in form.arrays:
        missing = [name for name in packed.tensors if name not in shapes]
        if len(missing) == len(packed.tensors):
            continue
        if missing:
            raise InputError(
                f"convention {convention.name} packs {', '.join(packed.tensors)} into {packed.name}, "
                f"but the cell has no {', '.join(missing)}; {own}"
            )
        try:
            shape, blocks = arrange(packed, shapes)
        except Misfit as found:
            one, other = (f"{name} {shapes[name]}" for name in (found.one, found.other))
            how = f"fit into the axes {packed.axes}" if packed.axes else "agree in all axes after the first"
            raise InputError(
                f"convention {convention.name} stacks {one} and {other} into {packed.name}, "
                f"but they do not {how}; {own}"
            ) from None
        name = _code_name(packed, shape, shapes, taken)
        if name != packed.name:
            keys.append((name, packed.name))
        taken.add(name)
        straight = tuple(range(len(shape)))
        for block in blocks:
            axes = None if block.axes == straight else block.axes
            places.append(Placement(block.tensor, name, block.starts, shapes[block.tensor], axes))
        arrays.append((name, shape))
    placed = {place.tensor for place in places}
    left = [name for name in shapes if name not in placed]
    if left:
        raise InputError(f"convention {convention.name} has no place for {', '.join(left)} of {cell.spelling}; {own}")
    return Layout(convention.name, tuple(arrays), tuple(places), tuple(keys))


def _own(cell: Cell) -> str:
    return f"use the cell's own convention for {cell.spelling} (--convention own)"


def _taken(cell: Cell) -> set[str]:
    """Names that mean something else in a kernel of the cell."""
    layer, tensors = Layer(cell), cell.tensors
    letters = {letter for tensor in tensors.values() for letter in tensor.letters}
    derived = {name for name, _ in derived_names(tensors, [state.name for state in cell.states])}
    sizes = {TIME.name, BATCH.name, *(axis.name for axis in cell.axes)}
    return {*tensors, *derived, *letters, *sizes, layer.time.name, layer.batch.name}


def _code_name(packed: Packed, shape: Sequence[Expr], shapes: Mapping[str, Sequence[Expr]], taken: set[str]) -> str:
    """The array's own name, where code can have it; an array that is one tensor of that name shares it."""
    name = re.sub(r"\W", "_", packed.name)
    if packed.tensors == (name,) and shapes[name] == shape and not packed.axes:
        return name
    if is_reserved(name) or name in taken:
        return fresh((f"{name}_array",), taken)
    return name
