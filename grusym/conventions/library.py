"""Conventions by name."""

from grusym.conventions.coreml import COREML
from grusym.conventions.formats import FORMATS
from grusym.conventions.frameworks import FRAMEWORKS
from grusym.conventions.jax import FLAX_AND_HAIKU
from grusym.conventions.keras import KERAS_AND_TENSORFLOW
from grusym.conventions.libraries import LIBRARIES
from grusym.conventions.packing import Layout, layout, misfit, own_layout
from grusym.conventions.paddle import PADDLE_AND_MINDSPORE
from grusym.conventions.papers import PAPERS
from grusym.conventions.record import Convention
from grusym.conventions.torch import TORCH
from grusym.equations.cell import Cell
from grusym.equations.library import as_cell, is_file, spelt_out
from grusym.equations.library import cell as cell_by_name
from grusym.errors import InputError

RECORDS = (
    *(TORCH, *KERAS_AND_TENSORFLOW, *FLAX_AND_HAIKU, *FRAMEWORKS, *PADDLE_AND_MINDSPORE),
    *(*LIBRARIES, *FORMATS, *COREML, *PAPERS),
)
CONVENTIONS: dict[str, Convention] = {record.name: record for record in RECORDS}


def convention_by_name(name: str) -> Convention:
    """The record of a system. Raises InputError for an unknown one."""
    if name not in CONVENTIONS:
        raise InputError(f"unknown convention {name!r}; known are own, {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]


def cell_in(spelling: Cell | str, convention: str | None = None) -> Cell:
    """The cell of a spelling, in the form that a system computes: what the spelling leaves open, the system decides.

    A Cell is taken as it is.

    >>> cell_in("gru", "haiku").spelling
    'gru:reset=before,update=write,biases=one'
    >>> cell_in("gru:biases=none", "keras").spelling
    'gru:biases=none'

    Raises InputError where the spelling says what the system does not compute, and whatever reading the cell raises.
    """
    if not isinstance(spelling, str) or convention in (None, "own") or is_file(spelling):
        return as_cell(spelling)
    known = convention_by_name(convention)
    name, given = spelt_out(spelling)
    forms = known.forms.get(name, ())
    for form in forms:
        if form.has(given):
            return cell_by_name(name, **{key: values[0] for key, values in form.options.items()} | given)
    found = cell_by_name(spelling)
    if forms:
        has, lacks = misfit(given, forms)
        raise InputError(
            f"convention {known.name} has {name} with {has}, not {lacks}; leave the option out, or use the cell's own "
            f"convention for {spelling} (--convention own)"
        )
    return found


def layout_of(cell: Cell, convention: str | None = None) -> Layout:
    """The layout of a cell's parameters: its own tensors by name (None or "own"), or packed as a system packs them.

    >>> from grusym.equations.library import cell
    >>> layout_of(cell("gru"), "torch").arrays[0]
    ('weight_ih', (3*H, I))

    Raises InputError for an unknown convention, or one that does not fit the cell.
    """
    if convention in (None, "own"):
        return own_layout(cell)
    return layout(cell, convention_by_name(convention))
