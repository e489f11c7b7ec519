"""What must hold besides of a mistake that leaves numbers open, before it is named: else it would be a guess."""

from dataclasses import replace
from typing import Any

import numpy as np

from grusym.equations.cell import Cell
from grusym.oracle.case import Case, Run
from grusym.oracle.catalogue import roles
from grusym.oracle.comparison import told
from grusym.oracle.observation import Observation
from grusym.oracle.profile import Profile
from grusym.oracle.program import Program, right_program
from grusym.oracle.spec import Spec, materialise, rich_sizes
from grusym.oracle.subject import Misbehaviour, Subject, fixed_sizes
from grusym.oracle.telling import SEED, few_bits


def credible(subject: Subject, program: Program, seen: Observation, profile: Profile) -> bool:
    """Whether what a program leaves open behaves as it must."""
    if program.open_start:
        return _start_is_not_read(subject, seen, profile)
    return not program.looser or _functions_of_sums(subject, seen.case, profile)


def _start_is_not_read(subject: Subject, seen: Observation, profile: Profile) -> bool:
    """The first step gives something else when called again, or the same for another initial state.

    It is right for no sample: one that is right has read its own.
    """
    if seen.first is None or seen.again is None or _some_sample_is_right(seen.first, seen.case, profile):
        return False
    if not _alike(seen.first, seen.again):
        return True
    turned = replace(seen.case, initial={name: -array for name, array in seen.case.initial.items()})
    try:
        return _alike(seen.first, subject.forward(turned))
    except Misbehaviour:
        return False


def _some_sample_is_right(run: Run, case: Case, profile: Profile) -> bool:
    """Whether the first step is right for a sample, with all its units."""
    wanted = told(right_program(case), profile, gradients=False)
    fits = np.ones(case.batch, bool)
    for name, array in run.series.items():
        value, bound = wanted[f"series {name}"]
        near = np.abs(array[0] - value[0]) <= bound[0]
        fits &= near.reshape(case.batch, -1).all(axis=1)
    return bool(fits.any())


def _alike(one: Run, other: Run) -> bool:
    return all(np.array_equal(array[:1], other.series[name][:1]) for name, array in one.series.items())


def _functions_of_sums(subject: Subject, case: Case, profile: Profile) -> bool:
    """An approximated function sees a sum, not its terms: W x + b gives what a bias of that size gives."""
    twins = _twins(subject, case)
    if twins is None:
        return False
    try:
        one, other = (subject.forward(twin) for twin in twins)
    except Misbehaviour:
        return False
    wanted = told(right_program(twins[1]), profile, gradients=False)
    return all(
        bool((np.abs(array - other.series[name]) <= 2 * wanted[f"series {name}"][1]).all())
        for name, array in one.series.items()
    )


def _twins(subject: Subject, case: Case) -> tuple[Case, Case] | None:
    """Two cases with the same sums, of inputs in one and of biases in the other; None where there are none."""
    cell: Cell = case.cell
    fixed = fixed_sizes(subject)
    weights = roles.with_letter(cell, "W")
    biases = {roles.gate_of(tensor): tensor.name for tensor in roles.with_letter(cell, "b")}
    plain = all(len(tensor.axes) == 2 for tensor in weights) and len(cell.inputs) == 1
    if not weights or not plain or {roles.gate_of(t) for t in weights} - set(biases) or fixed.get("B", 1) != 1:
        return None
    sizes = (1, 1, *rich_sizes(cell, fixed)[2:])
    start = few_bits(materialise(Spec(sizes, SEED + 5), cell, case.convention, case.dtype))
    kept = {tensor.name for tensor in (*weights, *roles.with_letter(cell, "b"))}
    tensors: dict[str, Any] = {n: a if n in kept else np.zeros_like(a) for n, a in start.tensors.items()}
    first = replace(start, tensors=tensors)
    x = next(iter(first.inputs.values()))[0, 0]
    moved = dict(tensors)
    for weight in weights:
        name = biases[roles.gate_of(weight)]
        moved[name] = tensors[name] + tensors[weight.name] @ x
        moved[weight.name] = np.zeros_like(tensors[weight.name])
    return first, replace(first, tensors=moved)
