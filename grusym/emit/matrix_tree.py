"""Matrix expressions: what an equation in index form is where its sums are matrix products.

A vector is a column, so that matrix-vector product, dot product and outer product are all `Times`. Every node carries
the indices of its rows and columns: () a number, (i,) a column, (i, k) a matrix; an elementwise one may have more.
"""

from dataclasses import dataclass

from sympy import Expr, Function, Idx

Indices = tuple[Idx, ...]


@dataclass(frozen=True)
class Leaf:
    """A tensor as a whole, read at its plain indices."""

    tensor: str
    indices: Indices


@dataclass(frozen=True)
class Constant:
    """A number or an extent; beside vectors it acts on every element."""

    value: Expr
    indices: Indices = ()


@dataclass(frozen=True)
class Ones:
    """The vector of ones, as long as the axis of its index."""

    indices: Indices


@dataclass(frozen=True)
class Transposed:
    operand: "Matrix"
    indices: Indices


@dataclass(frozen=True)
class Diagonal:
    """The diagonal matrix of a vector."""

    operand: "Matrix"
    indices: Indices


@dataclass(frozen=True)
class Times:
    """The matrix product of the factors, left to right."""

    factors: tuple["Matrix", ...]
    indices: Indices


@dataclass(frozen=True)
class Hadamard:
    """The elementwise product; factors without indices scale the rest."""

    factors: tuple["Matrix", ...]
    indices: Indices


@dataclass(frozen=True)
class Plus:
    """The sum of the terms; `negative` says which are subtracted. Numbers are added to every element."""

    terms: tuple["Matrix", ...]
    negative: tuple[bool, ...]
    indices: Indices


@dataclass(frozen=True)
class Power:
    """The elementwise power."""

    base: "Matrix"
    exponent: Expr
    indices: Indices


@dataclass(frozen=True)
class Applied:
    """A function of every element."""

    function: type[Function]
    arguments: tuple["Matrix", ...]
    indices: Indices


Matrix = Leaf | Constant | Ones | Transposed | Diagonal | Times | Hadamard | Plus | Power | Applied
