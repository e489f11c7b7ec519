"""What a vector can see: how far from its exact results every known mistake ends up."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from grusym.oracle.case import Case
from grusym.oracle.catalogue.entry import FORWARD, GRADIENTS, Candidate
from grusym.oracle.catalogue.library import candidates
from grusym.oracle.engine import QUICK
from grusym.oracle.predict import predicted, predicted_gradients
from grusym.oracle.program import Program, right_program, same

LARGEST = 1e12  # what is written for anything further off, or not a number


def kills(case: Case, exact: Mapping[str, Any], bounds: Mapping[str, Any]) -> dict[str, float]:
    """For every way to make a known mistake that shows in one call: error / bound where it is largest.

    `exact` and `bounds` go by the names of the program's results: "series y", "final h", gradients by those of the
    cell's tensors. A mistake that changes nothing here (another order of one gate's blocks, say) is not listed.
    """
    right = right_program(case)
    found: dict[str, float] = {}
    for group in (FORWARD, GRADIENTS):
        for candidate in candidates(case.cell, case.convention, group):
            program = candidate.change(right)
            if program is None or same(program, right) or not _shows(candidate, program):
                continue
            with np.errstate(all="ignore"):
                wanted = dict(predicted_gradients(program, QUICK)) if group == GRADIENTS else predicted(program, QUICK)
            far = [_far(value, exact[name], bounds[name]) for name, (value, _) in wanted.items() if name in exact]
            found[candidate.id] = max(found.get(candidate.id, 0.0), *far)
    return {name: round(ratio, 1) for name, ratio in found.items()}


def _shows(candidate: Candidate, program: Program) -> bool:
    """Whether a mistake leaves no number open, and shows in one call."""
    accumulates = any(strand.backward.accumulates for strand in program.strands)
    loose = program.looser or program.operands
    return not (candidate.open or loose or accumulates or program.leftover or program.open_start)


def _far(value: Any, exact: Any, bound: Any) -> float:
    if np.shape(value) != np.shape(exact):
        return LARGEST
    with np.errstate(all="ignore"):
        ratio = np.abs(value - exact) / np.where(bound > 0, bound, np.finfo(np.float64).tiny)
    return float(np.minimum(np.nan_to_num(ratio, nan=LARGEST, posinf=LARGEST), LARGEST).max(initial=0.0))
