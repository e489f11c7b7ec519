"""Changes of where sequences of different lengths end, and of what is returned past their ends."""

from dataclasses import replace

import numpy as np

from grusym.oracle.case import Case
from grusym.oracle.wiring import NOTHING, Wiring, numbered, wired


def lengths_ignored(case: Case, wiring: Wiring, way: int) -> Wiring:
    del wiring
    return wired(case.steps, case.batch, None, backwards=way == 1)


def repeated(case: Case, wiring: Wiring, way: int) -> Wiring:
    del case, way
    return replace(wiring, y=np.where(wiring.y == NOTHING, wiring.final, wiring.y))


def computed(case: Case, wiring: Wiring, way: int) -> Wiring:
    del way
    return replace(wiring, y=np.where(wiring.y == NOTHING, case.batch + numbered(case.steps, case.batch), wiring.y))


def final_past_end(case: Case, wiring: Wiring, way: int) -> Wiring:
    del way
    last = case.batch + (case.steps - 1) * case.batch + np.arange(case.batch)
    return replace(wiring, final=last if case.steps else wiring.final)


def final_of_series(case: Case, wiring: Wiring, way: int) -> Wiring:
    """What the padded series holds at its last step: zero, for shorter sequences."""
    return replace(wiring, final=wiring.y[0 if way else -1]) if case.steps else wiring


def empty_zero(case: Case, wiring: Wiring) -> Wiring:
    return replace(wiring, final=np.where(wiring.final < case.batch, NOTHING, wiring.final))


def empty_is_one(case: Case, wiring: Wiring, way: int) -> Wiring:
    return wired(case.steps, case.batch, np.maximum(case.lengths, 1), backwards=way == 1) if case.steps else wiring
