"""Entries of the catalogue, and the candidates that they stand for on a cell."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from grusym.conventions.packing import Layout
from grusym.equations.cell import Cell
from grusym.oracle.program import Program

Change = Callable[[Program], Program | None]
FORWARD, GRADIENTS, BEHAVIOUR = "forward", "gradients", "behaviour"


@dataclass(frozen=True)
class Setting:
    """What is judged: a cell, and how its parameters are packed."""

    cell: Cell
    layout: Layout


@dataclass(frozen=True)
class Candidate:
    """One way to make a mistake: a change of a right program, None where it cannot be made there.

    `open` is one that leaves numbers open, so that more fits it: it is named only where no other fits.
    `group` is what goes wrong, forward or gradients.
    """

    id: str
    change: Change
    fix: str = ""
    open: bool = False
    group: str = ""


@dataclass(frozen=True)
class Entry:
    """A known mistake. `checks` are those whose failure is the mistake itself, where nothing is to be evaluated."""

    id: str
    title: str
    what: str
    shows: str
    fix: str
    links: tuple[str, ...] = ()
    group: str = FORWARD
    ways: Callable[[Setting], Iterable[Candidate]] = lambda setting: ()
    checks: tuple[str, ...] = ()

    def candidates(self, setting: Setting) -> list[Candidate]:
        """The ways to make this mistake on a cell; none where it cannot be made."""
        return [c if c.group else replace(c, group=self.group) for c in self.ways(setting)]


def ways(id_: str, *changes: Change, fix: str = "", open_: bool = False) -> Callable[[Setting], list[Candidate]]:
    """An entry's ways: these changes, whatever the cell."""
    return lambda setting: [Candidate(id_, change, fix, open_) for change in changes]


def url(reference: str) -> str:
    """The address of an issue or a pull request written as OWNER/REPOSITORY#NUMBER.

    >>> url("keras-team/keras#14649")
    'https://github.com/keras-team/keras/issues/14649'
    """
    repository, _, number = reference.partition("#")
    return f"https://github.com/{repository}/issues/{number}" if number else f"https://github.com/{repository}"
