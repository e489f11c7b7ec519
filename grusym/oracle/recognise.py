"""Which convention an implementation packs its parameters by: each is tried, and those that fit are named."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sympy import Expr

from grusym.conventions.library import CONVENTIONS, cell_in, layout_of
from grusym.conventions.packing import Layout
from grusym.equations.cell import Cell
from grusym.equations.library import BUILT_IN
from grusym.errors import GrusymError, InputError
from grusym.oracle.comparison import Bench
from grusym.oracle.observation import observed
from grusym.oracle.plan import AUTO, Plan
from grusym.oracle.spec import Spec, materialise, rich_sizes
from grusym.oracle.subject import HANG, Subject, Unbound, fixed_sizes

SEEDS = (40, 41)
USUAL = "torch"


@dataclass(frozen=True)
class Recognised:
    """A convention that fits, the cell in the form that it has there, and the implementation that goes by it.

    `by_name` says that its arrays have the convention's names, and not only their shapes.
    """

    convention: str
    cell: Cell
    worst: float
    subject: Subject
    by_name: bool = True

    @property
    def packing(self) -> tuple[Any, ...]:
        """What it computes from which arrays, whatever they are called: the same for conventions that pack alike."""
        layout = layout_of(self.cell, self.convention)
        return self.cell.equations, sorted(str(_held(layout, name, shape)) for name, shape in layout.arrays)


def _held(layout: Layout, array: str, shape: tuple[Expr, ...]) -> tuple[Any, Any]:
    """What an array holds where, but for axes of one element."""
    kept = [axis for axis, extent in enumerate(shape) if extent != 1]
    parts = [
        (part.tensor, [part.starts[axis] for axis in kept], [kept.index(axis) for axis in part.along if axis in kept])
        for part in layout.parts(array)
    ]
    return [shape[axis] for axis in kept], parts


def recognise(subject: Subject, plan: Plan, refused: dict[str, str] | None = None) -> list[Recognised]:
    """The conventions by which an implementation computes the cell rightly, those whose names it has first.

    An implementation is called with each convention's arrays by their names there: one that knows others raises, and
    does not fit. Several fit where they pack alike. Raises InputError for one that hangs: each try would take long.
    `refused` is given the conventions by which it could not be called, and why.
    """
    found = []
    for name in ("own", *CONVENTIONS):
        cell = _cell_there(plan.cell, name)
        if cell is None:
            continue
        there = replace(plan, cell=cell, convention=None if name == "own" else name)
        try:
            bound = subject.bound(there) if isinstance(subject, Unbound) else subject
        except InputError as error:  # it is not of this convention
            (refused if refused is not None else {})[name] = str(error)
            continue
        worst = _worst(bound, there)
        if worst <= 1:
            found.append(Recognised(name, cell, worst, bound, not getattr(bound, "assigned", None)))
    return sorted(found, key=lambda one: not one.by_name)


def settled(subject: Subject, plan: Plan) -> tuple[Subject, Plan, tuple[str, ...]]:
    """The implementation and its plan with the convention that fits, and what is to be said of others that do.

    Nothing changes where the plan names one. Raises InputError where none fits, or several that pack differently.
    """
    if plan.convention != AUTO:
        return subject, plan, ()
    refused: dict[str, str] = {}
    found = recognise(subject, plan, refused)
    if not found:
        if len(set(refused.values())) == 1 and len(refused) > 1:
            raise InputError(next(iter(refused.values())))
        why = f" ({refused[USUAL]})" if USUAL in refused else ""
        raise InputError(
            f"no convention fits {subject.name}: none of own, {', '.join(CONVENTIONS)} gives what {plan.cell.name} "
            f"computes; name the one that is meant (--convention {USUAL}), and the check says what is wrong{why}"
        )
    first, *others = [one for one in found if one.by_name == found[0].by_name]
    different = [one.convention for one in others if one.packing != first.packing]
    if different:
        fitting = ", ".join(one.convention for one in (first, *others))
        raise InputError(
            f"the conventions {fitting} fit {subject.name}, and they pack differently; name the one that is meant, as "
            f"in --convention {first.convention}"
        )
    notes = [f"recognised the convention {first.convention}"]
    if others:
        alike = ", ".join(other.convention for other in others)
        fit = "fits" if len(others) == 1 else "fit"
        notes.append(f"the convention is ambiguous: {alike} {fit} as well, since the arrays are packed alike")
    chosen = replace(plan, cell=first.cell, convention=None if first.convention == "own" else first.convention)
    return first.subject, chosen, tuple(notes)


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
        if seen.failure == HANG:
            raise InputError(
                f"{subject.name} hangs when it is called as {plan.convention or 'own'} packs parameters, so that its "
                "convention cannot be found out; name it (--convention torch), or give calls more time (--timeout)"
            )
        bench = Bench(seen, plan.profile)
        worst = max(worst, bench.ratio(bench.right, gradients=False))
        if worst > 1:
            break
    return worst
