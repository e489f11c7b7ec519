"""ONNX models made by hand, for what exporters do not write."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest


def weights(directions: int = 1, width: int = 3, hidden: int = 2, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = {
        "W": (directions, 3 * hidden, width),
        "R": (directions, 3 * hidden, hidden),
        "B": (directions, 6 * hidden),
    }
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


class Graph:
    """A graph under construction: recurrent nodes by name, and whatever else is appended to `nodes`."""

    def __init__(self) -> None:
        self.onnx = pytest.importorskip("onnx")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: np.ndarray, name: str) -> str:
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [output], **attributes))
        return output

    def gru(self, name: str, x: str = "x", arrays: dict[str, np.ndarray] | None = None, **attributes: Any) -> str:
        """Append a GRU and the Squeeze after it; returns the value that the next layer takes."""
        arrays = weights() if arrays is None else arrays
        inputs = [x, *(self.constant(arrays[k], f"{name}.{k}") if k in arrays else "" for k in "WRB")]
        made = self.onnx.helper.make_node("GRU", inputs, [f"{name}.Y", f"{name}.Y_h"], name, **attributes)
        self.nodes.append(made)
        axes = self.constant(np.array([1]), f"{name}.axes")
        return self.node("Squeeze", [f"{name}.Y", axes], f"{name}.y")

    def model(self) -> Any:
        helper, float32 = self.onnx.helper, self.onnx.TensorProto.FLOAT
        x = helper.make_tensor_value_info("x", float32, ["T", "B", 3])
        y = helper.make_tensor_value_info(self.nodes[-1].output[0], float32, None)
        graph = helper.make_graph(self.nodes, "made", [x], [y], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def save(self, path: Path) -> Path:
        path.write_bytes(self.model().SerializeToString())
        return path
