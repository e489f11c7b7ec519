"""How an implementation behaves besides what it computes: alone or beside others, it must give the same bits."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from grusym.oracle.case import Case, Run
from grusym.oracle.checks import Found
from grusym.oracle.gate_a import Judged
from grusym.oracle.gate_b import Sequence
from grusym.oracle.profile import Profile
from grusym.oracle.subject import Addressed, OwnThreads, Subject

THREADS = 4


def behaviour_checks(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    """The same case from several threads at once, with others in between, as from one; and at any address."""
    del whole
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
    mixed = [case, other] * THREADS
    if isinstance(subject, OwnThreads):
        runs = subject.together(mixed)
    else:
        with ThreadPoolExecutor(THREADS) as pool:
            runs = list(pool.map(subject.forward, mixed))
    found: Found = {"reentrant": [_compared(alone, run) for run in runs[::2]]}
    if isinstance(subject, Addressed):
        found["alignment"] = [_rounded_alike(case, profile, alone, run) for run in subject.elsewhere(case)]
    return found


def _rounded_alike(case: Case, profile: Profile, one: Run, other: Run) -> Judged:
    """Bits may differ where an array begins elsewhere, as vector code takes its terms in another order; results not."""
    judged = _compared(one, other)
    if not judged.error.any():
        return judged
    outputs = Sequence(case, profile).outputs()
    bound = np.concatenate([2 * outputs[name][1].reshape(-1) for name in one.series])
    return replace(judged, error=np.where(judged.error > 0, np.abs(judged.found - judged.wanted), 0.0), bound=bound)


def _compared(one: Run, other: Run) -> Judged:
    first, second = (np.concatenate([array.reshape(-1) for array in run.series.values()]) for run in (one, other))
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    return Judged("y", np.nan_to_num(second), first, np.where(same, 0.0, np.inf), np.zeros_like(first))
