"""What is carried from step to step backwards, and what is summed over steps and samples."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from grusym.oracle.catalogue.entry import Change
from grusym.oracle.program import Program, backwards, each_strand


def carry(kind: str) -> Change:
    return lambda program: backwards(program, carry=kind)


def weighted(weights: Callable[[int, int], Any]) -> Change:
    """What each step counts in the gradients of parameters."""

    def change(program: Program) -> Program | None:
        case = program.case

        def counted(strand: Any) -> Any:
            own = weights(case.steps, case.batch)
            before = strand.backward.weights
            return replace(strand, backward=replace(strand.backward, weights=own if before is None else own * before))

        return each_strand(program, counted)

    return change


def only(time: Any, sample: Any) -> Callable[[int, int], Any]:
    def weights(steps: int, batch: int) -> Any:
        kept = np.zeros((steps, batch))
        kept[time, sample] = 1.0
        return kept

    return lambda steps, batch: weights(steps, batch) if steps else np.zeros((steps, batch))


ALL = slice(None)
