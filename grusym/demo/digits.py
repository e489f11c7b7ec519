"""The data: scikit-learn's handwritten digits, each 8x8 image read row by row as a sequence of 8 steps."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grusym.demo.optional import need

CLASSES = 10
BRIGHTEST = 16.0  # a pixel counts the dark points of a 4x4 block
TEST_SHARE = 0.25
Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Sequences:
    """Images as sequences: x (T, N, I) holds row t of image n, between 0 and 1; labels (N,)."""

    x: Floats
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, which: Labels) -> "Sequences":
        """These samples, in this order, contiguous as a kernel wants them."""
        return Sequences(np.ascontiguousarray(self.x[:, which]), self.labels[which])


@dataclass(frozen=True)
class Digits:
    """The data set, split once: what is trained on, and what only the accuracy is measured on."""

    train: Sequences
    test: Sequences


def load(seed: int) -> Digits:
    """The 1797 digits that come with scikit-learn, in float64, every class split in the same proportion.

    Raises InputError where scikit-learn is not installed.
    """
    images = need("sklearn.datasets").load_digits()
    x = np.ascontiguousarray(images.images.transpose(1, 0, 2) / BRIGHTEST, np.float64)
    everything = Sequences(x, images.target.astype(np.int64))
    train, test = _split(everything.labels, seed)
    return Digits(everything.take(train), everything.take(test))


def _split(labels: Labels, seed: int) -> tuple[Labels, Labels]:
    """Indices for training and for testing, both shuffled."""
    generator = np.random.default_rng(seed)
    train, test = [], []
    for digit in range(CLASSES):
        which = generator.permutation(np.flatnonzero(labels == digit))
        held_out = round(TEST_SHARE * len(which))
        test.append(which[:held_out])
        train.append(which[held_out:])
    return generator.permutation(np.concatenate(train)), generator.permutation(np.concatenate(test))


def batches(data: Sequences, size: int, count: int, seed: int) -> Iterator[Sequences]:
    """`count` batches of `size` samples; each pass over the data has its own order and drops what is left over."""
    generator = np.random.default_rng(seed)
    order = np.empty(0, np.int64)
    for _ in range(count):
        if len(order) < size:
            order = generator.permutation(len(data))
        yield data.take(order[:size])
        order = order[size:]
