"""A layer as somebody runs it on a case, right or wrong: equations, parameters, wires, and how its gradients are made.

A mistake of the catalogue is a change of one of these, so that two mistakes are two changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sympy import Expr, Function

from grusym.equations.cell import Cell, Equation
from grusym.oracle.case import Arrays, Case
from grusym.oracle.wiring import Wiring, wired

Tangents = Callable[[Cell, tuple[Equation, ...]], tuple[Equation, ...] | None]
Derivative = tuple[type[Function], Callable[[Expr, Expr], Expr]]  # of a function: of its value and its argument


@dataclass(frozen=True)
class Backward:
    """How gradients are made: by default, rightly.

    `derivatives` are those of functions that differ; `tangents` changes the equations that they make; `carry` says what
    of a step's Jacobian goes on to the step before: "all", "own" (a unit's own state only), "none", or "detached"
    (nothing to the initial state either). `weights` (T, B) is what each step counts in the gradient of a parameter.
    `saved` (T, B) numbers the step whose saved values are taken for each step, `inputs` the same for the inputs named.
    `final` says whether the cotangent of the final state is used, `accumulates` that gradients of parameters are added
    to those of the call before. `raw` gates are saved before their activation.
    """

    derivatives: tuple[Derivative, ...] = ()
    tangents: tuple[Tangents, ...] = ()
    carry: str = "all"
    final: bool = True
    weights: Any = None
    saved: Any = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    accumulates: bool = False
    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Strand:
    """One direction of a layer.

    `ties` are states that a changed cell has besides, and those they begin as. `reading` holds, for every element of
    the parameters, the number of the element that is taken for it, all parameters in a row; None: its own.
    `apart` says that every sample has parameters of its own (B, ...): so programs are run side by side.
    """

    cell: Cell
    tensors: Arrays
    inputs: Arrays
    initial: Arrays
    wiring: Wiring
    dy: Arrays
    dh: Arrays
    backward: Backward = Backward()
    ties: Mapping[str, str] = field(default_factory=dict)
    reading: Arrays | None = None
    apart: bool = False


@dataclass(frozen=True)
class Program:
    """A layer on a case. `orders` permute the elements of what is returned, by "series NAME" and "final NAME".

    `looser` is what functions may be off besides, as a part of their distance from rest (0 of tanh, 1/2 of sigmoid),
    and `operands` how coarsely factors are rounded. Of the first step, nothing is said if `open_start`;
    `leftover` says that a call begins with the state that the call before it left, `shared` that all directions have
    the parameters of the first.
    """

    case: Case
    strands: tuple[Strand, ...]
    orders: Mapping[str, Any] = field(default_factory=dict)
    looser: Mapping[str, float] = field(default_factory=dict)
    operands: float = 0.0
    open_start: bool = False
    leftover: bool = False
    shared: bool = False


def right_program(case: Case) -> Program:
    """What the case asks for."""
    strands = []
    for way in range(case.directions):
        one = case.direction(way)
        wiring = wired(case.steps, case.batch, case.lengths, backwards=way == 1)
        strands.append(Strand(one.cell, one.tensors, one.inputs, one.initial, wiring, one.dy, one.dh))
    return Program(case, tuple(strands))


def each_strand(program: Program, change: Callable[[Strand], Strand | None]) -> Program | None:
    """The program with every direction changed; None where one cannot be."""
    changed = tuple(change(strand) for strand in program.strands)
    kept = tuple(strand for strand in changed if strand is not None)
    return replace(program, strands=kept) if len(kept) == len(changed) else None


def rewired(program: Program, change: Callable[[Case, Wiring], Wiring]) -> Program | None:
    """The program with every direction's wires changed."""
    return each_strand(program, lambda strand: replace(strand, wiring=change(program.case, strand.wiring)))


def backwards(program: Program, **changes: Any) -> Program | None:
    """The program with other gradients."""
    return each_strand(program, lambda strand: replace(strand, backward=replace(strand.backward, **changes)))


def same(one: Program, other: Program) -> bool:
    """Whether two programs compute the same because nothing of them differs."""
    return one is other or (
        one.orders is other.orders
        and one.looser is other.looser
        and one.operands == other.operands
        and one.open_start == other.open_start
        and one.leftover == other.leftover
        and all(_same_strand(a, b) for a, b in zip(one.strands, other.strands, strict=True))
    )


def _same_strand(one: Strand, other: Strand) -> bool:
    wires = ("x", "h", "y", "final")
    return (
        one.cell is other.cell
        and one.backward is other.backward
        and all(np.array_equal(getattr(one.wiring, w), getattr(other.wiring, w)) for w in wires)
        and all(
            first.keys() == second.keys() and all(np.array_equal(first[n], second[n]) for n in first)
            for first, second in (
                (one.tensors, other.tensors),
                (one.inputs, other.inputs),
                (one.initial, other.initial),
            )
        )
    )
