"""What is recorded of a system: which forms of a cell it computes, and how it packs each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grusym.conventions.blocks import Packed


@dataclass(frozen=True)
class Peer:
    """What the system itself has that computes a cell: the name of its module, and what options become there.

    `arguments` holds, for an option and its value, the keyword arguments of the module; an option that is not there,
    none. `sizes` holds the keyword arguments that are extents of the cell, where it has that axis. `below` are pairs of
    axes: the module takes the first only where it is smaller than the second. `fixed` holds keyword arguments that have
    these values in all forms.
    """

    module: str
    arguments: Mapping[str, Mapping[str, Mapping[str, Any]]]
    sizes: Mapping[str, str]
    below: tuple[tuple[str, str], ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def takes(self, sizes: Mapping[str, int]) -> bool:
        """Whether the module can be made at these sizes."""
        return all(sizes[low] < sizes[high] for low, high in self.below if low in sizes)


@dataclass(frozen=True)
class Form:
    """A cell with any of these values of its options, and the arrays that it is packed in.

    The first values are what a cell has there that is called by its name alone; an option that is not there may have
    any value. Arrays whose tensors the cell lacks (PyTorch's biases with biases=none) are left out.
    """

    options: Mapping[str, tuple[str, ...]]
    arrays: tuple[Packed, ...]

    def has(self, options: Mapping[str, str]) -> bool:
        """Whether a cell with these options is of this form."""
        return all(options.get(key, values[0]) in values for key, values in self.options.items())


@dataclass(frozen=True)
class Naming:
    """What a system calls the arrays of several layers and directions, where a single cell's array is `{name}`.

    `{layer}` counts from 0, `{way}` is one of `ways`, forward and reverse. A pattern without `{way}` is that of arrays
    that have an axis for the directions. `numbers_one` says that the system's own stacks have these names also where
    there is a single layer.
    """

    pattern: str = "layer{layer}/{way}/{name}"
    ways: tuple[str, str] = ("forward", "reverse")
    numbers_one: bool = False

    def key(self, name: str, layer: int, way: int) -> str:
        """What an array is called.

        >>> Naming("{name}_l{layer}{way}", ("", "_reverse")).key("weight_ih", 0, 1)
        'weight_ih_l0_reverse'
        """
        return self.pattern.format(name=name, layer=layer, way=self.ways[way])


@dataclass(frozen=True)
class Flat:
    """One vector that holds all arrays raveled: those of the first group, layer by layer, then those of the next."""

    name: str
    groups: tuple[tuple[str, ...], ...]

    @property
    def order(self) -> tuple[str, ...]:
        """The arrays of one layer in the order in which the vector holds them."""
        return tuple(name for group in self.groups for name in group)


@dataclass(frozen=True)
class Activations:
    """The functions of gates and of the candidate (in an LSTM: of g and of c'), the system's own default first.

    "any" stands for whatever function its user passes. Records, packing and conversion are for the first ones, which
    are those of the cells' equations.
    """

    gates: tuple[str, ...] = ("sigmoid",)
    candidate: tuple[str, ...] = ("tanh",)

    def __str__(self) -> str:
        few = (names if len(names) <= 4 else (names[0], "...") for names in (self.gates, self.candidate))
        return ", ".join("|".join(names) for names in few)


@dataclass(frozen=True)
class Convention:
    """How a system writes and packs cells: `forms` per cell name, the system's own default first.

    `source` says where this can be read, `letters` what the system calls a gate if not as grusym does, `notes` what it
    does besides, `unverified` what of this was not read in the system's own source. `peers` says what computes the
    cells there, per cell name, `naming` how arrays of several layers and directions are named.

    How it writes the equations (conventions/symbols.py): `weights` has, for a letter of the parameters (W of W_z), the
    pattern that the gate's letter is put into, `{}`; "lstm:b" is that of b in the LSTM alone, "W_n" the whole name of
    one. The letter of a parameter without a gate is that of "" in `letters`. `tensors` are the names of inputs, states
    and intermediate values, where they are not those of `letters`; `axes` are those of extents.

    `flat` is the one vector, if the system has its arrays raveled in one; `activations` are the functions of its gates.
    """

    name: str
    source: str
    forms: Mapping[str, tuple[Form, ...]]
    letters: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""
    unverified: str = ""
    peers: Mapping[str, Peer] = field(default_factory=dict)
    naming: Naming = Naming()
    weights: Mapping[str, str] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)
    flat: Flat | None = None
    activations: Activations = Activations()
