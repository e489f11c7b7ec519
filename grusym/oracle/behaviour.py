"""How an implementation behaves besides what it computes: alone or beside others, it must give the same bits."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from grusym.oracle.case import Case, Run
from grusym.oracle.checks import Found
from grusym.oracle.gate_a import Judged
from grusym.oracle.profile import Profile
from grusym.oracle.subject import Subject

THREADS = 4


def behaviour_checks(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    """The same case from several threads at once, with others in between, as from one."""
    del profile, whole
    other = Case(
        case.cell,
        case.convention,
        case.dtype,
        case.sizes,
        {name: -array for name, array in case.inputs.items()},
        {name: -array for name, array in case.initial.items()},
        case.tensors,
        case.dy,
        case.dh,
    )
    alone = subject.forward(case)
    with ThreadPoolExecutor(THREADS) as pool:
        runs = list(pool.map(subject.forward, [case, other] * THREADS))[::2]
    return {"reentrant": [_compared(alone, run) for run in runs]}


def _compared(one: Run, other: Run) -> Judged:
    first, second = (np.concatenate([array.reshape(-1) for array in run.series.values()]) for run in (one, other))
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    return Judged("y", np.nan_to_num(second), first, np.where(same, 0.0, np.inf), np.ones_like(first))
