"""Which convention an implementation packs its parameters by: each is tried, and those that fit are named."""

from dataclasses import dataclass, replace

import numpy as np

from grusym.conventions.library import CONVENTIONS, cell_in, layout_of
from grusym.equations.cell import Cell
from grusym.equations.library import BUILT_IN
from grusym.errors import GrusymError, InputError
from grusym.oracle.campaign import Plan
from grusym.oracle.comparison import Bench
from grusym.oracle.observation import observed
from grusym.oracle.spec import Spec, materialise, rich_sizes
from grusym.oracle.subject import Subject, fixed_sizes

SEEDS = (40, 41)


@dataclass(frozen=True)
class Recognised:
    """A convention that fits, and the cell in the form that it has there."""

    convention: str
    cell: Cell
    worst: float


def recognise(subject: Subject, plan: Plan) -> list[Recognised]:
    """The conventions by which an implementation computes the cell rightly, the plan's own options first.

    An implementation is called with each convention's arrays by their names there: one that knows others raises, and
    does not fit. Several fit where they pack alike.
    """
    found = []
    for name in ("own", *CONVENTIONS):
        cell = _cell_there(plan.cell, name)
        if cell is None:
            continue
        worst = _worst(subject, replace(plan, cell=cell, convention=None if name == "own" else name))
        if worst <= 1:
            found.append(Recognised(name, cell, worst))
    return found


def recognised_plan(subject: Subject, plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """The plan with the convention that fits, and what is to be said of others that do.

    Raises InputError where none fits.
    """
    found = recognise(subject, plan)
    if not found:
        raise InputError(
            f"no convention fits {subject.name}: none of own, {', '.join(CONVENTIONS)} gives what {plan.cell.name} "
            "computes; name the one that is meant (--convention torch), and the check says what is wrong"
        )
    first, *others = found
    notes = [f"recognised the convention {first.convention}"]
    if others:
        alike = ", ".join(other.convention for other in others)
        notes.append(f"the convention is ambiguous: {alike} fits as well, since the arrays are packed alike")
    chosen = replace(plan, cell=first.cell, convention=None if first.convention == "own" else first.convention)
    return chosen, tuple(notes)


def _cell_there(cell: Cell, convention: str) -> Cell | None:
    """The cell as a convention has it; None where it has none."""
    if convention == "own":
        return cell
    if cell.name not in BUILT_IN or cell.name not in CONVENTIONS[convention].forms:
        return None
    try:
        found = cell_in(cell.spelling if cell.options else cell.name, convention)
        layout_of(found, convention)
    except GrusymError:
        return None
    return found


def _worst(subject: Subject, plan: Plan) -> float:
    """The largest ratio on a few cases; infinite where a call fails."""
    worst = 0.0
    for seed in SEEDS:
        spec = Spec(rich_sizes(plan.cell, fixed_sizes(subject)), seed)
        try:
            seen = observed(subject, materialise(spec, plan.cell, plan.convention, plan.dtype), gradients=False)
        except GrusymError:
            return float(np.inf)
        bench = Bench(seen, plan.profile)
        worst = max(worst, bench.ratio(bench.right, gradients=False))
        if worst > 1:
            break
    return worst
