"""What a campaign could not check, and why: left unsaid, it would read like a pass."""

from collections.abc import Sequence

from grusym.oracle.checks import UNTAKEN, every_check, unmade
from grusym.oracle.plan import Plan
from grusym.oracle.report import FAIL, SKIPPED, CheckResult
from grusym.oracle.subject import HANG, Subject


def unchecked(plan: Plan, subject: Subject, results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """The checks of a plan that have no result, as skipped ones with the reason."""
    known = {result.id for result in results}
    # What a wrong return keeps from being judged is no choice of whoever runs the campaign.
    ended = [result.id for result in results if result.verdict == FAIL and result.where is None]
    skipped = []
    for group, checks in every_check(plan.cell, plan.convention).items():
        for check in checks:
            if check not in known and _applies(plan, check):
                reason = unmade(group, check, subject) or _reason(group, check, known, ended)
                skipped.append(CheckResult(check, SKIPPED, message=reason))
    return tuple(skipped)


def _applies(plan: Plan, check: str) -> bool:
    """Of one case, only its own kind of values is judged."""
    if plan.only is None:
        return True
    saturated = plan.only.kind == "saturated"
    return check not in (("forward-step", "forward-sequence") if saturated else ("saturation",))


def _reason(group: str, check: str, known: set[str], ended: Sequence[str]) -> str:
    gradient = _is_gradient(check)
    if HANG in ended:
        return "not run: the implementation hung"
    reached = any(_is_gradient(other) == gradient for other in known - {*ended, "reentrant", "alignment"})
    if ended and (group in UNTAKEN or not reached):
        return f"not reached: see {', '.join(ended)}"
    if check == "bias-identity":
        return "the gradients that it compares were not returned"
    if gradient:
        of = "" if group in UNTAKEN or check == "vjp-sequence" else f" of {check.removeprefix('vjp-')}"
        return f"no gradient{of} was returned"
    if check in ("final-state", "empty-sequence"):
        return "no final state was returned"
    if check == "forward-step":
        return "the states between the steps are not shown: only whole sequences can be judged"
    return "no case of it was judged"


def _is_gradient(check: str) -> bool:
    return check.startswith("vjp-") or check == "bias-identity"
