"""The parameters of a stack of layers: taken apart by layer and direction, and packed for the kernels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from grusym.conventions.stacking import Stack, naming_of, split
from grusym.errors import InputError
from grusym.runtime.arrays import check_array
from grusym.runtime.kernel import Kernel
from grusym.runtime.tape import Packed

WAYS = {"forward": ("forward",), "reverse": ("reverse",), "bidirectional": ("forward", "reverse")}


@dataclass(frozen=True)
class PackedStack:
    """The parameters of all layers and directions. `by_owner` holds them packed, once for every kernel that asked."""

    stack: Stack
    convention: str
    direction: str
    by_owner: dict[str, tuple[tuple[Packed, ...], ...]] = field(default_factory=dict, compare=False)

    def packed(self, kernel: Kernel) -> tuple[tuple[Packed, ...], ...]:
        """For each layer and direction, what the kernel takes. Raises InputError for what it does not."""
        if kernel.owner not in self.by_owner:
            found = []
            for layer, ways in enumerate(self.stack.layers):
                packs = []
                for way, arrays in zip(WAYS[self.direction], ways, strict=True):
                    with told_where(layer, way, len(self.stack.layers), WAYS[self.direction]):
                        packs.append(kernel.pack(arrays))
                found.append(tuple(packs))
            self.by_owner[kernel.owner] = tuple(found)
        return self.by_owner[kernel.owner]


def read_parameters(params: Any, kernel: Kernel, layers: int, direction: str) -> PackedStack:
    """The parameters of a stack, named as its convention names them.

    Raises InputError for what is no dict of arrays, for unknown names, and where there are more or fewer layers or
    directions.
    """
    convention, ways = kernel.lowered.layout.convention, len(WAYS[direction])
    if isinstance(params, PackedStack):
        found = params.stack
    elif not isinstance(params, Mapping):
        raise InputError(f"params is a {type(params).__name__}, not a dict of arrays by name")
    elif not kernel.lowered.layout.arrays and not params:
        found = Stack((({},) * ways,) * layers)
    else:
        for name, array in params.items():
            if not isinstance(name, str):
                raise InputError(f"params has the key {name!r}; its keys are names of arrays")
            check_array(name, array, kernel.dtype)
        found = split(params, convention, kernel.cell)
    if (len(found.layers), found.directions) != (layers, ways):
        last = naming_of(convention).key("NAME", layers - 1, ways - 1)
        raise InputError(
            f"the parameters are those of {_count(len(found.layers), found.directions)}, but this is "
            f"{_count(layers, ways)}, whose last arrays are called {last} in convention {convention}"
        )
    if isinstance(params, PackedStack):
        return params
    # What is cut out of an array of all directions need not be contiguous.
    return PackedStack(_each(found, partial(np.asarray, order="C")), convention, direction)


def copied(packed: PackedStack) -> PackedStack:
    """The same parameters, in arrays of their own."""
    return PackedStack(_each(packed.stack, np.array), packed.convention, packed.direction)


def _each(stack: Stack, change: Callable[[Any], Any]) -> Stack:
    rows = tuple(tuple({k: change(a) for k, a in arrays.items()} for arrays in row) for row in stack.layers)
    return Stack(rows, stack.numbered)


@contextmanager
def told_where(layer: int, way: str, layers: int, ways: Sequence[str]) -> Iterator[None]:
    """What is refused inside is refused with the layer and the direction in front, where there are several."""
    try:
        yield
    except InputError as error:
        words = [f"layer {layer}"] if layers > 1 else []
        words += [way] if len(ways) > 1 else []
        raise InputError(f"{', '.join(words)}: {error}") if words else error from None


def _count(layers: int, ways: int) -> str:
    return f"{layers} layer{'s' * (layers > 1)} in {ways} direction{'s' * (ways > 1)}"
