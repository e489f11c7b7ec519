"""A stack of layers that one can call: forward keeps a tape, backward turns cotangents into gradients."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from grusym.conventions.stacking import Stack, join
from grusym.equations.cell import Cell
from grusym.equations.masking import masked as masked_cell
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.errors import InputError
from grusym.runtime.arrays import check_small, named
from grusym.runtime.kernel import Kernel, build
from grusym.runtime.layer_arguments import Arrangement, arrangement_of, given_inputs, read_inputs
from grusym.runtime.layer_masks import read_dropout, read_mask, without_padding
from grusym.runtime.layer_parameters import WAYS, PackedStack, copied, read_parameters
from grusym.runtime.layer_run import Rows, Run, total
from grusym.runtime.layer_states import check_widths, read_states, widened
from grusym.runtime.streaming import Stream
from grusym.runtime.tape import Arrays, Gradients, Outputs


@dataclass(frozen=True)
class LayerTape(Outputs):
    """What a layer's forward returns: every output as an attribute (y, h_n), and what backward needs."""

    sizes: Mapping[str, int]
    run: Run
    rows: Rows
    arrangement: Arrangement
    numbered: bool


@dataclass(frozen=True, repr=False)
class Layers:
    """A stack of layers, ready to run. Made by `runtime.layer.layer`."""

    kernel: Kernel
    layers: int
    direction: str
    merge: str
    batch_first: bool
    masked: str

    def __repr__(self) -> str:
        return f"<{self.layers} layer(s), {self.direction}, of {self.kernel!r}>"

    @property
    def cell(self) -> Cell:
        return self.kernel.cell

    @property
    def ways(self) -> tuple[str, ...]:
        """The directions of every layer."""
        return WAYS[self.direction]

    @property
    def runs(self) -> int:
        """How many cells run over a sequence, layers * directions: the first axis of the states."""
        return self.layers * len(self.ways)

    @cached_property
    def masked_kernel(self) -> Kernel:
        """The kernel of the masked cell; made when lengths or a mask are given for the first time."""
        plain, convention = self.kernel, self.kernel.lowered.layout.convention
        return build(masked_cell(self.cell, self.masked), plain.target, plain.dtype, convention, plain.schedule)

    def pack(self, params: Mapping[str, Any]) -> PackedStack:
        """Check and pack the parameters of all layers, once for as long as they do not change.

        Raises InputError for missing, unknown or misshapen ones, and another number of layers or directions.
        """
        packed = copied(read_parameters(params, self.kernel, self.layers, self.direction))
        packed.packed(self.kernel)
        return packed

    def forward(
        self,
        x: Any,
        h0: Any,
        params: Mapping[str, Any] | PackedStack,
        lengths: Any = None,
        mask: Any = None,
        dropout: Any = None,
        saving: bool = True,
    ) -> LayerTape:
        """Run the layers: x (T, B, ...), or (B, T, ...) with batch_first, or a packed sequence, to y alike and h_n.

        h0 is (layers * directions, B, ...), or None for zeros, and so is h_n: layer by layer, the forward direction
        before the reverse. `lengths` (B,) are whole numbers from 0 to T; from there on outputs are zero (or held, with
        masked="hold"), inputs are taken as 0, whatever stands there, and h_n is the state at the length. `mask` (T, B),
        or (B, T) with batch_first, is 0 at steps that do not count, where inputs are taken as 0 too; it is boolean, or
        holds any numbers. `dropout` (layers - 1, *y.shape) multiplies what goes from layer to layer (`dropout_mask`
        makes one). Where x is packed, y is packed like it, and `mask` and `dropout` are time first.

        Of a cell with several inputs, the first comes from the layer below; the others are (T, B, ...) for all layers
        and directions, or (layers * directions, T, B, ...) for each its own. Several inputs or states are given as a
        tuple in the cell's order, or a dict by name. Without `saving` the tape is for inference only. Raises InputError
        for what does not fit.
        """
        kernel, given = self.kernel, given_inputs(self.cell, x)
        arrangement = arrangement_of(given, self.cell.inputs[0].name, self.batch_first)
        packed = read_parameters(params, kernel, self.layers, self.direction)
        sizes = dict(packed.packed(kernel)[0][0].sizes)
        inputs = read_inputs(self.cell, given, arrangement, self.runs, sizes, kernel.dtype)
        states = read_states("the initial state", h0, initial_name, self.cell, self.runs, sizes, kernel.dtype)
        check_small(sizes, [symbol.name for symbol in kernel.lowered.layer.sizes])
        series = kernel.lowered.layer.series[0]
        check_widths(self.cell, series, packed.packed(kernel), self._width, sizes)
        several = tuple(t.name for t in self.cell.inputs if inputs[t.name].ndim > len(t.shape) + 2)
        dropout = read_dropout(
            dropout, widened(series.tensor.shape, self._width), self.layers, arrangement, sizes, kernel.dtype
        )
        found = read_mask(lengths, mask, arrangement, sizes, kernel.dtype)
        if found is not None:
            kernel = self.masked_kernel
            inputs = {name: without_padding(array, found, name in several) for name, array in inputs.items()}
        run = Run(kernel, self.ways, self.merge, several, found, dropout)
        rows, over_time = run.forward(inputs, states, packed.packed(kernel), saving)
        outputs = {name: arrangement.written(array) for name, array in over_time.items()}
        for name in (final_name(state.name) for state in self.cell.states):
            outputs[name] = np.stack([tape.outputs[name] for row in rows for tape in row])
        return LayerTape(outputs, sizes, run, rows, arrangement, packed.stack.numbered)

    def backward(self, tape: LayerTape, dy: Any = None, dh_n: Any = None) -> Gradients:
        """The gradients of <dy, y> + <dh_n, h_n>; a cotangent that is None is zero.

        dy is shaped, or packed, as y, dh_n as h_n. Gradients stand as what they are gradients of: `.x`, `.h0`,
        `.params[name]`. They are zero where a mask is 0 or a length is past; there dy is not read, unless outputs are
        held. Raises InputError for what does not fit, or for a tape made without saving.
        """
        if not isinstance(tape, LayerTape):
            raise InputError(f"the tape is a {type(tape).__name__}; pass what this layer's forward returned")
        run, sizes, dtype = tape.run, dict(tape.sizes), self.kernel.dtype
        own = self.kernel if run.mask is None else self.masked_kernel
        if (run.kernel.owner, len(tape.rows), run.ways, run.merge) != (own.owner, self.layers, self.ways, self.merge):
            raise InputError("this tape was made by another layer; pass what this layer's forward returned")
        series = self.kernel.lowered.layer.series
        given = {cotangent_name(s.name): s for s in series}
        dseries = {cotangent_name(series[0].name): dy}
        if not hasattr(dy, "batch_sizes"):
            dseries = named("the cotangent of the outputs", dy, list(given), optional=True)
        for name, cotangent in dseries.items():
            step = widened(given[name].tensor.shape, self._width)
            array = tape.arrangement.read(name, cotangent, step, sizes, dtype)
            dseries[name] = array if self.masked == "hold" else without_padding(array, run.mask)
        dfinals = read_states("the cotangent of the final state", dh_n, _final, self.cell, self.runs, sizes, dtype)
        outer, params = run.backward(tape.rows, dseries, dfinals)

        gradients: Arrays = {}
        for place, name in enumerate(tensor.name for tensor in self.cell.inputs):
            if name in run.several:
                gradients[name] = tape.arrangement.time_first(np.stack(outer[name]), 1)
            else:  # the layers above read what is below them, but share the other inputs
                shared = outer[name] if place else outer[name][: len(self.ways)]
                gradients[name] = tape.arrangement.written(total(shared))
        for name in (initial_name(state.name) for state in self.cell.states):
            gradients[name] = np.stack(outer[name])
        stack = Stack(tuple(map(tuple, params)), tape.numbered)
        return Gradients(gradients, join(stack, self.kernel.lowered.layout.convention, self.cell))

    def stream(self, params: Mapping[str, Any] | PackedStack, h0: Any = None) -> Stream:
        """The layers over a sequence that comes step by step, from the state h0 (layers, B, ...), or None for zeros.

        Raises InputError for layers that run in reverse, which begin at the end of a sequence.
        """
        if self.ways != ("forward",):
            raise InputError(
                f'direction="{self.direction}" begins at the last step, so that nothing can be said before it is '
                'there; stream layers with direction="forward"'
            )
        packed = params if isinstance(params, PackedStack) else self.pack(params)
        initial = [initial_name(state.name) for state in self.cell.states]
        return Stream(self, packed, named("the initial state", h0, initial, optional=True))

    @property
    def _width(self) -> int:
        """How much wider y is than a cell's output."""
        return len(self.ways) if self.merge == "concat" else 1


def _final(state: str) -> str:
    return cotangent_name(final_name(state))
