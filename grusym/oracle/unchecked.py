"""What a campaign could not check, and why: left unsaid, it would read like a pass."""

from collections.abc import Sequence

from grusym.conventions.library import layout_of
from grusym.oracle.campaign import Plan
from grusym.oracle.report import FAIL, SKIPPED, CheckResult
from grusym.oracle.subject import HANG

FORWARD = ("deterministic", "forward-step", "final-state", "forward-sequence", "saturation", "reentrant")


def unchecked(plan: Plan, has_gradients: bool, results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """The checks of a plan that have no result, as skipped ones with the reason."""
    known = {result.id for result in results}
    # What a wrong return keeps from being judged is no choice of whoever runs the campaign.
    ended = [result.id for result in results if result.verdict == FAIL and result.where is None]
    skipped = []
    for check in (*(c for c in FORWARD if _applies(plan, c)), *gradient_ids(plan)):
        if check not in known:
            skipped.append(CheckResult(check, SKIPPED, message=_reason(check, has_gradients, known, ended)))
    return tuple(skipped)


def gradient_ids(plan: Plan) -> tuple[str, ...]:
    """The checks of gradients: inputs, initial states, parameters as the convention packs them, whole sequences."""
    layout = layout_of(plan.cell, plan.convention)
    names = [tensor.name for tensor in plan.cell.inputs]
    names += [f"{state.name}0" for state in plan.cell.states]
    names += [layout.key(array) for array, _ in layout.arrays]
    return (*(f"vjp-{name}" for name in names), "vjp-sequence")


def _applies(plan: Plan, check: str) -> bool:
    """Of one case, only its own kind of values is judged."""
    if plan.only is None:
        return True
    saturated = plan.only.kind == "saturated"
    return check not in (("forward-step", "forward-sequence") if saturated else ("saturation",))


def _reason(check: str, has_gradients: bool, known: set[str], ended: Sequence[str]) -> str:
    gradient = check.startswith("vjp-")
    if HANG in ended:
        return "not run: the implementation hung"
    if gradient and not has_gradients:
        return "no gradients were given"
    reached = any(other.startswith("vjp-") == gradient for other in known - {*ended, "reentrant"})
    if ended and not reached:
        return f"not reached: see {', '.join(ended)}"
    if gradient:
        return f"no gradient of {check.removeprefix('vjp-')} was returned"
    if check == "final-state":
        return "no final state was returned"
    if check == "forward-step":
        return "the states between the steps are not shown: only whole sequences can be judged"
    return "no case of it was judged"
