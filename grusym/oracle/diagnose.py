"""What is wrong: every candidate of the catalogue is run beside the implementation, and the one that fits is named.

A candidate fits if it explains everything that came back, within derived bounds, on all cases. None is named that does
not: the nearest is told, and how far off it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grusym.oracle.catalogue.entry import FORWARD, GRADIENTS, Candidate
from grusym.oracle.catalogue.library import candidates, entry_of
from grusym.oracle.checked import behaviours
from grusym.oracle.comparison import Bench
from grusym.oracle.explanation import Explanation, Fit
from grusym.oracle.observation import Observation, observed
from grusym.oracle.pairs import likely_pairs
from grusym.oracle.plan import Plan
from grusym.oracle.report import FAIL, CheckResult, Diagnosis
from grusym.oracle.search import Search
from grusym.oracle.spec import materialise
from grusym.oracle.subject import HANG, Subject
from grusym.oracle.telling import layered_cases, telling_cases

WITH_GRADIENTS = 3  # of the telling cases, these have their gradients looked at


@dataclass(frozen=True)
class Findings:
    """The diagnosis, best first, and what else is to be said."""

    diagnosis: tuple[Diagnosis, ...] = ()
    notes: tuple[str, ...] = ()


def diagnose(subject: Subject, plan: Plan, results: Sequence[CheckResult] = ()) -> Findings:
    """The known mistakes that explain an implementation, best first.

    Two that are there at once are two entries that name each other; what cannot be told apart from an entry on any
    input is its `equivalent`. Empty where nothing known fits, with a note that says what comes nearest.
    """
    failing = [result.id for result in results if result.verdict == FAIL]
    # What hangs takes its time at every call: nothing is learnt from more of them.
    observations = [] if HANG in failing else _observations(subject, plan, results)
    forward = Search(subject, plan, [Bench(seen, plan.profile) for seen in observations], gradients=False)
    found: list[Diagnosis] = []
    notes: list[str] = []
    base: tuple[Candidate, ...] = ()
    returned = [bench for bench in forward.benches if bench.seen.first is not None]
    if any(bench.ratio(bench.right, gradients=False) > 1 for bench in returned):
        choices = candidates(plan.cell, plan.convention, FORWARD)
        fit = _single(forward, choices, ()) or _paired(forward, choices, ())
        if fit is None:
            notes.append(_unknown(forward, choices))
        else:
            base = fit.explanation.parts
            found += _diagnoses(fit, forward, plan)
    if subject.has_gradients and (base or not notes):
        more, note = _of_gradients(subject, plan, observations, base)
        found += more
        notes += note
    found += behaviours(failing, results, found, observations)
    if any(diagnosis.id in _EXPLAINED_BY_CHECKS for diagnosis in found):
        notes = [note for note in notes if not note.startswith(UNKNOWN)]
    return Findings(tuple(found), tuple(notes))


UNKNOWN = "no known mistake fits"
_EXPLAINED_BY_CHECKS = {
    *("nondeterministic", "nan-on-saturation", "input-mutated", "crash", "out-of-bounds-write", "out-of-bounds-read"),
    *("output-not-written", "error-status", "output-malformed"),
}


def _of_gradients(
    subject: Subject, plan: Plan, observations: Sequence[Observation], base: tuple[Candidate, ...]
) -> tuple[list[Diagnosis], list[str]]:
    """What is wrong with the gradients, given what is wrong forward: they may be those of the wrong layer, or right."""
    benches = [Bench(seen, plan.profile) for seen in observations if seen.gradients is not None]
    if not benches:
        return [], []
    search = Search(subject, plan, benches, gradients=True)
    for before in dict.fromkeys((base, ())):
        if search.worst(Explanation((), before), limit=1.0) <= 1:
            return [], []
    choices = candidates(plan.cell, plan.convention, GRADIENTS)
    befores = list(dict.fromkeys((base, ())))
    for before in befores:
        fit = _single(search, choices, before)
        if fit:
            return _diagnoses(fit, search, plan), []
    if not base:  # forward is right, and backward is that of a layer that is not
        sharp = [c for c in candidates(plan.cell, plan.convention, FORWARD) if not c.open]
        fit = _single(search, sharp, (), brief=True)
        if fit:
            found = _diagnoses(fit, search, plan)
            return [replace(one, title=f"in the gradients alone: {one.title}") for one in found], []
    for before in befores:
        fit = _paired(search, choices, before)
        if fit:
            return _diagnoses(fit, search, plan), []
    return [], [_unknown(search, choices)]


def _single(
    search: Search, choices: Sequence[Candidate], before: tuple[Candidate, ...], brief: bool = False
) -> Fit | None:
    """The one mistake that fits, sharp ones first."""
    singles = [Explanation((candidate,), before) for candidate in choices]
    for group in ([e for e in singles if not e.parts[0].open], [e for e in singles if e.parts[0].open]):
        fits = search.separated(search.fits(group, brief))
        if fits:
            return _joined(fits)
    return None


def _paired(search: Search, choices: Sequence[Candidate], before: tuple[Candidate, ...]) -> Fit | None:
    """The two mistakes that fit at once."""
    for likely in likely_pairs(search, choices, before):
        fits = search.separated(search.fits(likely, brief=True))
        if fits:
            return _joined(fits)
    return None


def _unknown(search: Search, choices: Sequence[Candidate]) -> str:
    """What is said where nothing fits."""
    nearest, ratio = search.nearest([Explanation((candidate,)) for candidate in choices], set())
    where = "the gradients" if search.gradients else "what the layer returns"
    told = f"; the nearest is {nearest}, which is off by {ratio:.3g} times its bound" if nearest else ""
    return f"{UNKNOWN} {where}{told}"


def _joined(fits: Sequence[Fit]) -> Fit:
    """The best fit, with the ids of the others, which nothing tells from it."""
    best = fits[0]
    others = dict.fromkeys(
        " + ".join(fit.explanation.ids) for fit in fits if fit.explanation.ids != best.explanation.ids
    )
    worst = min(fit.worst for fit in fits if fit.explanation.ids == best.explanation.ids)
    return replace(best, worst=worst, equivalent=tuple(others))


def _diagnoses(fit: Fit, search: Search, plan: Plan) -> list[Diagnosis]:
    """An entry for each mistake of an explanation; those of a pair name each other."""
    ids = fit.explanation.ids
    group = GRADIENTS if search.gradients else FORWARD
    singles = [Explanation((c,), fit.explanation.before) for c in candidates(plan.cell, plan.convention, group)]
    named = {*ids, *(one for text in fit.equivalent for one in text.split(" + "))}
    runner_up, ratio = search.nearest(singles, named)
    return [
        Diagnosis(
            part.id,
            entry_of(part.id).title,
            fit.worst,
            len(search.benches),
            part.fix or entry_of(part.id).fix,
            fit.equivalent,
            together=tuple(id_ for id_ in ids if id_ != part.id),
            runner_up=runner_up,
            margin=ratio,
        )
        for part in fit.explanation.parts
    ]


def _observations(subject: Subject, plan: Plan, results: Sequence[CheckResult]) -> list[Observation]:
    """The telling cases, and the smallest ones that failed."""
    cases = telling_cases(subject, plan.cell, plan.convention, plan.dtype)
    found = [observed(subject, case, number < WITH_GRADIENTS) for number, case in enumerate(cases)]
    found += [observed(subject, case, True) for case in layered_cases(subject, plan.cell, plan.convention, plan.dtype)]
    specs = dict.fromkeys(
        result.spec
        for result in results
        if result.verdict == FAIL and result.spec and result.id in ("forward-step", "forward-sequence", "final-state")
    )
    for spec in specs:
        case = materialise(spec, plan.cell, plan.convention, plan.dtype)
        found.append(observed(subject, case, False))
    return [seen for seen in found if seen.first is not None or seen.failure == "exception"]
