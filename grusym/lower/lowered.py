"""Everything an emitter needs of one cell under one convention: its derivation and its kernels, checked."""

import hashlib
from dataclasses import dataclass

from grusym.calculus.derivation import Derivation, derive
from grusym.conventions.library import layout_of
from grusym.conventions.packing import Layout
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.names import code_name
from grusym.lower.backward_pass import lower_backward
from grusym.lower.check import check
from grusym.lower.forward_pass import lower_forward
from grusym.lower.ir import Buffer, Kernel, Kind


@dataclass(frozen=True)
class Lowered:
    """A cell's layer, lowered: `forward` and `backward` as they come from the equations, before any schedule."""

    derivation: Derivation
    layout: Layout
    forward: Kernel
    backward: Kernel

    @property
    def cell(self) -> Cell:
        return self.derivation.cell

    @property
    def layer(self) -> Layer:
        return self.derivation.bptt.layer

    @property
    def cotangents(self) -> tuple[Buffer, ...]:
        """What backward is given besides what forward was given: dy, dh_n."""
        given = {tensor.name for tensor in self.cell.inputs}
        return tuple(buffer for buffer in self.backward.of_kind(Kind.INPUT) if buffer.name not in given)

    @property
    def recomputed(self) -> tuple[str, ...]:
        """The tensors that backward computes again instead of having them saved, as code calls them."""
        return tuple(code_name(node.tensor) for node in self.derivation.bptt.recomputed)

    def fingerprint(self, schedule: str) -> str:
        """The SHA-256 of names, equations, derivation, kernels and schedule: what generated text is a function of."""
        parts = [
            f"{self.cell.symbol} {self.layout.convention}",
            "\n".join(map(str, self.cell.equations)),
            str(self.derivation.bptt),
            str(self.forward),
            str(self.backward),
        ]
        return hashlib.sha256("\n\n".join((*parts, schedule)).encode()).hexdigest()


def lower(cell: Cell, convention: str | None = None) -> Lowered:
    """Derive a cell and lower it, its parameters packed as the convention says.

    Raises DerivativeError for a function without a rule, InputError for a convention that does not fit the cell.
    """
    derivation = derive(cell)
    layout, layer = layout_of(cell, convention), derivation.bptt.layer
    forward = lower_forward(layer, derivation.forward, layout, derivation.bptt)
    backward = lower_backward(layer, derivation.forward, layout, derivation.bptt)
    return Lowered(derivation, layout, check(forward), check(backward))
