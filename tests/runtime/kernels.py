"""Data for a kernel, by the names of its arrays."""

import numpy as np

from grusym.lower.ir import Kind
from tests.lower.layers import random_arrays, some_sizes

TARGETS = ("c", "numpy")


def data(kernel, T=3, B=2, *extents, seed=0):
    """Arrays by name for everything that a caller gives, in the kernel's type."""
    sizes = some_sizes(kernel.lowered.forward, T, B, *extents)
    given = random_arrays(kernel.lowered, sizes, seed)
    return sizes, {name: np.asarray(array, kernel.dtype) for name, array in given.items()}


def pick(given, names):
    return {name: given[name] for name in names}


def params_of(kernel, given):
    return pick(given, [b.name for b in kernel.lowered.forward.of_kind(Kind.PARAMETER)])
