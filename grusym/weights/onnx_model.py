"""Writing an ONNX model: a node per layer, with what turns one layer's output into the next one's input."""

from typing import Any

from grusym.conventions.stacking import Arrays, Stack, join
from grusym.equations.cell import Cell
from grusym.errors import InputError
from grusym.weights.onnx import CONVENTION, LIBRARY
from grusym.weights.onnx_nodes import attributes_of
from grusym.weights.reading import need

OPSET = 17  # what ONNX Runtime reads since 1.12; the recurrent operators are those of 14
IR_VERSION = 8


def packed(stack: Stack, cell: Cell) -> bytes:
    """A model that runs these layers: x (T, B, I) to y (T, B, D*H) and the last state of every layer, Y_h_l0 (D, B, H).

    D is the number of directions. Initial states are zero. `stack` is one of the convention onnx; its cell's options
    become attributes. Raises InputError for a cell that ONNX has no operator for, and where the library is not there.
    """
    onnx = need(*LIBRARY)
    operator, attributes = attributes_of(cell)
    schema = onnx.defs.get_schema(operator, OPSET)
    layers = [join(Stack((ways,)), CONVENTION, cell.spelling) for ways in stack.layers]
    dtype = onnx.helper.np_dtype_to_tensor_dtype(next(iter(layers[0].values())).dtype)
    nodes: list[Any] = []
    constants = [onnx.numpy_helper.from_array(_reshape(), "joined")]
    outputs = []
    x = "x"
    for number, arrays in enumerate(layers):
        directions, hidden = arrays["R"].shape[0], arrays["R"].shape[-1]
        inputs = [x, *(f"{slot.name}_l{number}" if slot.name in arrays else "" for slot in schema.inputs[1:])]
        constants += [onnx.numpy_helper.from_array(array, f"{name}_l{number}") for name, array in arrays.items()]
        while not inputs[-1]:
            inputs.pop()
        results = [f"{slot.name}_l{number}" for slot in schema.outputs]
        direction = {"direction": "bidirectional"} if directions == 2 else {}
        node = onnx.helper.make_node(
            operator,
            inputs,
            results,
            f"layer{number}",
            hidden_size=hidden,
            **direction,
            **_per_direction(attributes, directions),
        )
        x = "y" if number == len(layers) - 1 else f"y_l{number}"
        # (T, D, B, H) to (T, B, D, H) to (T, B, D*H)
        swap = onnx.helper.make_node("Transpose", [results[0]], [f"swapped_l{number}"], perm=[0, 2, 1, 3])
        nodes += [node, swap, onnx.helper.make_node("Reshape", [f"swapped_l{number}", "joined"], [x])]
        outputs += [onnx.helper.make_tensor_value_info(r, dtype, [directions, "B", hidden]) for r in results[1:]]
    first = onnx.helper.make_tensor_value_info("x", dtype, ["T", "B", layers[0]["W"].shape[-1]])
    last = onnx.helper.make_tensor_value_info("y", dtype, ["T", "B", directions * hidden])
    graph = onnx.helper.make_graph(nodes, "grusym", [first], [last, *outputs], constants)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="grusym"
    )
    _check(model, onnx)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _reshape() -> Any:
    """The shape that joins the two last axes: 0 is the axis as it is."""
    import numpy as np

    return np.array([0, 0, -1], np.int64)


def _per_direction(attributes: Arrays, directions: int) -> Arrays:
    """Activations stand once per direction."""
    return {key: value * directions if isinstance(value, tuple) else value for key, value in attributes.items()}


def _check(model: Any, onnx: Any) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(f"ONNX does not take this model: {reason}; choose another format") from error
