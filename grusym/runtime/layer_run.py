"""A stack of layers over arrays that were checked: kernels run layer by layer, and back again.

In reverse a kernel sees time from its end. Padding then comes first, where the mask holds the initial state until the
last step of the sequence: what a sequence sees is the same as if it stood there by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grusym.equations.masking import mask_of
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.runtime.kernel import Kernel
from grusym.runtime.layer_parameters import told_where
from grusym.runtime.tape import Arrays, Packed, Tape

CHANNELS = 2  # the axis of an array over time along which directions are concatenated: the first after T and B
Rows = tuple[tuple[Tape, ...], ...]


@dataclass(frozen=True)
class Run:
    """A stack over checked arrays: `ways` are the directions of every layer, `several` the inputs of each its own.

    Tapes and parameters stand by layer and direction, states and the arrays of `several` in that order in one axis.
    """

    kernel: Kernel
    ways: tuple[str, ...]
    merge: str
    several: tuple[str, ...]
    mask: Any = None
    dropout: Any = None

    @property
    def below(self) -> str:
        """The input that the layer below gives."""
        return self.kernel.cell.inputs[0].name

    @property
    def above(self) -> str:
        """The output that the layer above reads."""
        return self.kernel.lowered.layer.series[0].name

    def forward(
        self, inputs: Arrays, states: Arrays, packs: Sequence[Sequence[Packed]], saving: bool
    ) -> tuple[Rows, Arrays]:
        """The tapes, and the outputs of the last layer over time."""
        rows: list[tuple[Tape, ...]] = []
        outputs: Arrays = {}
        inputs = dict(inputs)
        initial = [initial_name(state.name) for state in self.kernel.cell.states]
        for layer, packed in enumerate(packs):
            tapes = []
            for place, (way, own) in enumerate(zip(self.ways, packed, strict=True)):
                run = layer * len(self.ways) + place
                here = {name: array[run] if name in self.several else array for name, array in inputs.items()}
                if self.mask is not None:
                    here[mask_of(self.kernel.cell)] = self.mask
                start = {name: states[name][run] for name in initial if name in states}
                with told_where(layer, way, len(packs), self.ways):
                    tapes.append(self.kernel.forward(_each_turned(here, way), start, own, saving))
            rows.append(tuple(tapes))
            outputs = self.merged(tapes)
            if layer + 1 < len(packs):
                below = outputs[self.above]
                inputs[self.below] = below if self.dropout is None else below * self.dropout[layer]
        return tuple(rows), outputs

    def backward(self, rows: Rows, dseries: Arrays, dfinals: Arrays) -> tuple[dict[str, list[Any]], list[list[Arrays]]]:
        """By input and initial state, the gradients of every layer and direction; and those of the parameters."""
        outer: dict[str, list[Any]] = {}
        params: list[list[Arrays]] = []
        inputs = [tensor.name for tensor in self.kernel.cell.inputs]
        finals = [cotangent_name(final_name(state.name)) for state in self.kernel.cell.states]
        for layer in reversed(range(len(rows))):
            parts = {name: self.parted(array) for name, array in dseries.items()}
            here: dict[str, list[Any]] = {}
            params.insert(0, [])
            for place, (way, tape) in enumerate(zip(self.ways, rows[layer], strict=True)):
                run = layer * len(self.ways) + place
                given = {name: part[place] for name, part in parts.items()}
                end = {name: dfinals[name][run] for name in finals if name in dfinals}
                gradients = self.kernel.backward(tape, _each_turned(given, way), end)
                params[0].append(gradients.params)
                for name, array in gradients.outer.items():
                    here.setdefault(name, []).append(_turned(array, way) if name in inputs else array)
            outer = {name: [*arrays, *outer.get(name, [])] for name, arrays in here.items()}
            if layer:
                below = total(here[self.below])
                dropped = below if self.dropout is None else below * self.dropout[layer - 1]
                dseries = {cotangent_name(self.above): dropped}
        return outer, params

    def merged(self, tapes: Sequence[Tape]) -> Arrays:
        """The outputs of a layer over time: those of its directions side by side, or their sum."""
        found: Arrays = {}
        for series in self.kernel.lowered.layer.series:
            turned = [_turned(tape.outputs[series.name], way) for way, tape in zip(self.ways, tapes, strict=True)]
            together = len(turned) > 1 and self.merge == "concat"
            found[series.name] = np.concatenate(turned, CHANNELS) if together else total(turned)
        return found

    def parted(self, cotangent: Any) -> list[Any]:
        """The cotangent of a merged output, for each direction."""
        if len(self.ways) == 1 or self.merge == "sum":
            return [cotangent] * len(self.ways)
        return [np.ascontiguousarray(part) for part in np.split(cotangent, len(self.ways), CHANNELS)]


def total(arrays: Sequence[Any]) -> Any:
    """The sum of arrays, in their order."""
    return sum(arrays[1:], arrays[0])


def _turned(array: Any, way: str) -> Any:
    return np.ascontiguousarray(array[::-1]) if way == "reverse" else array


def _each_turned(arrays: Mapping[str, Any], way: str) -> Arrays:
    return {name: _turned(array, way) for name, array in arrays.items()}
