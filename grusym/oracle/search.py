"""An implementation beside explanations of it: which fit, which of those are left, and what comes nearest."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from grusym.oracle.case import Case
from grusym.oracle.comparison import ROOM, Bench, apart
from grusym.oracle.credible import credible
from grusym.oracle.explanation import Explanation, Fit
from grusym.oracle.observation import Observation, observed
from grusym.oracle.plan import Plan
from grusym.oracle.spec import Spec, both_directions, materialise, with_lengths
from grusym.oracle.subject import Subject, fixed_sizes, takes
from grusym.oracle.telling import separating_specs

NEAREST = 6  # candidates whose distance is worked out in full, to name the nearest


@dataclass
class Search:
    """The implementation beside explanations, forward or in its gradients."""

    subject: Subject
    plan: Plan
    benches: list[Bench]
    gradients: bool
    distances: dict[tuple[str, ...], float] = field(default_factory=dict)

    def fits(self, explanations: Sequence[Explanation], brief: bool = False) -> list[Fit]:
        """Those that explain all cases; after a brief look, how far off the others are is not well known."""
        found = []
        for explanation in self._at_a_glance(explanations, brief):
            worst = self.worst(explanation, limit=1.0)
            if worst <= 1 and self._credible(explanation):
                found.append(Fit(explanation, worst))
            else:
                self._note(explanation, worst / ROOM)
        return found

    def _at_a_glance(self, explanations: Sequence[Explanation], brief: bool) -> list[Explanation]:
        """Those that may explain all cases, at a first look; how far off the others are is noted."""
        left, worst = list(explanations), [0.0] * len(explanations)
        for bench in self.benches:
            programs = [explanation.program(bench.right) for explanation in left]
            worst = [max(pair) for pair in zip(worst, bench.glances(programs, self.gradients, brief), strict=True)]
            for explanation, ratio in zip(left, worst, strict=True):
                if ratio > 1:
                    self._note(explanation, ratio)
            left = [explanation for explanation, ratio in zip(left, worst, strict=True) if ratio <= 1]
            worst = [ratio for ratio in worst if ratio <= 1]
        return left

    def _note(self, explanation: Explanation, distance: float) -> None:
        self.distances[explanation.ids] = min(self.distances.get(explanation.ids, np.inf), distance)

    def _credible(self, explanation: Explanation) -> bool:
        """Whether what it leaves open behaves as it must."""
        if not any(part.open for part in explanation.parts):
            return True
        bench = self.benches[0]
        program = explanation.program(bench.right)
        return program is not None and credible(self.subject, program, bench.seen, self.plan.profile)

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
