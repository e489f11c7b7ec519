"""A generated NumPy kernel as a module in memory."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from grusym.emit.numpy_kernel import emit_numpy
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.lower.lowered import Lowered

Arrays = dict[str, Any]


class NumpyModule:
    """The generated forward and backward, with arrays by name; `files` are the generated text where one has it."""

    def __init__(self, lowered: Lowered, files: Mapping[str, str] | None = None):
        ((name, text),) = (files or emit_numpy(lowered)).items()
        self.module = ModuleType(name.removesuffix(".py"))
        exec(compile(text, f"<generated {name}>", "exec"), self.module.__dict__)  # our own text
        self.layout = lowered.layout
        cell, layer = lowered.cell, lowered.layer
        self.inputs = [tensor.name for tensor in cell.inputs]
        self.initial = [initial_name(state.name) for state in cell.states]
        self.outputs = [s.name for s in layer.series] + [final_name(state.name) for state in cell.states]

    def pack(self, sizes: Mapping[str, int], params: Mapping[str, Any]) -> Any:
        """The parameters as they are now, by the names that the convention has for them."""
        return {name: np.array(array) for name, array in self.layout.keyed(params).items()}

    def forward(self, sizes: Mapping[str, int], given: Arrays, packed: Any, saving: bool) -> tuple[Arrays, Any]:
        """Outputs by name, and what backward needs (None unless `saving`)."""
        arguments = [given[name] for name in (*self.inputs, *self.initial)]
        *outputs, saved = self.module.forward(*arguments, packed, saving)
        return dict(zip(self.outputs, outputs, strict=True)), saved

    def backward(self, sizes: Mapping[str, int], given: Arrays, packed: Any, saved: Any) -> Arrays:
        """Gradients by name, for inputs and cotangents in `given`."""
        cotangents = [given[cotangent_name(name)] for name in self.outputs]
        inputs = [given[name] for name in self.inputs]
        *results, grads = self.module.backward(*inputs, packed, saved, *cotangents)
        names = [cotangent_name(name) for name in (*self.inputs, *self.initial)]
        gradients = self.layout.by_name(grads)
        return dict(zip(names, results, strict=True)) | {cotangent_name(k): v for k, v in gradients.items()}
