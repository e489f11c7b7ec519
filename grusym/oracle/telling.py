"""Cases that tell mistakes apart: few, and each able to see what others cannot."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.tensor import tensor_of
from grusym.oracle.case import Arrays, Case
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.packing import rounded
from grusym.oracle.spec import Spec, both_directions, materialise, rich_sizes, with_lengths, without_start
from grusym.oracle.subject import Subject, fixed_sizes, takes

FEW_BITS = 3
SEED = 8  # not the campaign's: a mistake that fits by accident there does not here


def telling_cases(subject: Subject, cell: Cell, convention: str | None, dtype: str) -> list[Case]:
    """Rich ones first. One has all sizes equal, one few bits, some only gates or only candidates at work."""
    fixed = fixed_sizes(subject)
    names = [symbol.name for symbol in Layer(cell).sizes]
    rich = rich_sizes(cell, fixed)

    def sized(numbers: tuple[int, ...], seed: int, kind: str = "plain") -> Case:
        sizes = tuple(fixed.get(name, number) for name, number in zip(names, numbers, strict=True))
        return materialise(Spec(sizes, SEED + seed, kind), cell, convention, dtype)

    square = (3,) * len(names)
    other = (4, 3, *(max(1, number - 1) for number in rich[2:]))
    first = sized(rich, 0)
    cases = [first, sized(other, 1), sized(square, 2)]
    cases += [_resting(first, names_) for names_ in _halves(cell)]
    cases.append(few_bits(sized((1, *rich[1:]), 3)))
    cases.append(sized(rich, 4, "saturated"))
    return cases


def layered_cases(subject: Subject, cell: Cell, convention: str | None, dtype: str) -> list[Case]:
    """With lengths, both directions and no initial state, as far as the implementation takes them."""
    fixed = fixed_sizes(subject)
    rich = rich_sizes(cell, fixed)
    found = []
    for seed in range(2):
        spec = Spec(rich, SEED + 16 + seed)
        plain = materialise(spec, cell, convention, dtype)
        if takes(subject, "lengths"):
            found.append(with_lengths(plain, seed))
        if takes(subject, "absent"):
            found.append(without_start(plain))
        if takes(subject, "directions"):
            both = both_directions(spec, plain)
            found.append(with_lengths(both, seed) if seed and takes(subject, "lengths") else both)
    return found


def _halves(cell: Cell) -> Iterator[set[str]]:
    """The parameters of gates, and those of candidates and what helps them."""
    gates, parameters = set(roles.gates(cell)), {tensor.name for tensor in cell.parameters}
    helpers = {tensor_of(e.target) for e in roles.candidates(cell)} | set(roles.helpers(cell))
    for mine in (gates, helpers):
        read = {n for e in cell.equations if tensor_of(e.target) in mine for n in roles.reads(e.value)}
        if read & parameters:
            yield read & parameters


def _resting(case: Case, names: set[str]) -> Case:
    zero = {name: np.zeros_like(case.tensors[name]) for name in sorted(names)}
    return replace(case, tensors=case.tensors | zero)


def few_bits(case: Case) -> Case:
    """The case with values that every format holds exactly."""

    def coarse(arrays: Arrays) -> Arrays:
        return {name: rounded(array, FEW_BITS) for name, array in arrays.items()}

    return replace(case, inputs=coarse(case.inputs), initial=coarse(case.initial), tensors=coarse(case.tensors))


def separating_specs(cell: Cell, fixed: Any) -> Iterator[Spec]:
    """Where to look for an input on which two candidates differ."""
    names = [symbol.name for symbol in Layer(cell).sizes]
    rich = rich_sizes(cell, fixed)
    shapes = [rich, tuple(reversed(rich)), (2, 2, *rich[2:]), (5, 2, *(number + 1 for number in rich[2:]))]
    for seed, kind in enumerate(("plain", "cancelling", "subnormal", "saturated")):
        for number, shape in enumerate(shapes):
            sizes = tuple(fixed.get(name, extent) for name, extent in zip(names, shape, strict=True))
            yield Spec(sizes, SEED + 32 + 4 * seed + number, kind)
