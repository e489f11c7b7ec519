"""Packed tensors: where each tensor of a cell lies inside the arrays that a system hands over.

A convention is an access map: W_z[i,j] is weight_ih[H + i, j]. Kernels read and write through it, so nothing is copied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Add, Expr, Integer

from grusym.equations.cell import Cell
from grusym.equations.library import options_of
from grusym.errors import InputError


@dataclass(frozen=True)
class Packed:
    """One array of a system: these tensors of the cell, stacked along their first axis."""

    name: str
    stack: tuple[str, ...]


@dataclass(frozen=True)
class Peer:
    """What the system itself has that computes a cell: the name of its module, and what options become there.

    `arguments` holds, for an option and its value, the keyword arguments of the module; an option that is not there,
    none. `sizes` holds the keyword arguments that are extents of the cell, where it has that axis. `below` are pairs of
    axes: the module takes the first only where it is smaller than the second.
    """

    module: str
    arguments: Mapping[str, Mapping[str, Mapping[str, Any]]]
    sizes: Mapping[str, str]
    below: tuple[tuple[str, str], ...] = ()

    def takes(self, sizes: Mapping[str, int]) -> bool:
        """Whether the module can be made at these sizes."""
        return all(sizes[low] < sizes[high] for low, high in self.below if low in sizes)


@dataclass(frozen=True)
class Convention:
    """How a system packs cells: a packing per cell name, and in `options` the forms of the cell that it computes.

    `peers` says what computes them there, per cell name.
    Packed tensors that a form of the cell lacks (PyTorch's biases with biases=none) are left out with their array.
    """

    name: str
    source: str
    packings: Mapping[str, tuple[Packed, ...]]
    options: Mapping[str, Mapping[str, tuple[str, ...]]]
    peers: Mapping[str, Peer] = field(default_factory=dict)


@dataclass(frozen=True)
class Placement:
    """Tensor `tensor` of the cell is the part of array `buffer` that begins at `starts` (one per axis of the array)."""

    tensor: str
    buffer: str
    starts: tuple[Expr, ...]
    shape: tuple[Expr, ...]

    def view(self, array: Any, sizes: Mapping[str, int]) -> Any:
        """The tensor as a view of the NumPy array that holds it, also where it has no axes."""
        bounds = zip(numbers(self.starts, sizes), numbers(self.shape, sizes), strict=True)
        return array[(*(slice(start, start + extent) for start, extent in bounds), ...)]


@dataclass(frozen=True)
class Layout:
    """The parameter arrays of a cell under a convention, in order, and where each parameter lies in them."""

    convention: str
    arrays: tuple[tuple[str, tuple[Expr, ...]], ...]
    placements: tuple[Placement, ...]

    def unpack(self, arrays: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
        """Views of the cell's parameters in packed NumPy arrays; writing to them writes to the arrays."""
        return {place.tensor: place.view(arrays[place.buffer], sizes) for place in self.placements}


def numbers(expressions: Sequence[Expr], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Extents and offsets as numbers, for given sizes by name. Raises ValueError where one is not whole."""
    values = [e.xreplace({s: Integer(sizes[s.name]) for s in e.free_symbols}) for e in expressions]
    for expression, value in zip(expressions, values, strict=True):
        if not value.is_Integer:
            raise ValueError(f"{expression} is {value} for {dict(sizes)}, which is not a whole number")
    return tuple(map(int, values))


def own_layout(cell: Cell) -> Layout:
    """Every parameter an array of its own, by its name in the equations."""
    arrays = tuple((tensor.name, tensor.shape) for tensor in cell.parameters)
    places = tuple(Placement(name, name, (Integer(0),) * len(shape), shape) for name, shape in arrays)
    return Layout("own", arrays, places)


def layout(cell: Cell, convention: Convention) -> Layout:
    """The layout of a cell's parameters under a convention.

    Raises InputError where the convention has no record for this cell, does not compute it with these options, or
    stacks tensors that do not fit together.
    """
    own = f"use the cell's own convention for {cell.spelling} (--convention own)"
    if cell.name not in convention.packings:
        known = ", ".join(convention.packings)
        raise InputError(
            f"convention {convention.name} has no packing for the cell {cell.name}; it packs {known}; {own}"
        )
    options = {key: values[0] for key, values in options_of(cell.name).items()} | dict(cell.options)
    for key, values in convention.options[cell.name].items():
        if options[key] not in values:
            raise InputError(
                f"convention {convention.name} has {cell.name} with {key}={' or '.join(values)}, "
                f"not {key}={options[key]}; {own}"
            )
    shapes = {tensor.name: tensor.shape for tensor in cell.parameters}
    arrays, places = [], []
    for packed in convention.packings[cell.name]:
        present = [name for name in packed.stack if name in shapes]
        if not present:
            continue
        missing = [name for name in packed.stack if name not in shapes]
        if missing:
            raise InputError(
                f"convention {convention.name} packs {', '.join(packed.stack)} into {packed.name}, "
                f"but the cell has no {', '.join(missing)}; {own}"
            )
        start, rest = Integer(0), shapes[present[0]][1:]
        for name in present:
            if not shapes[name] or shapes[name][1:] != rest:
                first = f"{present[0]} {shapes[present[0]]}"
                raise InputError(
                    f"convention {convention.name} stacks {first} and {name} {shapes[name]} into {packed.name}, "
                    f"but they do not agree in all axes after the first; {own}"
                )
            places.append(Placement(name, packed.name, (start, *(Integer(0) for _ in rest)), shapes[name]))
            start = Add(start, shapes[name][0])
        arrays.append((packed.name, (start, *rest)))
    placed = {place.tensor for place in places}
    left = [name for name in shapes if name not in placed]
    if left:
        raise InputError(f"convention {convention.name} has no place for {', '.join(left)} of {cell.spelling}; {own}")
    return Layout(convention.name, tuple(arrays), tuple(places))
