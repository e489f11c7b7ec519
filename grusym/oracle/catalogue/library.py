"""The catalogue by id, and its entries in words."""

from difflib import get_close_matches
from functools import lru_cache

from grusym.conventions.library import layout_of
from grusym.equations.cell import Cell
from grusym.errors import InputError
from grusym.oracle.catalogue.behaviour import BEHAVIOURS
from grusym.oracle.catalogue.entry import Candidate, Entry, Setting, url
from grusym.oracle.catalogue.equations import EQUATIONS
from grusym.oracle.catalogue.gradients import GRADIENT
from grusym.oracle.catalogue.packing import PACKING
from grusym.oracle.catalogue.time import TIME

CATALOGUE: dict[str, Entry] = {entry.id: entry for entry in (*EQUATIONS, *PACKING, *TIME, *GRADIENT, *BEHAVIOURS)}
PARAMETRISED = ("gate-order", "bias-gate-order")


def entry_of(id_: str) -> Entry:
    """The entry of an id, also of a parametrised one (gate-order:zrn). Raises InputError for an unknown one.

    >>> entry_of("gate-order:zrn").id
    'gate-order'
    """
    base, _, parameter = id_.partition(":")
    if base in CATALOGUE and (not parameter or base in PARAMETRISED):
        return CATALOGUE[base]
    near = get_close_matches(base, CATALOGUE, n=3, cutoff=0.5) or [key for key in CATALOGUE if base and base in key][:3]
    known = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(CATALOGUE)}"
    raise InputError(f"the catalogue has no entry {id_!r}; {known}")


def entries_seen_by(check: str) -> list[Entry]:
    """The known mistakes that a check sees by itself: its failure is one of them, and nothing has to be evaluated."""
    return [entry for entry in CATALOGUE.values() if check == entry.id or check in entry.checks]


def explain(id_: str) -> str:
    """An entry in words: what the mistake is, how it shows, how to mend it, where it was met.

    >>> print(explain("grad-batch-mean").splitlines()[0])
    grad-batch-mean: gradients of parameters are averaged over the batch

    Raises InputError for an unknown id, with those that are near.
    """
    entry = entry_of(id_)
    parameter = id_.partition(":")[2]
    lines = [f"{id_}: {entry.title}" + (f", as {parameter}" if parameter else ""), ""]
    lines += [f"What it is    {entry.what}", f"How it shows  {entry.shows}", f"Mend it       {entry.fix}"]
    if entry.checks:
        lines.append(f"Checks        {', '.join(entry.checks)}")
    lines += [f"Met in        {url(link)}" for link in entry.links]
    return "\n".join(lines)


@lru_cache(maxsize=64)
def candidates(cell: Cell, convention: str | None, group: str) -> tuple[Candidate, ...]:
    """Every way to make a mistake of this group on a cell in a convention, in the order of the catalogue."""
    setting = Setting(cell, layout_of(cell, convention))
    return tuple(c for entry in CATALOGUE.values() for c in entry.candidates(setting) if c.group == group)
