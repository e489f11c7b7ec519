"""Layers of any cell: over time in one direction or both, stacked, with masks, and dropout between."""

from grusym.conventions.library import cell_in
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.masking import masked as masked_cell
from grusym.errors import InputError
from grusym.runtime.kernel import build
from grusym.runtime.layer_parameters import WAYS
from grusym.runtime.stack import Layers

MERGES = ("concat", "sum")
MASKED = ("zero", "hold")


def layer(
    cell: Cell | str,
    target: str = "c",
    dtype: str = "float32",
    convention: str | None = None,
    schedule: str = "reference",
    layers: int = 1,
    direction: str = "forward",
    merge: str = "concat",
    batch_first: bool = False,
    masked: str = "zero",
) -> Layers:
    """Layers of a cell, generated, compiled and ready to run: stacked, in one direction or both.

    `direction` is forward, reverse or bidirectional, where the outputs of both are side by side (`merge="concat"`) or
    added ("sum"). Parameters are named as the convention names those of a stack: in "torch" weight_ih_l0,
    weight_ih_l0_reverse and so on; those of a single cell by their plain names too. `masked` says what outputs are at
    steps that lengths or a mask take out: "zero", or "hold" for those of the step before.

    >>> bidirectional = layer("gru", "numpy", "float64", "torch", layers=2, direction="bidirectional")
    >>> bidirectional.runs
    4

    Raises InputError for a choice that does not exist or does not fit the cell, and what `build` raises.
    """
    choices = {
        "direction": (direction, tuple(WAYS)),
        "merge": (merge, MERGES),
        "masked": (masked, MASKED),
        "batch_first": (batch_first, (False, True)),
    }
    for word, (value, known) in choices.items():
        if value not in known:
            raise InputError(f"{word}={value!r} is unknown; {word} is one of {', '.join(map(str, known))}")
    if not isinstance(layers, int) or isinstance(layers, bool) or layers < 1:
        raise InputError(f"layers={layers!r}, but a stack has a whole number of layers, 1 or more")
    found = cell_in(cell, convention)
    if not found.inputs:
        raise InputError(f"{found.spelling} has no input, so that nothing says how many steps a layer has")
    if masked == "hold":
        masked_cell(found, masked)  # refuses a cell whose outputs cannot be held, before lengths are given
    series = Layer(found).series
    scalars = [s.name for s in series if not s.tensor.axes]
    if direction == "bidirectional" and merge == "concat" and scalars:
        raise InputError(
            f'{scalars[0]} of {found.spelling} has no axis to concatenate directions along; pass merge="sum"'
        )
    if layers > 1 and len(series[0].tensor.axes) != len(found.inputs[0].axes):
        raise InputError(
            f"{series[0].name} {series[0].tensor.shape} of {found.spelling} cannot be the input "
            f"{found.inputs[0].name} {found.inputs[0].shape} of a layer above; they have different numbers of axes"
        )
    kernel = build(found, target, dtype, convention, schedule)
    return Layers(kernel, layers, direction, merge, batch_first, masked)
