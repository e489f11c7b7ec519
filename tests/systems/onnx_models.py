"""ONNX models of one recurrent node, made with onnx.helper."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from grusym.equations.cell import Cell
from grusym.equations.library import settings_of

OPSET = 22
IR_VERSION = 10  # what that opset came with: ONNX Runtime refuses versions younger than it is
NODES = {"gru": "GRU", "lstm": "LSTM", "rnn": "RNN"}


@dataclass(frozen=True)
class Node:
    """A node's attributes, as ONNX has them."""

    op: str
    direction: str = "forward"
    layout: int = 0
    attributes: tuple[tuple[str, Any], ...] = ()


def model(node: Node, arrays: dict[str, Any], given: dict[str, Any]) -> Any:
    """A checked model of the node: `arrays` (W, R, B) are initialisers, `given` (X, initial_h, ...) inputs."""
    from onnx import checker, helper, numpy_helper

    names = "X W R B sequence_lens initial_h initial_c".split()[: 7 if node.op == "LSTM" else 6]
    outputs = ["Y", "Y_h", "Y_c"][: 3 if node.op == "LSTM" else 2]
    made = helper.make_node(
        node.op,
        [name if name in arrays or name in given else "" for name in names],
        outputs,
        hidden_size=arrays["R"].shape[2],
        direction=node.direction,
        layout=node.layout,
        **dict(node.attributes),
    )
    kind = helper.np_dtype_to_tensor_dtype
    graph = helper.make_graph(
        [made],
        node.op,
        [helper.make_tensor_value_info(name, kind(array.dtype), array.shape) for name, array in given.items()],
        [
            helper.make_tensor_value_info(name, kind(given["X"].dtype), [None] * (4 if name == "Y" else 3))
            for name in outputs
        ],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()],
    )
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(whole)
    return whole


def node_of(cell: Cell, direction: str = "forward", layout: int = 0) -> Node:
    """The node that computes a cell."""
    options = settings_of(cell)
    attributes: tuple[tuple[str, Any], ...] = ()
    if cell.name == "gru":
        attributes = (("linear_before_reset", int(options["reset"] == "after")),)
    if cell.name == "rnn":
        directions = 2 if direction == "bidirectional" else 1
        attributes = (("activations", [options["activation"].capitalize()] * directions),)
    return Node(NODES[cell.name], direction, layout, attributes)


def run_node(
    execute: Callable[[Any, dict[str, Any]], list[Any]],
    node: Node,
    arrays: dict[str, Any],
    given: dict[str, Any],
    lengths: Any = None,
) -> dict[str, Any]:
    """What `execute(model, inputs)` makes of a node: y (T, D, B, H), h_n and c_n (D, B, H), whatever the layout is.

    `given` holds x (T, B, I), and h0 and c0 (D, B, H).
    """
    batch_first = node.layout == 1
    inputs = {"X": given["x"].swapaxes(0, 1) if batch_first else given["x"]}
    for ours, theirs in (("h0", "initial_h"), ("c0", "initial_c")):
        if ours in given:
            inputs[theirs] = given[ours].swapaxes(0, 1) if batch_first else given[ours]
    if lengths is not None:
        inputs["sequence_lens"] = np.asarray(lengths, np.int32)
    y, *ends = execute(model(node, arrays, inputs), {name: np.ascontiguousarray(a) for name, a in inputs.items()})
    ends = [end.swapaxes(0, 1) if batch_first else end for end in ends]
    y = y.transpose(1, 2, 0, 3) if batch_first else y
    return {"y": y, **dict(zip(("h_n", "c_n"), ends, strict=False))}
