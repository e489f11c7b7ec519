"""The derivation of a cell: everything that follows from its equations, and the steps that led there."""

from dataclasses import dataclass

from grusym.calculus.bptt import Bptt, bptt, step_program
from grusym.calculus.forward import tangent_cell
from grusym.calculus.program import Program
from grusym.calculus.reverse import Step
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer


@dataclass(frozen=True)
class Derivation:
    """What follows from a cell.

    forward: the cell's equations in normal form.        vjp:  the adjoint program of one step.
    jvp:     the cell that carries a tangent along.      bptt: the adjoint recurrence over time.
    steps:   how the vjp was derived, each with its rule, what it was applied to, and what came out.
    """

    cell: Cell
    forward: Program
    vjp: Program
    bptt: Bptt
    steps: tuple[Step, ...]

    @property
    def jvp(self) -> Cell:
        return tangent_cell(self.cell)


def derive(cell: Cell) -> Derivation:
    """Derive the gradients of a cell. Sizes stay symbols, so it takes as long for H=4 as for H=4096.

    >>> from grusym.equations.library import cell
    >>> print(derive(cell("rnn", biases="none")).vjp.nodes[0])
    da_h_next[i] = (1 - h'[i]**2)*dh'[i]

    Raises DerivativeError for a function without a derivative rule.
    """
    layer = Layer(cell)
    forward = step_program(layer)
    recurrence, steps = bptt(layer, forward)
    vjp = Program((*recurrence.step, *recurrence.sums), recurrence.program.shapes)
    naming = tuple(
        Step("name a sum, a function's value or its argument", (), (node,))
        for node in forward.nodes
        if node.tensor not in cell.tensors
    )
    return Derivation(cell, forward, vjp, recurrence, (*naming, *steps))
