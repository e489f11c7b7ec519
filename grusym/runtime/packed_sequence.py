"""Packed sequences, as torch.nn.utils.rnn has them: the steps of all sequences of a batch without any padding.

The sequences are ordered by length, the longest first; `data` holds the first step of all of them, then the second of
those that have one, and so on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grusym.errors import InputError


@dataclass(frozen=True)
class PackedSequence:
    """`data` (sum of lengths, ...), and `batch_sizes` (T): how many sequences have a step t.

    `sorted_indices` says where in the batch each of the ordered sequences stands, `unsorted_indices` is the inverse;
    both None where the batch is in that order. Unlike PyTorch's, sequences may have length 0: `sorted_indices` counts
    them too. What has these attributes as NumPy arrays, is taken wherever this is.
    """

    data: Any
    batch_sizes: Any
    sorted_indices: Any = None
    unsorted_indices: Any = None


@dataclass(frozen=True)
class Positions:
    """Where the rows of packed data stand in a padded array (T, B, ...): at `steps` and `samples`."""

    steps: Any
    samples: Any
    lengths: Any

    @property
    def batch(self) -> int:
        return len(self.lengths)

    def padded(self, data: Any, steps: int, padding: float = 0.0) -> Any:
        """The data as an array (T, B, ...) of `steps` steps."""
        array = np.full((steps, self.batch, *data.shape[1:]), padding, data.dtype)
        array[self.steps, self.samples] = data
        return array

    def packed(self, array: Any) -> Any:
        """The rows of an array (T, B, ...) as packed data."""
        return array[self.steps, self.samples]


def is_packed(value: Any) -> bool:
    """Whether this is a packed sequence, ours or one that looks like it."""
    return hasattr(value, "data") and hasattr(value, "batch_sizes")


def positions_of(packed: Any, name: str = "the packed sequence") -> Positions:
    """Where its rows stand. Raises InputError for what no packing makes."""
    if not is_packed(packed):
        raise InputError(f"{name} is a {type(packed).__name__}, which has no data and batch_sizes; pack it first")
    sizes = _whole(packed.batch_sizes, f"batch_sizes of {name}")
    if len(sizes) and (sizes.min() < 1 or (np.diff(sizes) > 0).any()):
        raise InputError(f"batch_sizes of {name} is {sizes.tolist()}; from step to step it falls or stays, down to 1")
    if not isinstance(packed.data, np.ndarray):
        raise InputError(f"data of {name} is a {type(packed.data).__name__}, not a NumPy array")
    if packed.data.ndim < 1 or sizes.sum() != len(packed.data):
        rows = f"shape {packed.data.shape}"
        raise InputError(f"data of {name} has {rows}, but the sum of its batch_sizes, {sizes.sum()}, is its length")
    most = int(sizes[0]) if len(sizes) else 0
    order = np.arange(most)
    if getattr(packed, "sorted_indices", None) is not None:
        order = _whole(packed.sorted_indices, f"sorted_indices of {name}")
        if len(order) < most or not np.array_equal(np.sort(order), np.arange(len(order))):
            raise InputError(
                f"sorted_indices of {name} is {order.tolist()}; it holds each of the at least {most} samples once"
            )
    steps = np.repeat(np.arange(len(sizes)), sizes)
    ranks = np.arange(len(steps)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    lengths = np.zeros(len(order), np.int64)
    lengths[order] = (sizes[:, None] > np.arange(len(order))).sum(axis=0)
    return Positions(steps, order[ranks], lengths)


def pack_padded(
    x: Any, lengths: Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack an array (T, B, ...), or (B, T, ...) with `batch_first`, of sequences of these lengths (0 to T).

    Without `enforce_sorted` the sequences may stand in any order; else the longest comes first.

    >>> packed = pack_padded(np.arange(6.0).reshape(3, 2), [1, 3], enforce_sorted=False)
    >>> packed.data, packed.batch_sizes, packed.sorted_indices
    (array([1., 0., 3., 5.]), array([2, 1, 1]), array([1, 0]))

    Raises InputError for lengths that do not fit the array, or are not in order where that is enforced.
    """
    if not isinstance(x, np.ndarray) or x.ndim < 2:
        what = f"an array of shape {x.shape}" if isinstance(x, np.ndarray) else f"a {type(x).__name__}"
        raise InputError(f"x is {what}; pass a NumPy array of shape (T, B, ...)")
    array = x.swapaxes(0, 1) if batch_first else x
    checked = check_lengths(lengths, *array.shape[:2])
    falling = (np.diff(checked) <= 0).all()
    if enforce_sorted and not falling:
        raise InputError(
            f"lengths {checked.tolist()} are not in falling order; sort the batch, or pass enforce_sorted=False"
        )
    order = np.argsort(-checked, kind="stable")
    sizes = (checked[:, None] > np.arange(checked.max(initial=0))).sum(axis=0)
    # Sequences of length 0 have no row in the data: only here they count.
    told = not enforce_sorted or (len(checked) and not checked.all())
    indices = (order, np.argsort(order)) if told else (None, None)
    shape = PackedSequence(np.empty(sizes.sum()), sizes, order)
    return PackedSequence(positions_of(shape).packed(array), sizes, *indices)


def pad_packed(
    packed: Any, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Any, Any]:
    """The padded array (T, B, ...), or (B, T, ...) with `batch_first`, in the batch's own order, and the lengths (B,).

    T is the greatest length, or `total_length`.

    >>> pad_packed(pack_padded(np.arange(6.0).reshape(3, 2), [3, 1]))
    (array([[0., 1.],
           [2., 0.],
           [4., 0.]]), array([3, 1]))

    Raises InputError for what no packing makes, or a `total_length` that is too small.
    """
    positions = positions_of(packed)
    longest = len(packed.batch_sizes)
    if total_length is not None and not isinstance(total_length, (int, np.integer)):
        raise InputError(f"total_length={total_length!r} is no whole number of steps")
    if total_length is not None and total_length < longest:
        raise InputError(f"total_length={total_length}, but the longest sequence has {longest} steps")
    array = positions.padded(packed.data, longest if total_length is None else total_length, padding_value)
    return (np.ascontiguousarray(array.swapaxes(0, 1)) if batch_first else array), positions.lengths


def check_lengths(lengths: Any, steps: int, batch: int) -> Any:
    """The lengths as an array (B,). Raises InputError unless they are whole numbers from 0 to T, one per sample."""
    found = _whole(lengths, "lengths")
    if found.shape != (batch,):
        raise InputError(f"lengths has shape {found.shape}, but (B,) = {(batch,)} is wanted")
    for sample, length in enumerate(found):
        if not 0 <= length <= steps:
            raise InputError(f"lengths[{sample}] is {length}, but a length lies between 0 and T = {steps}")
    return found


def _whole(values: Any, name: str) -> Any:
    """Whole numbers as an array of one axis."""
    try:
        found = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is no array of whole numbers: {error}") from error
    if found.size == 0 and found.ndim == 1:
        return found.astype(np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise InputError(
            f"{name} is {found.dtype} of shape {found.shape}; pass whole numbers, as in a list or an array of int64"
        )
    return found.astype(np.int64)
