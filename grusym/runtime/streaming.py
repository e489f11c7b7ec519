"""A sequence that comes step by step: layers run over each part of it as it arrives, and keep their states."""

from typing import TYPE_CHECKING, Any

import numpy as np

from grusym.equations.names import final_name, initial_name
from grusym.runtime.layer_parameters import PackedStack
from grusym.runtime.tape import Arrays

if TYPE_CHECKING:
    from grusym.runtime.stack import Layers


class Stream:
    """Layers in the middle of a sequence. Made by `Layers.stream`.

    `state` is where they stand, by the names h0, c0, ..., each (layers, B, ...): what another stream can go on from.
    Steps given one at a time, or several at once, lead to the same bits as the whole sequence.
    """

    def __init__(self, layers: "Layers", packed: PackedStack, state: Arrays):
        self.layers = layers
        self.packed = packed
        self.state = state

    def step(self, x: Any) -> Any:
        """One step: x (B, ...) to y (B, ...); several inputs as a tuple or a dict, several outputs as a dict."""
        axis = 1 if self.layers.batch_first else 0
        if isinstance(x, dict):
            y = self.run({name: _lifted(array, axis) for name, array in x.items()})
        elif isinstance(x, tuple):
            y = self.run(tuple(_lifted(array, axis) for array in x))
        else:
            y = self.run(_lifted(x, axis))
        if isinstance(y, dict):
            return {name: np.squeeze(array, axis) for name, array in y.items()}
        return np.squeeze(y, axis)

    def run(self, x: Any) -> Any:
        """Several steps: x (T, B, ...), or (B, T, ...) with batch_first, to y alike."""
        tape = self.layers.forward(x, self.state, self.packed, saving=False)
        names = [state.name for state in self.layers.cell.states]
        self.state = {initial_name(name): tape.outputs[final_name(name)] for name in names}
        series = [s.name for s in self.layers.kernel.lowered.layer.series]
        return tape.outputs[series[0]] if len(series) == 1 else {name: tape.outputs[name] for name in series}


def _lifted(array: Any, axis: int) -> Any:
    return np.expand_dims(array, axis) if isinstance(array, np.ndarray) else array
