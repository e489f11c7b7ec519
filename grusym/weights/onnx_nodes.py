"""The recurrent nodes of an ONNX graph: which follow on each other, and which cell their attributes describe."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grusym.conventions.library import convention_by_name
from grusym.conventions.record import Peer
from grusym.equations.cell import Cell
from grusym.equations.library import settings_of
from grusym.errors import InputError

CONVENTION = "onnx"
DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
# They say how a node is called, or parametrise activations that no cell here has.
NO_MATTER = ("direction", "layout", "activation_alpha", "activation_beta")
# What may stand between two layers: the values go through as they are, only their axes change.
PASSING = ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Dropout")


@dataclass(frozen=True)
class Node:
    """A GRU, LSTM or RNN of a graph; `inputs` are names of values, by what the operator calls them."""

    name: str
    family: str
    attributes: Mapping[str, Any]
    inputs: Mapping[str, str]
    y: str

    @property
    def direction(self) -> str:
        return str(self.attributes.get("direction", "forward"))

    @property
    def directions(self) -> int:
        if self.direction not in DIRECTIONS:
            raise InputError(f"node {self.name} has direction={self.direction}, not one of {', '.join(DIRECTIONS)}")
        return DIRECTIONS[self.direction]


def operators() -> dict[str, Peer]:
    """The operators by the cell that they compute."""
    return dict(convention_by_name(CONVENTION).peers)


def recurrent_nodes(graph: Any, onnx: Any) -> list[Node]:
    """The recurrent nodes, in the order of the graph; one without a name goes by its operator and its number."""
    families = {peer.module: family for family, peer in operators().items()}
    nodes: list[Node] = []
    taken: set[str] = set()
    for found in graph.node:
        if found.op_type not in families or found.domain not in ("", "ai.onnx"):
            continue
        names = [slot.name for slot in onnx.defs.get_schema(found.op_type).inputs]
        name = found.name or f"{found.op_type}_{len(nodes)}"
        while name in taken:
            name += "'"
        taken.add(name)
        attributes = {a.name: _plain(onnx.helper.get_attribute_value(a)) for a in found.attribute}
        inputs = {name: value for name, value in zip(names, found.input, strict=False) if value}
        y = found.output[0] if found.output else ""
        nodes.append(Node(name, families[found.op_type], attributes, inputs, y))
    return nodes


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return tuple(map(_plain, value)) if isinstance(value, Sequence) and not isinstance(value, str) else value


def stacks(graph: Any, nodes: Sequence[Node]) -> list[tuple[Node, ...]]:
    """Nodes of one kind whose input is the output of the one before, and of nothing else that is recurrent."""
    makers = {output: found for found in graph.node for output in found.output if output}
    by_output = {node.y: node for node in nodes if node.y}
    below = {node.name: _below(node, makers, by_output) for node in nodes}
    followers: dict[str, list[Node]] = {}
    for node in nodes:
        lower = below[node.name]
        if lower is not None and _alike(lower, node):
            followers.setdefault(lower.name, []).append(node)
    above = {name: found[0] for name, found in followers.items() if len(found) == 1}
    inner = {node.name for node in above.values()}
    return [tuple(_upwards(node, above)) for node in nodes if node.name not in inner]


def _upwards(node: Node | None, above: Mapping[str, Node]) -> Iterator[Node]:
    seen: set[str] = set()
    while node is not None and node.name not in seen:
        seen.add(node.name)
        yield node
        node = above.get(node.name)


def _below(node: Node, makers: Mapping[str, Any], by_output: Mapping[str, Node]) -> Node | None:
    """The recurrent node whose output is this one's input, with nothing but changes of axes between."""
    value, steps = node.inputs.get("X", ""), 0
    while value and value not in by_output:
        maker = makers.get(value)
        steps += 1
        if maker is None or maker.op_type not in PASSING or not maker.input or steps > len(makers):
            return None
        value = maker.input[0]
    lower = by_output.get(value)
    return None if lower is node else lower


def _alike(one: Node, other: Node) -> bool:
    """Whether two nodes are of one form; attributes that say what the operator takes without them make no other."""
    kinds = [(node.family, node.direction, _decided(node), _fixed(node)) for node in (one, other)]
    return kinds[0] == kinds[1]


def _decided(node: Node) -> dict[str, str]:
    """The value of each option that attributes decide, the default where they are not given; "" where none fits."""
    return {
        key: next((v for v, arguments in values.items() if all(_same(node, *each) for each in arguments.items())), "")
        for key, values in operators()[node.family].arguments.items()
    }


def _fixed(node: Node) -> str:
    """The first attribute whose value is not what all forms have; "" where there is none."""
    return next((name for name, value in operators()[node.family].fixed.items() if not _same(node, name, value)), "")


def cell_of(node: Node) -> str:
    """The spelling of the cell that a node computes, with the options that its attributes decide.

    Raises InputError for an attribute that makes it another function than any form of the cell.
    """
    peer = operators()[node.family]
    decided = dict(peer.arguments)
    known = {"hidden_size", *NO_MATTER, *peer.fixed, *(a for vs in decided.values() for v in vs.values() for a in v)}
    for name, value in node.attributes.items():
        if name not in known and value != 0:
            raise InputError(f"node {node.name} has {name}={value}, which no form of {node.family} here computes")
    other = _fixed(node)
    if other:
        value = peer.fixed[other]
        shown = ", ".join(value) if isinstance(value, tuple) else value
        raise InputError(
            f"node {node.name} has {other}={_shown(node.attributes[other])}, and {node.family} here has {shown} only"
        )
    options = _decided(node)
    for key, values in decided.items():
        if not options[key]:
            given = {a for arguments in values.values() for a in arguments if a in node.attributes}
            shown = ", ".join(f"{name}={_shown(node.attributes[name])}" for name in sorted(given))
            raise InputError(
                f"node {node.name} has {shown}, and {node.family} here has {key}={' or '.join(values)} only"
            )
    return ":".join(filter(None, (node.family, ",".join(f"{key}={value}" for key, value in options.items()))))


def _same(node: Node, name: str, wanted: Any) -> bool:
    """Whether an attribute has this value, or none; activations once per direction, in letters of either case."""
    value = node.attributes.get(name)
    if value is None:
        return True
    if not isinstance(wanted, tuple):
        return bool(value == wanted)
    several = [str(word).lower() for word in value] if isinstance(value, tuple) else []
    return several[: len(wanted) * node.directions] == [word.lower() for word in wanted] * node.directions


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def attributes_of(cell: Cell) -> tuple[str, dict[str, Any]]:
    """The operator that computes a cell, and the attributes that its options become.

    >>> from grusym.equations.library import cell
    >>> attributes_of(cell("gru", reset="after"))
    ('GRU', {'linear_before_reset': 1})

    Raises InputError where ONNX has no operator for it.
    """
    peers, options = operators(), settings_of(cell)
    if cell.name not in peers:
        known = ", ".join(peer.module for peer in peers.values())
        raise InputError(f"ONNX has no operator that computes {cell.name}; it has {known}")
    peer = peers[cell.name]
    attributes: dict[str, Any] = {}
    for key, values in peer.arguments.items():
        if key in options:
            attributes |= values[options[key]]
    return peer.module, attributes
