"""Known mistakes that a check sees by itself: those entries of the catalogue whose check failed."""

from collections.abc import Sequence

import numpy as np

from grusym.oracle.catalogue.library import CATALOGUE
from grusym.oracle.observation import Observation
from grusym.oracle.report import FAIL, CheckResult, Diagnosis


def behaviours(
    failing: Sequence[str], results: Sequence[CheckResult], found: Sequence[Diagnosis], seen: Sequence[Observation]
) -> list[Diagnosis]:
    """Entries whose check failed, where nothing that was found explains it already."""
    known = {diagnosis.id for diagnosis in found}
    explained: set[str] = set()
    if known:
        explained |= {"saturation", "empty-sequence", "output-shape"}
    if "initial-state-uninitialised" in known:
        explained |= {"deterministic", "reentrant", "alignment"}
    if known and not all(one.failure for one in seen):
        explained |= {"exception"} if any(one.failure == "exception" for one in seen) else set()
    by_id = {result.id: result for result in results}
    more = []
    for entry in CATALOGUE.values():
        for check in entry.checks:
            if check not in failing or check in explained or entry.id in known:
                continue
            where = by_id[check].where
            if check == "saturation" and (where is None or np.isfinite(where.got)):
                continue
            if check == "alignment" and any(one.id != check and one.verdict == FAIL for one in results):
                continue
            if check == "reentrant" and "deterministic" in failing:
                continue
            more.append(Diagnosis(entry.id, entry.title, np.inf, by_id[check].cases, entry.fix))
            break
    return more
