"""Random masks from a seed, to be passed to a layer: the same seed, the same mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from grusym.emit.c_types import c_type
from grusym.errors import InputError


def dropout_mask(shape: Sequence[int], rate: float, seed: int, dtype: str = "float32") -> Any:
    """A mask of inverted dropout: 0 with probability `rate`, else 1 / (1 - rate), so that the mean stays.

    What a layer of n layers takes as `dropout` has the shape (n - 1, *y.shape). The numbers are those of NumPy's
    default_rng(seed), an element of the mask each, in row-major order.

    >>> dropout_mask((2, 3), rate=0.5, seed=1, dtype="float64")
    array([[2., 2., 0.],
           [2., 0., 0.]])

    Raises InputError for a rate outside 0 to 1, a shape or seed that is none, or a dtype that no kernel has.
    """
    kept = _kept(shape, rate, seed, dtype)
    return kept if rate == 1 else kept * np.asarray(1 / (1 - rate), dtype)


def zoneout_mask(shape: Sequence[int], rate: float, seed: int, dtype: str = "float32") -> Any:
    """A mask of zoneout: 0, with probability `rate`, where a unit keeps its state, else 1. It is the input m_h.

    >>> zoneout_mask((2, 3), rate=0.5, seed=1, dtype="float64")
    array([[1., 1., 0.],
           [1., 0., 0.]])

    Raises InputError as `dropout_mask` does.
    """
    return _kept(shape, rate, seed, dtype)


def _kept(shape: Sequence[int], rate: float, seed: int, dtype: str) -> Any:
    try:
        probability = 0 <= rate <= 1
    except TypeError:
        probability = False
    if not probability:
        raise InputError(f"rate={rate!r} is no probability; it lies between 0 and 1")
    c_type(dtype)
    try:
        return (np.random.default_rng(seed).random(tuple(shape)) >= rate).astype(dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"no mask of shape {shape!r} from the seed {seed!r}: {error}") from error
