"""What a campaign is to judge, and the parts that it is done in."""

from collections.abc import Collection
from dataclasses import dataclass

from grusym.equations.cell import Cell
from grusym.oracle.profile import Profile
from grusym.oracle.spec import Spec

AUTO = "auto"  # as the convention of a plan: the one that fits, which is recognised first
CHUNK = 25  # cases of a task
FEW = 10  # cases of the groups that are not the main ones


@dataclass(frozen=True)
class Plan:
    """What is judged and how: everything but the implementation."""

    cell: Cell
    convention: str | None
    dtype: str
    profile: Profile
    examples: int = 50
    seed: int = 0
    only: Spec | None = None  # judge this one case


@dataclass(frozen=True)
class Task:
    """Some cases of one group of checks: the telling ones if it is the `first`, and examples that the seed draws."""

    group: str
    seed: int
    examples: int
    first: bool


def tasks(plan: Plan, gradients: bool, takes: Collection[str] = ()) -> list[Task]:
    """The campaign in parts, which do not depend on who runs them; the first ones are short, for an early verdict.

    `takes` is what the subject takes besides.
    """
    groups = ["forward", "behaviour", *(["vjp"] if gradients else [])]
    groups += [group for group in ("lengths", "directions", "frozen", "absent") if group in takes]
    if plan.only is not None:
        return [Task(group, plan.seed, 0, first=True) for group in groups]
    found = [Task(group, plan.seed, 0, first=True) for group in groups]
    for group in groups:
        total = plan.examples if group in ("forward", "vjp") else min(plan.examples, FEW)
        for number, start in enumerate(range(0, total, CHUNK)):
            found.append(Task(group, plan.seed + 7919 * number, min(CHUNK, total - start), first=False))
    return found
