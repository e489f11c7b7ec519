"""A layer: a cell lifted over time (a recurrence of T steps) and over batch (B samples that share the parameters).

At step t the cell reads x[t] and the state that step t-1 left, which is h0 at the first; its update is the state that
it leaves, h_n after the last. Batch is one more index on everything but the parameters, so that the gradient of a
parameter is a sum over t and b.
"""

from dataclasses import dataclass

from sympy import Expr, Idx, Symbol

from grusym.equations.axis import BATCH, TIME
from grusym.equations.cell import Cell
from grusym.equations.names import cotangent_name, fresh
from grusym.equations.tensor import Tensor


@dataclass(frozen=True)
class Series:
    """What a layer returns for every step: `name` over time is `tensor` of the cell at each step."""

    name: str
    tensor: Tensor


@dataclass(frozen=True)
class Layer:
    """A cell over time and batch."""

    cell: Cell

    @property
    def series(self) -> tuple[Series, ...]:
        """The cell's outputs over time; where it names none, `y` is its first state's update."""
        if self.cell.outputs:
            return tuple(Series(tensor.name, tensor) for tensor in self.cell.outputs)
        return (Series("y", self.cell.states[0].update),)

    @property
    def sizes(self) -> tuple[Symbol, ...]:
        """The symbols that a kernel takes as sizes: T, B and the extents of the cell."""
        return (TIME.extent, BATCH.extent, *(axis.extent for axis in self.cell.axes))

    @property
    def time(self) -> Idx:
        return TIME.index(fresh(("t", "time"), self._words))

    @property
    def batch(self) -> Idx:
        return BATCH.index(fresh(("b", "s", "sample"), self._words))

    @property
    def _words(self) -> set[str]:
        tensors = self.cell.tensors
        letters = {letter for tensor in tensors.values() for letter in tensor.letters}
        bound = {index.name for equation in self.cell.equations for index in equation.value.atoms(Idx)}
        axes = {axis.name for axis in self.cell.axes}
        return {*tensors, *map(cotangent_name, tensors), *letters, *bound, *axes}

    def shape(self, tensor: Tensor) -> tuple[Expr, ...]:
        """The shape of one step of a tensor over the batch: (B, H)."""
        return (BATCH.extent, *tensor.shape)
