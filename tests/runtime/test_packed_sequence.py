"""Packing against torch.nn.utils.rnn, its inverse, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grusym import PackedSequence, pack_padded, pad_packed
from grusym.errors import InputError
from grusym.runtime.packed_sequence import positions_of

PADDED = np.arange(24.0).reshape(4, 3, 2)  # (T, B, 2)


@settings(max_examples=50, deadline=None)
@given(st.permutations([1, 2, 3, 5]), st.booleans(), st.booleans())
def test_packing_is_that_of_pytorch(lengths, ordered, batch_first):
    torch = pytest.importorskip("torch")
    lengths = sorted(lengths, reverse=True) if ordered else lengths
    x = np.random.default_rng(0).normal(size=(4, 6, 2) if batch_first else (6, 4, 2))
    theirs = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), lengths, batch_first, ordered)
    ours = pack_padded(x, lengths, batch_first, ordered)
    for name in ("data", "batch_sizes", "sorted_indices", "unsorted_indices"):
        their, our = getattr(theirs, name), getattr(ours, name)
        assert (their is None) == (our is None)
        if our is not None:
            np.testing.assert_array_equal(our, their.numpy())
    padded, counted = torch.nn.utils.rnn.pad_packed_sequence(theirs, batch_first, -1.0, 7)
    array, found = pad_packed(ours, batch_first, -1.0, 7)
    np.testing.assert_array_equal(array, padded.numpy())
    np.testing.assert_array_equal(found, counted.numpy())


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.booleans())
def test_padding_undoes_packing(lengths, ordered):
    """Sequences of length 0 keep their place."""
    lengths = sorted(lengths, reverse=True) if ordered else lengths
    x = np.random.default_rng(0).normal(size=(5, len(lengths), 2))
    packed = pack_padded(x, lengths, enforce_sorted=ordered)
    assert len(packed.data) == sum(lengths)
    array, found = pad_packed(packed, total_length=5)
    np.testing.assert_array_equal(array, x * (np.arange(5)[:, None] < found)[..., None])
    np.testing.assert_array_equal(found, lengths)


def test_steps_are_packed_beside_each_other():
    packed = pack_padded(PADDED, [1, 3, 2], enforce_sorted=False)
    np.testing.assert_array_equal(packed.data[:, 0], [2, 4, 0, 8, 10, 14])
    np.testing.assert_array_equal(positions_of(packed).steps, [0, 0, 0, 1, 1, 2])
    np.testing.assert_array_equal(positions_of(packed).samples, [1, 2, 0, 1, 2, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: pack_padded(PADDED, [1, 3, 2]),
            "lengths [1, 3, 2] are not in falling order; sort the batch, or pass enforce_sorted=False",
        ),
        (lambda: pack_padded(PADDED, [5, 3, 2]), "lengths[0] is 5, but a length lies between 0 and T = 4"),
        (lambda: pack_padded(PADDED, [3, 3, -2]), "lengths[2] is -2, but a length lies between 0 and T = 4"),
        (lambda: pack_padded(PADDED, [3, 2]), "lengths has shape (2,), but (B,) = (3,) is wanted"),
        (
            lambda: pack_padded(PADDED, [3.0, 2.0, 1.0]),
            "lengths is float64 of shape (3,); pass whole numbers, as in a list or an array of int64",
        ),
        (
            lambda: pack_padded(PADDED, 3),
            "lengths is int64 of shape (); pass whole numbers, as in a list or an array of int64",
        ),
        (lambda: pack_padded([[1.0]], [1]), "x is a list; pass a NumPy array of shape (T, B, ...)"),
        (lambda: pack_padded(np.ones(3), [1]), "x is an array of shape (3,); pass a NumPy array of shape (T, B, ...)"),
        (
            lambda: pad_packed(PackedSequence(np.ones((3, 2)), [1, 2])),
            "batch_sizes of the packed sequence is [1, 2]; from step to step it falls or stays, down to 1",
        ),
        (
            lambda: pad_packed(PackedSequence(np.ones((4, 2)), [2, 1])),
            "data of the packed sequence has shape (4, 2), but the sum of its batch_sizes, 3, is its length",
        ),
        (
            lambda: pad_packed(PackedSequence(np.ones((3, 2)), [2, 1], [1, 1])),
            "sorted_indices of the packed sequence is [1, 1]; it holds each of the at least 2 samples once",
        ),
        (
            lambda: pad_packed(PackedSequence([[1.0]], [1])),
            "data of the packed sequence is a list, not a NumPy array",
        ),
        (
            lambda: pad_packed(pack_padded(PADDED, [3, 2, 1]), total_length=2),
            "total_length=2, but the longest sequence has 3 steps",
        ),
        (
            lambda: pad_packed(pack_padded(PADDED, [3, 2, 1]), total_length=4.0),
            "total_length=4.0 is no whole number of steps",
        ),
        (
            lambda: pad_packed(PADDED),
            "the packed sequence is a ndarray, which has no data and batch_sizes; pack it first",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message
