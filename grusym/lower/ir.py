"""The IR: buffers, and statements over index domains.

An access in a value is a load, the target of an assignment a store. A kernel straight from lowering has one loop, over
time, and assignments over whole domains; a schedule turns domains into loops, and buffers into scalars.
"""

from dataclasses import dataclass
from enum import Enum

from sympy import Expr, Idx, Symbol

from grusym.calculus.program import Guard
from grusym.conventions.packing import Placement


class Kind(Enum):
    """What a buffer is to the caller of a kernel."""

    INPUT = "input"  # read
    PARAMETER = "parameter"  # read; the parameters' arrays
    SAVED = "saved"  # written by forward if it is asked to, read by backward
    OUTPUT = "output"  # written
    GRADIENT = "gradient"  # written; the gradients of the parameters' arrays
    WORKSPACE = "workspace"  # scratch
    SCALAR = "scalar"  # a local variable


READABLE = frozenset((Kind.INPUT, Kind.PARAMETER))


@dataclass(frozen=True)
class Buffer:
    """A contiguous row-major array, or a local scalar."""

    name: str
    shape: tuple[Expr, ...]
    kind: Kind


@dataclass(frozen=True)
class Assign:
    """target = value for every value of the indices `free`: pointwise, or with `over` a contraction.

    A contraction sums the value over `over`. Where a guard does not hold, the value counts as zero. With `accumulate`
    the value is added to what the target holds.
    """

    target: Expr
    value: Expr
    free: tuple[Idx, ...] = ()
    over: tuple[Idx, ...] = ()
    guards: tuple[Guard, ...] = ()
    accumulate: bool = False


@dataclass(frozen=True)
class Loop:
    """The body for every value of the index, one after the other, upwards unless `descending`."""

    index: Idx
    body: tuple["Statement", ...]
    descending: bool = False


@dataclass(frozen=True)
class WhenSaving:
    """The body if the caller wants the saved tensors (training), nothing otherwise."""

    body: tuple["Statement", ...]


Statement = Assign | Loop | WhenSaving


@dataclass(frozen=True)
class Kernel:
    """A function over sizes and buffers. `placements` say which part of a buffer goes by a tensor's own name."""

    name: str
    sizes: tuple[Symbol, ...]
    buffers: tuple[Buffer, ...]
    placements: tuple[Placement, ...]
    body: tuple[Statement, ...]

    def of_kind(self, *kinds: Kind) -> tuple[Buffer, ...]:
        return tuple(buffer for buffer in self.buffers if buffer.kind in kinds)

    @property
    def shapes(self) -> dict[str, tuple[Expr, ...]]:
        """The shape of everything that an assignment can access: placed tensors, and buffers that are not divided."""
        placed = {place.tensor: place.shape for place in self.placements}
        return {buffer.name: buffer.shape for buffer in self.buffers} | placed

    @property
    def kinds(self) -> dict[str, Kind]:
        """What everything that an assignment can access is to the caller: a placed tensor is what its buffer is."""
        kinds = {buffer.name: buffer.kind for buffer in self.buffers}
        return kinds | {place.tensor: kinds[place.buffer] for place in self.placements}

    def __str__(self) -> str:
        from grusym.lower.show import show

        return show(self)
