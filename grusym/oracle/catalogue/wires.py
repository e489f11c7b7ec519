"""Changes of how steps are wired, as changes of programs."""

from collections.abc import Callable
from dataclasses import replace

from grusym.oracle.case import Case
from grusym.oracle.catalogue.entry import Change
from grusym.oracle.program import Program, Strand, rewired
from grusym.oracle.wiring import Wiring

Rewire = Callable[[Case, Wiring], Wiring]


def wires(rewire: Rewire) -> Change:
    return lambda program: rewired(program, rewire)


def second(change: Callable[[Case, Strand, Strand], Strand]) -> Change:
    """A change of the direction that runs backwards, where there is one: it sees that and the first."""

    def changed(program: Program) -> Program:
        if len(program.strands) == 1:
            return program
        first, second = program.strands
        return replace(program, strands=(first, change(program.case, first, second)))

    return changed


def padded(change: Callable[[Case, Wiring, int], Wiring]) -> Change:
    """A change that shows only where sequences have lengths; it sees which direction it changes."""

    def changed(program: Program) -> Program:
        if program.case.lengths is None:
            return program
        strands = [
            replace(strand, wiring=change(program.case, strand.wiring, way))
            for way, strand in enumerate(program.strands)
        ]
        return replace(program, strands=tuple(strands))

    return changed


def alone(change: Change) -> Change:
    """For layers of one direction."""
    return lambda program: change(program) if len(program.strands) == 1 else program
