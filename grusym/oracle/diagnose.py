"""What is wrong: every candidate of the catalogue is run beside the implementation, and the one that fits is named.

A candidate fits if it explains everything that came back, within derived bounds, on all cases. None is named that does
not: the nearest is told, and how far off it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from grusym.oracle.campaign import Plan
from grusym.oracle.case import Case
from grusym.oracle.catalogue.entry import FORWARD, GRADIENTS, Candidate
from grusym.oracle.catalogue.library import CATALOGUE, candidates, entry_of
from grusym.oracle.credible import credible
from grusym.oracle.observation import Bench, Observation, apart, observed
from grusym.oracle.program import Program
from grusym.oracle.report import FAIL, CheckResult, Diagnosis
from grusym.oracle.spec import Spec, both_directions, materialise, rich_sizes, with_lengths
from grusym.oracle.subject import HANG, Subject, fixed_sizes, takes
from grusym.oracle.telling import layered_cases, separating_specs, telling_cases

NEAREST = 6  # candidates whose distance is worked out in full, to name the nearest
MOST_PAIRED = 150  # ways to make a mistake that are tried in pairs
NUMERIC = ("weights-bits-truncated",)  # of its many ways, the first few are tried in pairs
WITH_GRADIENTS = 3  # of the telling cases, these have their gradients looked at


@dataclass(frozen=True)
class Findings:
    """The diagnosis, best first, and what else is to be said."""

    diagnosis: tuple[Diagnosis, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """One mistake, or two at once, after `before`, which was found already."""

    parts: tuple[Candidate, ...]
    before: tuple[Candidate, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(part.id for part in self.parts)

    def program(self, right: Program) -> Program | None:
        """What it makes of a right program; None where that cannot run."""
        program: Program | None = right
        for part in (*self.before, *self.parts):
            program = part.change(program) if program is not None else None
        return program


@dataclass(frozen=True)
class Fit:
    """An explanation that fits, and the largest ratio over its cases."""

    explanation: Explanation
    worst: float
    equivalent: tuple[str, ...] = ()


@dataclass
class Search:
    """The implementation beside explanations, forward or in its gradients."""

    subject: Subject
    plan: Plan
    benches: list[Bench]
    gradients: bool
    distances: dict[tuple[str, ...], float] = field(default_factory=dict)

    def fits(self, explanations: Iterable[Explanation]) -> list[Fit]:
        """Those that explain all cases, the least far off first."""
        found = []
        for explanation in explanations:
            quick = self._first_look(explanation)
            if quick > 1:
                known = self.distances.get(explanation.ids, np.inf)
                self.distances[explanation.ids] = min(known, quick)
                continue
            worst = self.worst(explanation, limit=1.0)
            if worst <= 1 and self._credible(explanation):
                found.append(Fit(explanation, worst))
            else:
                known = self.distances.get(explanation.ids, np.inf)
                self.distances[explanation.ids] = min(known, worst / 64)
        return found

    def _credible(self, explanation: Explanation) -> bool:
        """Whether what it leaves open behaves as it must."""
        if not any(part.open for part in explanation.parts):
            return True
        bench = self.benches[0]
        program = explanation.program(bench.right)
        return program is not None and credible(self.subject, program, bench.seen, self.plan.profile)

    def _first_look(self, explanation: Explanation) -> float:
        worst = 0.0
        for bench in self.benches:
            worst = max(worst, bench.ratio(explanation.program(bench.right), self.gradients, quick=True))
            if worst > 1:
                break
        return worst

    def worst(self, explanation: Explanation, limit: float = np.inf) -> float:
        """The largest ratio over all cases, or one beyond the limit."""
        worst = 0.0
        for bench in self.benches:
            worst = max(worst, bench.ratio(explanation.program(bench.right), self.gradients))
            if worst > limit or not np.isfinite(worst):
                break
        return worst

    def separated(self, fits: Sequence[Fit]) -> list[Fit]:
        """The fits that are left when an input was searched for on which two of them differ."""
        left = sorted(fits, key=lambda fit: len(fit.explanation.parts))
        for spec in separating_specs(self.plan.cell, fixed_sizes(self.subject)):
            ids = {fit.explanation.ids for fit in left}
            if len(ids) < 2:
                break
            for case in self._cases(spec):
                bench = Bench(Observation(case, None, None), self.plan.profile)
                programs = [fit.explanation.program(bench.right) for fit in left]
                if not any(apart(programs[0], other, self.plan.profile, self.gradients) for other in programs[1:]):
                    continue
                bench = Bench(observed(self.subject, case, self.gradients), self.plan.profile)
                self.benches.append(bench)
                left = [
                    replace(fit, worst=max(fit.worst, ratio))
                    for fit, program in zip(left, programs, strict=True)
                    if (ratio := bench.ratio(program, self.gradients)) <= 1
                ]
                if not left:
                    return []
        return left

    def _cases(self, spec: Spec) -> list[Case]:
        plain = materialise(spec, self.plan.cell, self.plan.convention, self.plan.dtype)
        found = [plain]
        if takes(self.subject, "lengths"):
            found.append(with_lengths(plain, plain.steps))
        if takes(self.subject, "directions"):
            found.append(both_directions(spec, plain))
        return found

    def nearest(self, explanations: Sequence[Explanation], but: set[str]) -> tuple[str, float]:
        """The id of what comes nearest without fitting, and its ratio."""
        ranked = sorted(
            (e for e in explanations if not set(e.ids) & but and not e.parts[0].open),
            key=lambda e: (self.distances.get(e.ids, np.inf), e.ids),
        )
        best, ratio = "", np.inf
        for explanation in ranked[:NEAREST]:
            worst = self.worst(explanation)
            if worst < ratio:
                best, ratio = " + ".join(explanation.ids), worst
        return best, ratio


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
    found += _behaviours(failing, results, found, observations)
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
        fit = _single(search, [c for c in candidates(plan.cell, plan.convention, FORWARD) if not c.open], ())
        if fit:
            found = _diagnoses(fit, search, plan)
            return [replace(one, title=f"in the gradients alone: {one.title}") for one in found], []
    for before in befores:
        fit = _paired(search, choices, before)
        if fit:
            return _diagnoses(fit, search, plan), []
    return [], [_unknown(search, choices)]


def _single(search: Search, choices: Sequence[Candidate], before: tuple[Candidate, ...]) -> Fit | None:
    """The one mistake that fits, sharp ones first."""
    singles = [Explanation((candidate,), before) for candidate in choices]
    for group in ([e for e in singles if not e.parts[0].open], [e for e in singles if e.parts[0].open]):
        fits = search.separated(search.fits(group))
        if fits:
            return _joined(fits)
    return None


def _paired(search: Search, choices: Sequence[Candidate], before: tuple[Candidate, ...]) -> Fit | None:
    """The two mistakes that fit at once."""
    fits = search.separated(search.fits(_pairs(search, choices, before)))
    return _joined(fits) if fits else None


def _unknown(search: Search, choices: Sequence[Candidate]) -> str:
    """What is said where nothing fits."""
    nearest, ratio = search.nearest([Explanation((candidate,)) for candidate in choices], set())
    where = "the gradients" if search.gradients else "what the layer returns"
    told = f"; the nearest is {nearest}, which is off by {ratio:.3g} times its bound" if nearest else ""
    return f"{UNKNOWN} {where}{told}"


def _pairs(search: Search, choices: Sequence[Candidate], before: tuple[Candidate, ...]) -> list[Explanation]:
    """Two at once that pass a first look on a small case, where a look takes a millisecond."""
    tried: list[Candidate] = []
    ways: dict[str, int] = {}
    for candidate in (c for c in choices if not c.open):
        ways[candidate.id] = ways.get(candidate.id, 0) + 1
        if candidate.id not in NUMERIC or ways[candidate.id] <= 4:
            tried.append(candidate)
    if len(tried) > MOST_PAIRED:
        seen: dict[str, int] = {}
        kept = []
        for candidate in tried:
            seen[candidate.id] = seen.get(candidate.id, 0) + 1
            if seen[candidate.id] <= 1 or ":" not in candidate.id:
                kept.append(candidate)
        tried = kept
    small = _small_bench(search)
    return [
        pair
        for number, one in enumerate(tried)
        for other in tried[number + 1 :]
        if one.id.partition(":")[0] != other.id.partition(":")[0]
        for pair in (Explanation((one, other), before),)
        if small.ratio(pair.program(small.right), search.gradients, quick=True) <= 1
    ]


def _small_bench(search: Search) -> Bench:
    """A case that tells much and takes little time."""
    fixed = fixed_sizes(search.subject)
    rich = rich_sizes(search.plan.cell, fixed)
    sizes = tuple(number if number in fixed.values() else max(2, number - 2) for number in rich)
    plain = materialise(Spec((2, 3, *sizes[2:]), 5), search.plan.cell, search.plan.convention, search.plan.dtype)
    bench = Bench(observed(search.subject, plain, search.gradients), search.plan.profile)
    if bench.ratio(bench.right, search.gradients) > 1:
        return bench
    layered = [b for b in search.benches if b.ratio(b.right, search.gradients) > 1]
    return layered[0] if layered else bench


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


def _behaviours(
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
