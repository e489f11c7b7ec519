"""ONNX models with recurrent nodes, written with onnx's own helper."""

import numpy as np
import onnx
from onnx import TensorProto, helper

INPUT, HIDDEN = 3, 4
GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}


def node(operator, name="", biases=True, dtype=np.float32, given=(), **attributes):
    """A node, and its weights as initialisers."""
    directions, gates = 2 if attributes.get("direction") == "bidirectional" else 1, GATES[operator]
    random = np.random.default_rng(0)
    shapes = {"W": (directions, gates * HIDDEN, INPUT), "R": (directions, gates * HIDDEN, HIDDEN)}
    if biases:
        shapes["B"] = (directions, 2 * gates * HIDDEN)
    tensors = [
        onnx.numpy_helper.from_array(random.normal(size=shape).astype(dtype), f"{name}{key}")
        for key, shape in shapes.items()
    ]
    inputs = ["x", *(f"{name}{key}" if key in shapes else "" for key in ("W", "R", "B")), *given]
    made = helper.make_node(operator, inputs, [f"{name}Y"], name=name, hidden_size=HIDDEN, **attributes)
    return made, tensors


def saved(path, *nodes, dtype=np.float32, opset=17, extra=()):
    """The path of a model of these nodes."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        [*extra, *(made for made, _ in nodes)],
        "model",
        [helper.make_tensor_value_info("x", kind, ["T", "B", INPUT])],
        [helper.make_tensor_value_info(made.output[0], kind, None) for made, _ in nodes]
        or [helper.make_tensor_value_info("y", kind, None)],
        [tensor for _, tensors in nodes for tensor in tensors],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.save(model, path)
    return str(path)


def branch(made, tensors):
    """A node inside a branch of an If."""
    out = helper.make_tensor_value_info(made.output[0], TensorProto.FLOAT, None)
    inner = helper.make_graph([made], "then", [], [out], tensors)
    truth = helper.make_node("Constant", [], ["truth"], value_int=1)
    cast = helper.make_node("Cast", ["truth"], ["yes"], to=TensorProto.BOOL)
    return truth, cast, helper.make_node("If", ["yes"], ["y"], then_branch=inner, else_branch=inner)
