"""Conventions by name."""

from grusym.conventions.packing import Convention, Layout, layout, own_layout
from grusym.conventions.torch import TORCH
from grusym.equations.cell import Cell
from grusym.errors import InputError

CONVENTIONS: dict[str, Convention] = {convention.name: convention for convention in (TORCH,)}


def layout_of(cell: Cell, convention: str | None = None) -> Layout:
    """The layout of a cell's parameters: its own tensors by name (None or "own"), or packed as a system packs them.

    >>> from grusym.equations.library import cell
    >>> layout_of(cell("gru"), "torch").arrays[0]
    ('weight_ih', (3*H, I))

    Raises InputError for an unknown convention, or one that does not fit the cell.
    """
    if convention in (None, "own"):
        return own_layout(cell)
    if convention not in CONVENTIONS:
        raise InputError(f"unknown convention {convention!r}; known are own, {', '.join(CONVENTIONS)}")
    return layout(cell, CONVENTIONS[convention])
