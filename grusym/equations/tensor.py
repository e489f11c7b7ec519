"""Tensors of the equations, their roles, and how an expression accesses them."""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from sympy import Expr, Idx, Indexed, IndexedBase, Symbol

from grusym.equations.axis import Axis


class Role(Enum):
    """What a tensor is to a cell."""

    INPUT = "input"
    STATE = "state"
    PARAMETER = "parameter"
    INTERMEDIATE = "intermediate"
    OUTPUT = "output"


@dataclass(frozen=True)
class Tensor:
    """A named tensor of one cell: `axes` is its shape per sample and step, `letters` the indices it is written in."""

    name: str
    axes: tuple[Axis, ...]
    role: Role
    letters: tuple[str, ...]

    @property
    def shape(self) -> tuple[Expr, ...]:
        return tuple(axis.extent for axis in self.axes)

    @property
    def indices(self) -> tuple[Idx, ...]:
        """The tensor's own indices: (i, k) for a matrix first written U[i,k]."""
        return tuple(axis.index(letter) for axis, letter in zip(self.axes, self.letters, strict=True))

    @property
    def element(self) -> Expr:
        """The access at the tensor's own indices: U[i, k]."""
        return access(self.name, self.indices)


def access(name: str, indices: tuple[Expr, ...]) -> Expr:
    """The element of tensor `name` at `indices`; a tensor without axes is a symbol.

    >>> access("W_r", (Axis("H").index("i"), Axis("I").index("j")))
    W_r[i, j]
    """
    return IndexedBase(name)[indices] if indices else Symbol(name)


def is_access(expression: Expr) -> bool:
    """Whether an expression is an access (and not an extent, an index or a compound)."""
    return isinstance(expression, Indexed) or (isinstance(expression, Symbol) and not expression.is_integer)


def tensor_of(element: Expr) -> str:
    """The tensor that an access names."""
    return element.base.name if isinstance(element, Indexed) else element.name


def indices_of(element: Expr) -> tuple[Expr, ...]:
    """The index expressions of an access, empty for a scalar tensor."""
    return element.indices if isinstance(element, Indexed) else ()


@lru_cache(maxsize=10_000)  # asked for again and again; a pure function of an immutable expression
def accesses(expression: Expr) -> tuple[Expr, ...]:
    """Every distinct access in an expression, in a fixed order."""
    found: set[Expr] = set()
    pending = [expression]
    while pending:
        node = pending.pop()
        if is_access(node):
            found.add(node)
        else:
            pending.extend(node.args)
    return tuple(sorted(found, key=str))


def standing_in(expression: Expr) -> tuple[Idx, ...]:
    """The indices that stand in an expression as numbers, and not only in accesses, by name.

    >>> p = Axis("P").index("p")
    >>> standing_in(p * access("h", (Axis("Q").index("q"),)))
    (p,)
    """
    found: set[Idx] = set()
    pending = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, Idx):
            found.add(node)
        elif not is_access(node):
            pending.extend(node.args)
    return tuple(sorted(found, key=lambda index: index.name))


def is_plain(indices: tuple[Expr, ...]) -> bool:
    """Whether an access is a tuple of distinct indices, so that its transposed map is a renaming."""
    return all(isinstance(index, Idx) for index in indices) and len(set(indices)) == len(indices)
