"""A program: equations in normal form, each one node, in an order in which they can be evaluated."""

from dataclasses import dataclass

from sympy import Expr, Idx

from grusym.equations.axis import indices_in, spans
from grusym.equations.tensor import accesses, indices_of, is_plain, tensor_of


@dataclass(frozen=True)
class Guard:
    """The condition 0 <= index < extent: outside it a shifted access reads zero."""

    index: Expr
    extent: Expr

    @property
    def always_holds(self) -> bool:
        return self.index == 0 or spans(self.index, self.extent)

    def __str__(self) -> str:
        return f"0 <= {self.index} < {self.extent}"


@dataclass(frozen=True)
class Node:
    """target = sum of `value` over the indices `over`, of the terms whose guards hold; `value` is free of sums.

    Where the indices of the target are not a plain tuple, several values may meet in one element: the node is a
    scatter, which adds them into a target that starts at zero.
    """

    target: Expr
    value: Expr
    over: tuple[Idx, ...] = ()
    guards: tuple[Guard, ...] = ()

    @property
    def tensor(self) -> str:
        return tensor_of(self.target)

    @property
    def free(self) -> tuple[Idx, ...]:
        """The indices of the target: the node holds for every value of these."""
        plain = indices_of(self.target)
        return plain if is_plain(plain) else tuple(i for i in indices_in(self.target) if i not in self.over)

    @property
    def scatters(self) -> bool:
        return not is_plain(indices_of(self.target))

    @property
    def reads(self) -> tuple[str, ...]:
        """The tensors that the value accesses, each once, in a fixed order."""
        return tuple(dict.fromkeys(tensor_of(a) for a in accesses(self.value)))

    def __str__(self) -> str:
        total = f"sum[{','.join(i.name for i in self.over)}] " if self.over else ""
        where = f"  where {' and '.join(map(str, self.guards))}" if self.guards else ""
        return f"{self.target} {'+=' if self.scatters else '='} {total}{self.value}{where}"


@dataclass(frozen=True)
class Program:
    """Nodes in order of evaluation, and the shape of every tensor they name."""

    nodes: tuple[Node, ...]
    shapes: dict[str, tuple[Expr, ...]]

    @property
    def defined(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(node.tensor for node in self.nodes))

    def __str__(self) -> str:
        return "\n".join(map(str, self.nodes))
