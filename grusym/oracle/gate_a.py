"""Gate A, one step: every step is judged from the implementation's own state before it.

Errors do not grow over time here, and the first bad step is known. Gradients likewise: those of one step, at the
implementation's own states.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.oracle import balls, bounds
from grusym.oracle.adjoint import pulled_back
from grusym.oracle.bounds import Bounds, Estimate
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.expectation import Expected
from grusym.oracle.profile import Profile
from grusym.oracle.step import Values, arguments_of, jacobian, results_of, step

FIRST_BITS, MOST_BITS = 96, 1536
SHARP = 2.0**-20  # of the unit roundoff: how much of a value a reference may leave open
SEEN = 2.0**-10  # cases are made of numbers near 1: an error of this size is one that a bound lets be seen


@dataclass(frozen=True)
class Judged:
    """A tensor: what was found, what is right, and how far a correct implementation may be off.

    `steps`: whether its first axis is time. `likely` is how far one is expected to be off at most, where that is known.
    """

    name: str
    found: Any
    wanted: Any
    error: Any
    bound: Any
    steps: bool = False
    likely: Any = None

    @property
    def ratio(self) -> Any:
        """error / bound for every element; infinite for what is not a number."""
        with np.errstate(all="ignore"):
            ratio = np.where(self.error <= 0, 0.0, self.error / self.bound)
        return np.where(np.isfinite(self.found), np.where(np.isfinite(self.bound), ratio, 0.0), np.inf)

    @property
    def decides(self) -> bool:
        """Whether half of the bounds, at least, are smaller than values are, and zeros would not pass.

        Bounds that are small for any case say something of values that are smaller still.
        """
        sizes = np.abs(self.wanted)
        bound = np.broadcast_to(self.bound, np.shape(sizes))
        shown = np.mean(bound < np.max(sizes, initial=0.0)) >= 0.5 and (sizes > bound).any()
        return bool(shown or np.mean(bound < SEEN) >= 0.5)

    @property
    def expected_ratio(self) -> Any:
        """error / likely for every element; zero where nothing is expected."""
        if self.likely is None:
            return np.zeros_like(self.error)
        with np.errstate(all="ignore"):
            return np.where(self.error <= 0, 0.0, self.error / self.likely)


def trajectory(case: Case, run: Run) -> Arrays | None:
    """The states before every step and after the last, (T + 1, B, ...), as far as the implementation shows them.

    They show where the series is the update of the only state; None elsewhere.
    """
    (series, *others), states = Layer(case.cell).series, case.cell.states
    if others or len(states) != 1 or series.tensor.name != states[0].update.name:
        return None
    name = states[0].name
    return {name: np.concatenate([case.initial[name][None], run.series[series.name]])}


def steps_at(case: Case, before: Arrays, profile: Profile) -> "Steps":
    """Every step from these states, (T, B, ...), with references and bounds."""
    return Steps(case.cell, _sizes(case), _samples(case, before), profile)


class Steps:
    """All steps of all samples beside each other: exact values, and bounds on the errors of correct ones."""

    def __init__(self, cell: Cell, sizes: dict[str, int], samples: Arrays, profile: Profile):
        self.cell, self.sizes, self.samples, self.profile = cell, sizes, samples, profile
        self.bounds, self.expected = Bounds(profile), Expected(profile)
        self.estimates = self._walked(self.bounds)

    def results(self) -> dict[str, tuple[Any, Any]]:
        """Exact balls and bounds of every result."""

        def compute() -> dict[str, Any]:
            given = {name: balls.exactly(array) for name, array in self.samples.items()}
            values = step(self.cell, self.sizes, given, balls.Balls(), balls.ZERO)
            return {tensor.name: values[tensor.name] for tensor in results_of(self.cell)}

        exact = sharpened(compute, self.profile)
        return {name: (ball, self.bounds.error(self.estimates[name])) for name, ball in exact.items()}

    def likely_results(self) -> Arrays:
        """How far every result is expected to be off at most; empty for a profile of which nothing is expected."""
        if not self.profile.nearest:
            return {}
        found = self._walked(self.expected)
        return {tensor.name: self.expected.likely(found[tensor.name]) for tensor in results_of(self.cell)}

    def gradients(self, cotangents: Arrays) -> dict[str, tuple[Any, Any]]:
        """Exact balls and bounds of the cotangent of every argument, shaped as the argument (after the samples).

        `cotangents` are those of the results, (N, ...): exact numbers, or estimates of sums.
        """

        def compute() -> dict[str, Any]:
            given = {name: balls.exactly(array) for name, array in self.samples.items()}
            arithmetic = balls.Balls()
            values = step(self.cell, self.sizes, given, arithmetic, balls.ZERO)
            slopes = jacobian(self.cell, self.sizes, values, arithmetic, balls.ZERO, balls.exactly)
            seeds = {name: _ball(array) for name, array in cotangents.items()}
            return pulled_back(self.cell, slopes, seeds, arithmetic, balls.ZERO)

        exact = sharpened(compute, self.profile)
        allowed = self._pulled_back(cotangents, self.estimates, self.bounds)
        return {a.name: (exact[a.name], self.bounds.error(allowed[a.name])) for a in arguments_of(self.cell)}

    def likely_gradients(self, cotangents: Arrays) -> Arrays:
        """How far every cotangent is expected to be off at most, as `likely_results`."""
        if not self.profile.nearest:
            return {}
        found = self._pulled_back(cotangents, self._walked(self.expected), self.expected)
        return {a.name: self.expected.likely(found[a.name]) for a in arguments_of(self.cell)}

    def _walked(self, arithmetic: Bounds) -> Values:
        given = {name: bounds.exactly(array) for name, array in self.samples.items()}
        return step(self.cell, self.sizes, given, arithmetic, bounds.ZERO)

    def _pulled_back(self, cotangents: Arrays, values: Values, arithmetic: Bounds) -> Values:
        slopes = jacobian(self.cell, self.sizes, values, arithmetic, bounds.ZERO, bounds.exactly)
        seeds = {name: _estimate(array) for name, array in cotangents.items()}
        return pulled_back(self.cell, slopes, seeds, arithmetic, bounds.ZERO)


def sharpened(compute: Any, profile: Profile, bits: int = FIRST_BITS) -> dict[str, Any]:
    """References with as many bits as it takes: doubled until radii are far below the unit roundoff.

    A tensor's radius is measured against its largest element.
    """
    while True:
        with balls.precision(bits):
            found: dict[str, Any] = compute()
        if bits >= MOST_BITS or all(_is_sharp(ball, profile) for ball in found.values()):
            return found
        bits *= 2


def _is_sharp(ball: Any, profile: Profile) -> bool:
    radius = np.max(ball.radius(), initial=0.0)
    size = np.max(np.abs(ball.middle()), initial=0.0)
    return bool(radius <= profile.unit * SHARP * size + profile.tiny)


def _ball(cotangent: Any) -> Any:
    return (
        balls.exactly(cotangent)
        if isinstance(cotangent, np.ndarray)
        else balls.Balls().add([balls.exactly(a) for a in cotangent])
    )


def _estimate(cotangent: Any) -> Estimate:
    if isinstance(cotangent, np.ndarray):
        return bounds.exactly(cotangent)
    parts = [bounds.exactly(array) for array in cotangent]
    return Estimate(*(sum(getattr(part, field) for part in parts) for field in bounds.PARTS))


def _sizes(case: Case) -> dict[str, int]:
    return {**case.sizes, "T": 1, "B": case.steps * case.batch}


def _samples(case: Case, before: Arrays) -> Arrays:
    """Steps and samples as one axis; parameters as they are."""
    flat = {name: array.reshape(-1, *array.shape[2:]) for name, array in {**case.inputs, **before}.items()}
    return flat | case.tensors
