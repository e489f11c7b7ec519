"""The recurrent nodes of an ONNX model, and the cells that their attributes make of them (onnx/defs/rnn/defs.cc)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grusym.equations.cell import Cell
from grusym.equations.library import cell as cell_by_name
from grusym.errors import InputError

OPERATORS = {"GRU": "gru", "LSTM": "lstm", "RNN": "rnn"}
ACTIVATIONS = {"GRU": ("sigmoid", "tanh"), "LSTM": ("sigmoid", "tanh", "tanh"), "RNN": ("tanh",)}
INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
FORWARD, REVERSE, BIDIRECTIONAL = "forward", "reverse", "bidirectional"
DTYPES = {1: "float32", 10: "float16", 11: "float64"}  # TensorProto.DataType


@dataclass(frozen=True)
class Node:
    """One direction of a recurrent node: `way` is the direction that is judged, of those that `direction` says."""

    name: str
    operator: str
    attributes: tuple[tuple[str, Any], ...]
    has_biases: bool
    has_peepholes: bool
    dtype: str
    opset: int
    ir_version: int
    way: str

    @property
    def direction(self) -> str:
        return str(dict(self.attributes).get("direction", FORWARD))

    @property
    def directions(self) -> tuple[str, ...]:
        return (FORWARD, REVERSE) if self.direction == BIDIRECTIONAL else (self.direction,)

    @property
    def title(self) -> str:
        """What the node is called; with its direction, where there are two."""
        return f"{self.name}:{self.way}" if self.direction == BIDIRECTIONAL else self.name

    def cell(self) -> Cell:
        """The cell that the node computes. Raises InputError where grusym has none such."""
        given = dict(self.attributes)
        if "clip" in given or given.get("input_forget", 0):
            raise self._unknown(f"clip={given['clip']}" if "clip" in given else "input_forget=1")
        options = {"biases": "two" if self.has_biases else "none"}
        if self.operator == "GRU":
            options["reset"] = "after" if given.get("linear_before_reset", 0) else "before"
        if self.operator == "LSTM":
            options["peephole"] = "yes" if self.has_peepholes else "no"
        usual = ACTIVATIONS[self.operator]
        functions = tuple(name.lower() for name in given.get("activations", ())) or usual * len(self.directions)
        here = self.directions.index(self.way) * len(usual)
        found = functions[here : here + len(usual)]
        if self.operator == "RNN" and found in (("tanh",), ("relu",)):
            options["activation"] = found[0]
        elif found != usual:
            raise self._unknown(f"the activations {', '.join(found) or 'of none'}")
        return cell_by_name(OPERATORS[self.operator], **options)

    def _unknown(self, what: str) -> InputError:
        return InputError(
            f"the node {self.name} is a {self.operator} with {what}, which no cell of grusym has; judge other nodes of "
            f"the model by name, as model.onnx:NODE"
        )


def nodes_of(path: str, wanted: str = "") -> tuple[Node, ...]:
    """The recurrent nodes of the model, or the one of this name, a node for each direction.

    Raises InputError for what is no model, has no such node, or where onnx is not installed.
    """
    onnx = library("onnx")
    if not Path(path).is_file():
        raise InputError(f"there is no model {path!r}; give the path of an ONNX model")
    try:
        model = onnx.load(path, load_external_data=False)
        model = onnx.shape_inference.infer_shapes(model)
    except Exception as error:
        raise InputError(f"cannot read {path} as an ONNX model: {' '.join(str(error).split())[:200]}") from error
    found = [one for name, node, types in _recurrent(model) for one in _nodes(model, name, node, types)]
    if not found:
        raise InputError(f"the model {path} has no GRU, LSTM or RNN node; there is nothing to judge")
    chosen = tuple(node for node in found if wanted in ("", node.name, node.title))
    if not chosen:
        raise InputError(f"the model {path} has no recurrent node {wanted}; it has {', '.join(n.title for n in found)}")
    return chosen


def library(name: str) -> Any:
    """A library that only ONNX models need. Raises InputError where it cannot be imported."""
    import importlib

    try:
        module = importlib.import_module(name)
        if name == "onnx":
            importlib.import_module("onnx.shape_inference")
    except ImportError as error:
        raise InputError(
            f"ONNX models need {name}, which cannot be imported ({error}); install grusym[onnx]"
        ) from error
    return module


def _recurrent(model: Any) -> Iterator[tuple[str, Any, Mapping[str, int]]]:
    """The recurrent nodes of the graph and of those inside it, with names of their own, and the types of tensors."""
    count: dict[str, int] = {}
    for node, types in _walk(model.graph, {}):
        name = node.name or node.op_type
        count[name] = count.get(name, 0) + 1
        yield (name if node.name and count[name] == 1 else f"{name}#{count[name]}"), node, types


def _walk(graph: Any, outer: Mapping[str, int]) -> Iterator[tuple[Any, Mapping[str, int]]]:
    types = dict(outer)
    for value in (*graph.input, *graph.value_info, *graph.output):
        types[value.name] = value.type.tensor_type.elem_type
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in OPERATORS and node.domain in ("", "ai.onnx"):
            yield node, types
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _walk(inner, types)


def _nodes(model: Any, name: str, node: Any, types: Mapping[str, int]) -> Iterator[Node]:
    onnx = library("onnx")
    attributes = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        attributes[attribute.name] = _plain(value)
    inputs = dict(zip(INPUTS, node.input, strict=False))
    kind = next((types[n] for n in (inputs.get("W"), inputs.get("X")) if n and types.get(n)), 1)
    if kind not in DTYPES:
        raise InputError(f"the node {name} is of the ONNX type {kind}; float32, float64 and float16 are judged")
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 14)
    one = Node(
        name,
        node.op_type,
        tuple(sorted(attributes.items())),
        bool(inputs.get("B")),
        bool(inputs.get("P")),
        DTYPES[kind],
        opset,
        model.ir_version,
        FORWARD,
    )
    if one.direction not in (FORWARD, REVERSE, BIDIRECTIONAL):
        raise InputError(
            f"the node {name} has the direction {one.direction!r}; ONNX knows forward, reverse, bidirectional"
        )
    for way in one.directions:
        yield replace(one, way=way)


def _plain(value: Any) -> Any:
    """An attribute's value as Python has it: text, numbers, tuples of them."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return tuple(_plain(one) for one in value) if isinstance(value, list | tuple) else value
