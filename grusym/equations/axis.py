"""Axes with symbolic extents, and the indices that run over them."""

from dataclasses import dataclass

from sympy import Expr, Idx, Symbol


@dataclass(frozen=True, order=True)
class Axis:
    """A named axis. Its extent is a symbol and becomes a number only when a kernel runs.

    >>> Axis("H").extent
    H
    """

    name: str

    @property
    def extent(self) -> Symbol:
        return Symbol(self.name, integer=True, positive=True)

    def index(self, name: str) -> Idx:
        """An index of this name, running from 0 to the extent."""
        return Idx(name, self.extent)


TIME = Axis("T")
BATCH = Axis("B")


def extent_of(index: Idx) -> Expr:
    """The extent that an index runs to: H for an index made by ``Axis("H").index``."""
    return index.upper - index.lower + 1


def spans(index: Expr, extent: Expr) -> bool:
    """Whether an index expression is an index that runs over exactly this extent, and so stays in bounds."""
    return isinstance(index, Idx) and extent_of(index) == extent


def indices_in(expression: Expr) -> tuple[Idx, ...]:
    """The indices that occur in an expression, by name."""
    return tuple(sorted(expression.atoms(Idx), key=lambda index: index.name))
