"""An implementation judged on one small case: what a campaign does on many, in a fraction of a second."""

from grusym.oracle.behaviour import behaviour_checks
from grusym.oracle.case import Case
from grusym.oracle.checks import forward_checks, gradient_checks
from grusym.oracle.plan import Plan
from grusym.oracle.spec import Spec, materialise, rich_sizes
from grusym.oracle.subject import Misbehaviour, Subject, fixed_sizes


def case_of(plan: Plan, subject: Subject, seed: int = 1) -> Case:
    sizes = rich_sizes(plan.cell, fixed_sizes(subject))
    return materialise(Spec(sizes, seed), plan.cell, plan.convention, plan.dtype)


def ratios(subject: Subject, plan: Plan, seed: int = 1) -> dict[str, float]:
    """The largest error/bound of every check. Raises Misbehaviour."""
    case, found = case_of(plan, subject, seed), {}
    groups = [forward_checks, behaviour_checks, *([gradient_checks] if subject.has_gradients else [])]
    for group in groups:
        found |= group(subject, case, plan.profile, False)
    return {check: max(float(one.ratio.max()) for one in judged) for check, judged in found.items()}


def failures(subject: Subject, plan: Plan) -> dict[str, str]:
    """The checks that fail, with what is said."""
    try:
        return {check: "" for check, ratio in ratios(subject, plan).items() if not ratio <= 1}
    except Misbehaviour as wrong:
        return {wrong.check: wrong.what}
