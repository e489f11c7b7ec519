"""The syntax tree of a cell's text: what was written, before any index is summed."""

from dataclasses import dataclass

from grusym.equations.tokens import Token


@dataclass(frozen=True)
class Number:
    token: Token


@dataclass(frozen=True)
class Reference:
    """A name, with index expressions if brackets follow: ``W_r[i,j]``, ``zeta``."""

    token: Token
    indices: tuple["Node", ...]


@dataclass(frozen=True)
class Call:
    """``f(argument, ...)``."""

    token: Token
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Total:
    """``sum[k](body)``: a sum that is written out."""

    token: Token
    names: tuple[Token, ...]
    body: "Node"


@dataclass(frozen=True)
class Terms:
    """A sum of signed terms."""

    token: Token
    terms: tuple[tuple[int, "Node"], ...]


@dataclass(frozen=True)
class Factors:
    """A product of factors to the power 1 or -1; parenthesised products are part of it."""

    token: Token
    factors: tuple[tuple[int, "Node"], ...]


@dataclass(frozen=True)
class Power:
    token: Token
    base: "Node"
    exponent: "Node"


Node = Number | Reference | Call | Total | Terms | Factors | Power


@dataclass(frozen=True)
class Assignment:
    """``target = value``."""

    target: Reference
    value: Node


@dataclass(frozen=True)
class AxisClause:
    """``i, k: H``."""

    indices: tuple[Token, ...]
    extent: Token


@dataclass(frozen=True)
class CellSyntax:
    """A whole cell: ``name(arguments) -> results  axes ...  [parameters ...]`` and its equations."""

    token: Token
    arguments: tuple[Reference, ...]
    results: tuple[Reference, ...]
    axes: tuple[AxisClause, ...]
    parameters: tuple[Reference, ...]
    assignments: tuple[Assignment, ...]
