"""States of a stack, (layers * directions, B, ...), and that its layers fit onto each other."""

from collections.abc import Callable, Sequence
from typing import Any

from sympy import Expr, Integer

from grusym.conventions.packing import numbers
from grusym.equations.axis import BATCH, TIME
from grusym.equations.cell import Cell
from grusym.equations.layer import Series
from grusym.errors import InputError
from grusym.runtime.arrays import check_array, named
from grusym.runtime.layer_arguments import require_shape
from grusym.runtime.tape import Arrays, Packed


def read_states(
    what: str, given: Any, called: Callable[[str], str], cell: Cell, runs: int, sizes: dict[str, int], dtype: str
) -> Arrays:
    """Initial states, or cotangents of final ones, by the names that `called` gives them; those missing are zero."""
    found = named(what, given, [called(state.name) for state in cell.states], optional=True)
    for state in cell.states:
        name = called(state.name)
        if name in found:
            check_array(name, found[name], dtype)
            require_shape(name, found[name], (Integer(runs), BATCH.extent, *state.tensor.shape), sizes)
    return found


def check_widths(
    cell: Cell, series: Series, packs: Sequence[Sequence[Packed]], width: int, known: dict[str, int]
) -> None:
    """Raise InputError unless every layer reads what the one below it gives, and all have states of the same shape.

    A layer gives `series`, `width` times as wide as a cell of it; `known` are the sizes of the first.
    """
    first = cell.inputs[0]
    states = sorted({axis.name for state in cell.states for axis in state.tensor.axes})
    for layer, row in enumerate(packs):
        for packed in row:
            for name in states:
                if packed.sizes.get(name, known[name]) != known[name]:
                    raise InputError(
                        f"layer {layer} has parameters with {name} = {packed.sizes[name]}, but {name} = {known[name]} "
                        "in the arrays before; the states of all layers have the same shape"
                    )
            if not layer:
                continue
            over = (TIME.extent, BATCH.extent)
            gives = (*over, *widened(series.tensor.shape, width))
            there = numbers(gives, known)
            reads = tuple(packed.sizes.get(axis.name, n) for axis, n in zip(first.axes, there[2:], strict=True))
            if there[2:] != reads:
                raise InputError(
                    f"{first.name} of layer {layer} is what layer {layer - 1} gives, {gives} = {there}, but "
                    f"{(*over, *first.shape)} = {(*there[:2], *reads)} is wanted by its parameters"
                )


def widened(step: tuple[Expr, ...], width: int) -> tuple[Expr, ...]:
    """The shape of a step of several directions beside each other, where one has the shape `step`."""
    return (width * step[0], *step[1:]) if step else step
