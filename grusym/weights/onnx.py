"""Files of ONNX: the weights of GRU, LSTM and RNN nodes. The graph is read, never run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

from grusym.conventions.library import CONVENTIONS
from grusym.errors import InputError
from grusym.weights.entry import Entry
from grusym.weights.onnx_nodes import CONVENTION, Node, cell_of, operators, recurrent_nodes, stacks
from grusym.weights.reading import need, reading, size_of

KIND = "ONNX"
LIBRARY = ("onnx", "the package onnx", "convert")
# Values of a run, not weights.
OF_A_RUN = ("sequence_lens", "initial_h", "initial_c")


@dataclass(frozen=True)
class OnnxStack:
    """Recurrent nodes that follow on each other: what cell they compute, and per layer the arrays, both directions.

    `left_out` are initial states and lengths that stand in the file as constants.
    """

    nodes: tuple[str, ...]
    cell: str
    direction: str
    layers: tuple[dict[str, Entry], ...]
    left_out: tuple[str, ...]


def read(path: Path, node: str | None = None) -> OnnxStack:
    """The recurrent nodes of a model that follow on each other; where there are several such stacks, that of `node`.

    Raises InputError for what is no model, for nodes that compute what no cell here does, for weights that are not in
    the file but computed, and where the library is not there.
    """
    size_of(path)
    onnx = need(*LIBRARY)
    with reading(path, KIND):
        model = onnx.load(path, format="protobuf", load_external_data=False)
        nodes = recurrent_nodes(model.graph, onnx)
        chosen = _chosen(path, stacks(model.graph, nodes), node)
        tensors = _constants(model.graph)
        cell, *_ = [cell_of(found) for found in chosen]  # refuses each; where none is refused, they are of one form
        return OnnxStack(
            nodes=tuple(found.name for found in chosen),
            cell=cell,
            direction=chosen[0].direction,
            layers=tuple(_arrays(path, found, tensors, onnx) for found in chosen),
            left_out=tuple(
                f"{found.name} {slot}"
                for found in chosen
                for slot in OF_A_RUN
                if slot in found.inputs and found.inputs[slot] in tensors
            ),
        )


def _chosen(path: Path, found: list[tuple[Node, ...]], node: str | None) -> tuple[Node, ...]:
    names = "; ".join(", ".join(each.name for each in stack) for stack in found)
    if not found:
        modules = [peer.module for peer in operators().values()]
        raise InputError(f"{path} has no {', '.join(modules[:-1])} or {modules[-1]} node in its graph")
    fitting = [stack for stack in found if node is None or node in (each.name for each in stack)]
    if not fitting:
        raise InputError(f"{path} has no recurrent node called {node}; it has {names}")
    if len(fitting) > 1:
        raise InputError(
            f"{path} has {len(found)} recurrent stacks that do not follow on each other; choose one by the name of a "
            f"node of it, with --node: {names}"
        )
    (stack,) = fitting
    if stack[0].direction == "reverse" and node is None:
        raise InputError(
            f"node {stack[0].name} runs backwards only, which no convention's names tell; pass --node "
            f"{stack[0].name} to take its weights as those of a layer that you run on the reversed sequence"
        )
    return stack


def _constants(graph: Any) -> dict[str, Any]:
    """Tensors that stand in the file, by the names of their values: initialisers, constants, and copies of them."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            (name, *_) = node.output
            for value in (a.t for a in node.attribute if a.name == "value" and a.HasField("t")):
                found[name] = value
        elif node.op_type == "Identity" and node.input and node.output and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _arrays(path: Path, node: Node, tensors: Mapping[str, Any], onnx: Any) -> dict[str, Entry]:
    forms = CONVENTIONS[CONVENTION].forms.get(node.family, ())
    names = [packed.name for form in forms for packed in form.arrays]
    arrays: dict[str, Entry] = {}
    for slot, value in node.inputs.items():
        if slot == "X" or slot in OF_A_RUN:
            continue
        if slot not in names:
            raise InputError(f"node {node.name} has {slot}, which convention {CONVENTION} has not for {node.family}")
        if value not in tensors:
            raise InputError(
                f"{slot} of node {node.name} is computed in the graph, as {value}; fold constants first, so that it "
                "stands in the file"
            )
        arrays[slot] = entry = _entry(path, f"{slot} of node {node.name}", tensors[value], onnx)
        if not entry.shape or entry.shape[0] != node.directions:
            raise InputError(
                f"{slot} of node {node.name} has shape {entry.shape}, but direction={node.direction} wants "
                f"{node.directions} along its first axis"
            )
    if "R" in arrays and node.attributes.get("hidden_size", arrays["R"].shape[-1]) != arrays["R"].shape[-1]:
        size = node.attributes["hidden_size"]
        raise InputError(f"R of node {node.name} has shape {arrays['R'].shape}, but hidden_size={size} is given")
    return arrays


def _entry(path: Path, name: str, tensor: Any, onnx: Any) -> Entry:
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).name
    except KeyError:
        dtype = f"of the unknown type {tensor.data_type}"
    shape = tuple(tensor.dims)
    if any(extent < 0 for extent in shape):
        raise InputError(f"cannot read {path}: {name} has shape {shape}; write the file anew")
    return Entry(dtype, shape, partial(_load, path, name, tensor, onnx))


def _load(path: Path, name: str, tensor: Any, onnx: Any) -> Any:
    """The numbers of a tensor, once there are as many as its shape says."""
    import numpy as np

    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    elements = prod(tensor.dims)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        data = _external(path, name, tensor, elements * dtype.itemsize)
        return np.frombuffer(data, dtype.newbyteorder("<")).reshape(tuple(tensor.dims))
    if tensor.HasField("raw_data"):
        held = len(tensor.raw_data) // dtype.itemsize if len(tensor.raw_data) % dtype.itemsize == 0 else -1
    else:
        held = len(getattr(tensor, onnx.helper.tensor_dtype_to_field(tensor.data_type)))
    if held != elements:
        raise InputError(
            f"cannot read {path}: {name} has shape {tuple(tensor.dims)}, but not that many numbers stand in the file; "
            "write it anew"
        )
    with reading(path, KIND):
        return onnx.numpy_helper.to_array(tensor)


def _external(path: Path, name: str, tensor: Any, size: int) -> bytes:
    """The bytes of a tensor in a file beside the model. Raises InputError for one that is not below its directory."""
    given = {entry.key: entry.value for entry in tensor.external_data}
    location = given.get("location", "")
    with reading(path, KIND):
        base = path.resolve().parent
        beside = (base / location).resolve()
        if not location or not beside.is_relative_to(base):
            raise InputError(
                f"cannot read {path}: {name} is kept in {location!r}, which is not below the model's directory; "
                "files elsewhere are not read"
            )
        offset, length = int(given.get("offset", 0)), int(given.get("length", size))
        if offset < 0 or length != size or offset + size > size_of(beside):
            raise InputError(
                f"cannot read {path}: {name} has shape {tuple(tensor.dims)}, {size} bytes, and {location} has not as "
                f"many at {offset}; write both anew"
            )
        with beside.open("rb") as file:
            file.seek(offset)
            return file.read(size)
