"""What may explain an implementation: one known mistake, or two at once."""

from dataclasses import dataclass

from grusym.oracle.catalogue.entry import Candidate
from grusym.oracle.program import Program


@dataclass(frozen=True)
class Explanation:
    """One mistake, or two at once, after `before`, which was found already."""

    parts: tuple[Candidate, ...]
    before: tuple[Candidate, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(part.id for part in self.parts)

    def program(self, right: Program) -> Program | None:
        """What it makes of a right program; None where that cannot run."""
        return changed(right, (*self.before, *self.parts))


def changed(program: Program | None, parts: tuple[Candidate, ...]) -> Program | None:
    """A program with these mistakes, one after the other; None where that cannot run."""
    for part in parts:
        program = part.change(program) if program is not None else None
    return program


@dataclass(frozen=True)
class Fit:
    """An explanation that fits, the largest ratio over its cases, and what nothing tells from it."""

    explanation: Explanation
    worst: float
    equivalent: tuple[str, ...] = ()
