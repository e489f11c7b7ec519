"""Masks of a layer: which steps of which sequences count, and dropout between layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sympy import Expr, Integer

from grusym.equations.axis import BATCH, TIME
from grusym.errors import InputError
from grusym.runtime.layer_arguments import Arrangement
from grusym.runtime.packed_sequence import check_lengths


def read_mask(lengths: Any, mask: Any, arrangement: Arrangement, sizes: dict[str, int], dtype: str) -> Any:
    """The mask (T, B) of lengths, of packing and of the caller together; None where there is none."""
    steps, batch = sizes[TIME.name], sizes[BATCH.name]
    if arrangement.positions is not None:
        if lengths is not None:
            raise InputError("lengths are given with a packed sequence, which has its own; leave them out")
        lengths = arrangement.positions.lengths
    found = None
    if lengths is not None:
        counted = check_lengths(lengths, steps, batch)
        found = (np.arange(steps)[:, None] < counted).astype(dtype)
    if mask is not None:
        if isinstance(mask, np.ndarray) and mask.dtype == bool:
            mask = mask.astype(dtype)
        # Packed or not, a mask is an array: most of it may be 0.
        order = Arrangement(arrangement.batch_first)
        own = order.read("mask", mask, (), sizes, dtype)
        found = own if found is None else found * own
    return found


def without_padding(array: Any, mask: Any, lead: int = 0) -> Any:
    """The array with zeros where the mask is 0: there may be anything, and 0 times NaN is NaN."""
    if mask is None or mask.all():
        return array
    return np.where(mask.reshape(mask.shape + (1,) * (array.ndim - lead - 2)) == 0, np.zeros((), array.dtype), array)


def read_dropout(
    dropout: Any, step: Sequence[Expr], layers: int, arrangement: Arrangement, sizes: dict[str, int], dtype: str
) -> Any:
    """The masks between layers, time first: (layers - 1, T, B, ...), the last axes as in `step` of y."""
    if dropout is None:
        return None
    if layers == 1:
        raise InputError("dropout lies between layers, and this is one layer; leave it out, or multiply x or y by it")
    order = Arrangement(arrangement.batch_first)
    return order.read("dropout", dropout, step, sizes, dtype, lead=(Integer(layers - 1),))
