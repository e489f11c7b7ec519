"""Whether an implementation fails only where it takes subnormal numbers for zero, as fast modes of processors do."""

from collections.abc import Sequence
from dataclasses import replace

from grusym.oracle.campaign import run_task
from grusym.oracle.plan import Plan, tasks
from grusym.oracle.profile import PROFILES, Profile
from grusym.oracle.report import FAIL, CheckResult
from grusym.oracle.subject import Subject


def flushing_note(subject: Subject, plan: Plan, checks: Sequence[CheckResult]) -> str | None:
    """What a report says of one whose failing cases all conform by the profile that flushes; None of any other."""
    profile, failures = flushing(plan.profile), [check for check in checks if check.verdict == FAIL]
    if profile is None or not failures or not all(_is_tiny(check, plan.profile) for check in failures):
        return None
    for spec in sorted({check.spec for check in failures if check.spec}):
        alone = replace(plan, profile=profile, only=spec)
        for task in tasks(alone, subject.has_gradients, getattr(subject, "takes", ())):
            if any(result.verdict == FAIL for result in run_task(subject, alone, task)):
                return None
    return (
        f"every failing case is within the bounds of {profile.name}, an arithmetic that takes subnormal numbers for "
        f"zero, as XLA's does on CPUs; if yours may, judge it by the profile {profile.name}"
    )


def _is_tiny(check: CheckResult, profile: Profile) -> bool:
    """Whether so little is wrong that flushing may be why; of what is not, no case need be run again."""
    return check.where is not None and abs(check.where.got - check.where.want) < profile.unit


def flushing(profile: Profile) -> Profile | None:
    """The same arithmetic with subnormal numbers flushed to zero, if there is such a profile.

    >>> from grusym.oracle.profile import profile_named
    >>> flushing(profile_named(None, "float64")).name
    'fp64-ftz'
    """
    return PROFILES.get(f"{profile.name}-ftz")
