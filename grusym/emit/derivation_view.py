"""A derivation that shows itself: as mathematics in a notebook, as text in a terminal."""

from dataclasses import dataclass, fields

from grusym.calculus.derivation import Derivation
from grusym.calculus.derivation import derive as derive_bare
from grusym.emit.document import latex_document
from grusym.emit.layout import rows
from grusym.emit.notation import Notation
from grusym.emit.sections import in_matrix_form, totals
from grusym.emit.text import text_document
from grusym.equations.cell import Cell
from grusym.equations.library import as_cell


@dataclass(frozen=True, repr=False)
class ShownDerivation(Derivation):
    """A derivation with the forms in which it is read."""

    def __str__(self) -> str:
        return text_document(self)

    def __repr__(self) -> str:
        return f"<derivation of {self.cell.spelling}: {len(self.steps)} steps>"

    def _repr_latex_(self) -> str:
        """The equations and the recurrence of their gradients, in matrix form where there is one."""
        notation, recurrence = Notation.of(self), self.bptt
        time = notation.time
        lines = in_matrix_form(self, self.cell.equations, notation)
        lines += in_matrix_form(self, recurrence.start, notation.at("T"))
        lines += in_matrix_form(self, [*recurrence.recomputed, *recurrence.seeds], notation.at(time))
        lines += in_matrix_form(self, recurrence.step, notation)
        lines += [*totals(self, notation), *in_matrix_form(self, recurrence.end, notation.at("0"))]
        return "$$\\begin{aligned}\n" + " \\\\\n".join(rows(lines)) + "\n\\end{aligned}$$"

    @property
    def latex(self) -> str:
        """The whole derivation as a LaTeX document."""
        return latex_document(self)


def derive(cell: Cell | str) -> ShownDerivation:
    """Derive the gradients of a cell: its adjoint of one step, its BPTT, and the steps that led there.

    >>> derive("rnn:biases=none")
    <derivation of rnn:biases=none: 12 steps>

    `cell` may be its spelling on the command line. Raises DerivativeError for a function without a derivative rule.
    """
    bare = derive_bare(as_cell(cell))
    return ShownDerivation(**{field.name: getattr(bare, field.name) for field in fields(bare)})
