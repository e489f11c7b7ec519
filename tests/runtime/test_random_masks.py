"""Random masks: reproducible from a seed, of the right rate, and refused where they are none."""

import numpy as np
import pytest

from grusym import dropout_mask, zoneout_mask
from grusym.errors import InputError

RATE, SHAPE = 0.25, (2, 100, 100)


@pytest.mark.parametrize("make", [dropout_mask, zoneout_mask])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_seed_gives_the_same_mask(make, dtype):
    mask = make(SHAPE, RATE, 7, dtype)
    assert (mask.dtype, mask.shape) == (np.dtype(dtype), SHAPE)
    np.testing.assert_array_equal(mask, make(SHAPE, RATE, 7, dtype))
    assert not np.array_equal(mask, make(SHAPE, RATE, 8, dtype))
    kept = 1 if make is zoneout_mask else np.dtype(dtype).type(1 / (1 - RATE))
    assert set(np.unique(mask)) == {0, kept}
    # Of n = 20000 coins the share of zeros lies within 6 sqrt(p (1 - p) / n), but for one seed in 10^8.
    assert abs((mask == 0).mean() - RATE) < 6 * np.sqrt(RATE * (1 - RATE) / mask.size)


def test_the_same_units_are_dropped_in_every_type():
    np.testing.assert_array_equal(dropout_mask(SHAPE, RATE, 7) == 0, dropout_mask(SHAPE, RATE, 7, "float64") == 0)


def test_the_ends_of_the_scale():
    np.testing.assert_array_equal(dropout_mask((3,), 0, 0), 1)
    np.testing.assert_array_equal(dropout_mask((3,), 1, 0), 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((2,), 1.5, 0), "rate=1.5 is no probability; it lies between 0 and 1"),
        (((2,), "0.5", 0), "rate='0.5' is no probability; it lies between 0 and 1"),
        (((2,), float("nan"), 0), "rate=nan is no probability; it lies between 0 and 1"),
        (((-2,), 0.5, 0), "no mask of shape (-2,) from the seed 0: negative dimensions are not allowed"),
        (((2,), 0.5, -1), "no mask of shape (2,) from the seed -1: expected non-negative integer"),
        ((2, 0.5, 0), "no mask of shape 2 from the seed 0: 'int' object is not iterable"),
    ],
)
def test_what_is_no_mask_is_refused(arguments, message):
    with pytest.raises(InputError) as caught:
        dropout_mask(*arguments)
    assert str(caught.value) == message
