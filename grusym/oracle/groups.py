"""The groups of checks of a campaign: the case that each wants, and what it makes of an implementation."""

from collections.abc import Callable

from grusym.oracle.behaviour import behaviour_checks
from grusym.oracle.case import Case
from grusym.oracle.checks import Found, forward_checks, gradient_checks
from grusym.oracle.layers import frozen_checks, layer_checks
from grusym.oracle.plan import Plan
from grusym.oracle.profile import Profile
from grusym.oracle.spec import Spec, both_directions, materialise, with_lengths, without_start
from grusym.oracle.subject import Subject, takes


def case_of(spec: Spec, plan: Plan, group: str) -> Case:
    """The case of a specification as a group of checks wants it: with lengths, both directions, no initial state."""
    case = materialise(spec, plan.cell, plan.convention, plan.dtype)
    if group == "directions":
        case = both_directions(spec, case)
    if group == "absent":
        case = without_start(case)
    return with_lengths(case, spec.seed) if group == "lengths" else case


def _lengths(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    del whole
    return layer_checks(subject, case, profile, "lengths", gradients=True)


def _directions(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    """Every other case with lengths, where the subject takes them."""
    if whole and takes(subject, "lengths"):
        case = with_lengths(case, len(case.tensors))
    return layer_checks(subject, case, profile, "bidirectional", gradients=True)


def _absent(subject: Subject, case: Case, profile: Profile, whole: bool) -> Found:
    del whole
    return layer_checks(subject, case, profile, "initial-state-absent", gradients=False)


GROUPS: dict[str, Callable[..., Found]] = {
    "forward": forward_checks,
    "vjp": gradient_checks,
    "behaviour": behaviour_checks,
    "lengths": _lengths,
    "directions": _directions,
    "frozen": frozen_checks,
    "absent": _absent,
}
