"""Reverse mode: the adjoint program of a program, by transposed access maps.

For every node y[I] = sum_K e(I, K), last one first, an access A[f(I,K)] in e contributes dy[I] de/dA to dA at f(I,K).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from sympy import Add, Dummy, Expr, Idx, Integer

from grusym.calculus.program import Node, Program
from grusym.calculus.rules import partials
from grusym.calculus.transpose import Contribution, Part, rename, transpose
from grusym.equations.axis import extent_of
from grusym.equations.functions import NAMES
from grusym.equations.names import cotangent_name, fresh
from grusym.equations.tensor import access, accesses, indices_of, is_access, tensor_of


@dataclass(frozen=True)
class Step:
    """One step of a derivation: by which rule the nodes `before` gave the nodes `after`."""

    rule: str
    before: tuple[Node, ...]
    after: tuple[Node, ...]

    def __str__(self) -> str:
        return "\n".join((f"{self.rule}:", *(f"    {n}" for n in self.before), *(f" => {n}" for n in self.after)))


@dataclass(frozen=True)
class Adjoint:
    """The adjoint program: from the cotangents of the outputs to those of `wrt`, and the steps that led there."""

    program: Program
    steps: tuple[Step, ...]


def reverse(
    program: Program, outputs: Collection[str], wrt: Iterable[str], own: Mapping[str, tuple[Idx, ...]]
) -> Adjoint:
    """The vector-Jacobian product of a program.

    `outputs` are the tensors whose cotangents are given (as dX for X), `wrt` those whose cotangents are wanted, in the
    order in which they are returned; `own` gives the indices in which a tensor that no node defines is written.
    Every dX of `wrt` gets a node, zero where nothing depends on it. Raises DerivativeError for a function without rule.
    """
    reversal = _Reversal(program, outputs, own)
    wanted = tuple(wrt)
    active = _active(program, wanted)
    for node in reversed(program.nodes):
        if node.tensor in active and reversal.collect(node.tensor):
            reversal.pull(node, active)
    for tensor in wanted:
        reversal.deliver(tensor)
    return Adjoint(Program(tuple(reversal.nodes), reversal.shapes), tuple(reversal.steps))


def _active(program: Program, wrt: tuple[str, ...]) -> frozenset[str]:
    """`wrt` and every tensor that depends on it."""
    active = set(wrt)
    for node in program.nodes:
        if not active.isdisjoint(node.reads):
            active.add(node.tensor)
    return frozenset(active)


class _Reversal:
    """Contributions that wait for their tensor, and the nodes and steps so far."""

    def __init__(self, program: Program, outputs: Collection[str], own: Mapping[str, tuple[Idx, ...]]):
        self.outputs = outputs
        self.own = {**own, **{node.tensor: node.free for node in program.nodes}}
        self.shapes = {**program.shapes, **{cotangent_name(name): program.shapes[name] for name in outputs}}
        self.taken = {*program.shapes, *map(cotangent_name, program.shapes)}
        self.pending: dict[str, list[Part]] = {}
        self.cotangent: dict[str, str] = {}  # the tensor that holds the cotangent of a tensor
        self.nodes: list[Node] = []
        self.steps: list[Step] = []

    def pull(self, node: Node, active: frozenset[str]) -> None:
        """Send the node's cotangent to everything its value accesses."""
        received = access(self.cotangent[node.tensor], indices_of(node.target))
        sent = []
        for element, slope in _slopes(node):
            tensor = tensor_of(element)
            if tensor in active:
                contribution = Contribution(
                    indices_of(element), slope * received, (*node.free, *node.over), node.guards
                )
                part = transpose(contribution, self.own[tensor])
                self.pending.setdefault(tensor, []).append(part)
                sent.append(_node(cotangent_name(tensor), part))
        function = NAMES.get(type(node.value))
        rule = f"derivative of {function}, in its own value" if function else "transposed access map"
        self.steps.append(Step(rule, (node,), tuple(sent)))

    def collect(self, tensor: str) -> bool:
        """Find the tensor that holds the cotangent of an inner tensor; False if nothing reached it."""
        parts, name = self.pending.pop(tensor, []), cotangent_name(tensor)
        if tensor in self.outputs:
            if not parts:
                self.cotangent[tensor] = name
                return True
            parts.insert(0, Part(self.own[tensor], access(name, self.own[tensor]), (), ()))
            name = fresh((f"{name}_total",), self.taken.union(self.shapes))
        if not parts:
            return False
        only = parts[0].term
        if len(parts) == 1 and is_access(only) and _node(name, parts[0]) == Node(access(name, indices_of(only)), only):
            self.cotangent[tensor] = tensor_of(only)  # an unchanged cotangent needs no copy
            return True
        self.add_up(tensor, name, parts)
        return True

    def deliver(self, tensor: str) -> None:
        """Define the cotangent of a tensor of `wrt`."""
        parts = self.pending.pop(tensor, []) or [Part(self.own[tensor], Integer(0), (), ())]
        self.add_up(tensor, cotangent_name(tensor), parts)

    def add_up(self, tensor: str, name: str, parts: list[Part]) -> None:
        """The node, or nodes, that sum what reached a tensor: terms that are summed alike share one node."""
        before = tuple(_node(cotangent_name(tensor), part) for part in parts)
        groups, start = _grouped(parts), len(self.nodes)
        self.shapes[name] = self.shapes[tensor]
        if len(groups) == 1:
            self.nodes.append(_node(name, groups[0]))
        else:
            terms = []
            for group in groups:
                term = group.term
                if group.over or group.guards or group.scatters:
                    piece = fresh((f"{name}_sum",), self.taken.union(self.shapes))
                    self.shapes[piece] = self.shapes[tensor]
                    self.nodes.append(_node(piece, group))
                    term = access(piece, self.own[tensor])
                terms.append(term)
            self.nodes.append(Node(access(name, self.own[tensor]), Add(*terms)))
        self.cotangent[tensor] = name
        self.steps.append(Step(f"sum of what reaches {tensor}", before, tuple(self.nodes[start:])))


def _slopes(node: Node) -> list[tuple[Expr, Expr]]:
    """Every access in the value of a node with the derivative of the value with respect to it."""
    if type(node.value) in NAMES:
        pairs = zip(node.value.args, partials(node.value, node.target), strict=True)
        return [(argument, slope) for argument, slope in pairs if is_access(argument)]
    elements = accesses(node.value)
    # SymPy would differentiate x[i] by x[k] into a Kronecker delta; symbols of their own keep the accesses apart.
    symbols = {element: Dummy(f"a{number}") for number, element in enumerate(elements)}
    back = {symbol: element for element, symbol in symbols.items()}
    flat = node.value.xreplace(symbols)
    return [(element, flat.diff(symbols[element]).xreplace(back)) for element in elements]


def _grouped(parts: list[Part]) -> list[Part]:
    """Parts with sums over the same extents, under the same guards, become one: their terms share the sum."""
    groups: list[Part] = []
    for part in parts:
        for position, group in enumerate(groups):
            if [extent_of(i) for i in part.over] == [extent_of(i) for i in group.over]:
                moved = rename(part, dict(zip(part.over, group.over, strict=True)))
                if (moved.target, moved.guards, moved.scatters) == (group.target, group.guards, False):
                    groups[position] = replace(group, term=group.term + moved.term)
                    break
        else:
            groups.append(part)
    return groups


def _node(name: str, part: Part) -> Node:
    over = tuple(i for i in part.over if not any(position.has(i) for position in part.target))
    return Node(access(name, part.target), part.term, over, part.guards)
