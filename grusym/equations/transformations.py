"""The options that every cell has: transformations of cells, by the names and in the order in which they apply."""

from collections.abc import Mapping

from grusym.equations.cell import Cell
from grusym.equations.masking import OPTION as MASK
from grusym.equations.masking import VALUES as MASKS
from grusym.equations.masking import masked
from grusym.equations.zoneout import OPTION as ZONEOUT
from grusym.equations.zoneout import zoneout, zoneout_values
from grusym.errors import InputError

NONE = "none"
# Option -> what it does, in a few words. A mask goes around zoneout.
TRANSFORMATIONS = {
    ZONEOUT: "none | train | inference, of all states or of those named (train_h): units keep their state at random",
    MASK: "none | zero | hold: where an input m (T, B) is 0, states are held, and outputs zero or held",
}


def transformed(cell: Cell, options: Mapping[str, str]) -> Cell:
    """The cell with these options of every cell; the others among them are not looked at.

    Raises InputError for a value that the option does not have, and what the transformation refuses.
    """
    zoned, mask = options.get(ZONEOUT, NONE), options.get(MASK, NONE)
    known = {ZONEOUT: (NONE, *zoneout_values(cell)), MASK: MASKS}
    for key, value in ((ZONEOUT, zoned), (MASK, mask)):
        if value not in known[key]:
            raise InputError(f"{cell.name}: {key}={value} is unknown; {key} is one of {', '.join(known[key])}")
    if zoned != NONE:
        mode, states = zoneout_values(cell)[zoned]
        cell = zoneout(cell, mode, states)
    return cell if mask == NONE else masked(cell, mask)


def is_transformed(cell: Cell) -> bool:
    """Whether a cell computes more than the one that its name says: what PyTorch has for that is no peer of it."""
    return any(key in TRANSFORMATIONS for key, _ in cell.options)
