"""What an implementation returned on a case, kept for many programs to be compared with."""

from dataclasses import dataclass

from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.subject import Misbehaviour, Subject


@dataclass(frozen=True)
class Observation:
    """A case, what came back from two calls in a row (None where the call failed), and gradients likewise."""

    case: Case
    first: Run | None
    again: Run | None
    gradients: Arrays | None = None
    gradients_again: Arrays | None = None
    failure: str = ""

    @property
    def values(self) -> Arrays:
        return _values(self.first)

    @property
    def values_again(self) -> Arrays:
        return _values(self.again)


def observed(subject: Subject, case: Case, gradients: bool) -> Observation:
    """Call twice; a failure is a result, too."""
    first = again = None
    grads: list[Arrays | None] = [None, None]
    failure = ""
    try:
        first, again = subject.forward(case), subject.forward(case)
        if gradients and subject.has_gradients:
            grads = [subject.gradients(case), subject.gradients(case)]
    except Misbehaviour as wrong:
        failure = wrong.check
    return Observation(case, first, again, grads[0], grads[1], failure)


def _values(run: Run | None) -> Arrays:
    """What was returned by the names of a program's results; nothing where a call failed."""
    if run is None:
        return {}
    named = {f"series {name}": array for name, array in run.series.items()}
    return named | {f"final {name}": array for name, array in run.final.items()}
