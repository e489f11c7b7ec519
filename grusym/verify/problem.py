"""Random problems: sizes, and values for everything that the caller of a kernel gives."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from grusym.conventions.packing import numbers
from grusym.equations.axis import BATCH, TIME
from grusym.equations.condition import Condition, nearest
from grusym.lower.ir import Kind
from grusym.lower.lowered import Lowered

LARGEST = 6  # of a random extent: every axis can differ from every other, and a problem still takes milliseconds
FEW = 3  # the same for cells of many axes
SATURATED = 6.0  # how much larger the inputs of a saturated sample are


@dataclass(frozen=True)
class Problem:
    """Sizes by name, and arrays by the names of the kernels' buffers: x, h0, parameters, dy, dh_n.

    The arrays are float64, but every value is one that `dtype` can hold, so that a float32 kernel and its float64 judge
    see the same numbers.
    """

    sizes: Mapping[str, int]
    arrays: Mapping[str, Any]
    dtype: str
    seed: int

    def cast(self, name: str) -> Any:
        """An array as the kernel takes it: in the kernel's dtype."""
        return self.arrays[name].astype(self.dtype)


def some_sizes(
    names: list[str], examples: int, seed: int, conditions: Collection[Condition] = ()
) -> list[dict[str, int]]:
    """This many sizes, from small to large, so that the first that fails is small.

    All 1, all different, one at a time 1 among others, only T over 1, then random ones; where the equations have no
    value at such sizes, the nearest at which they have.

    A cell of more than four axes has sizes that repeat: work grows with their product.

    >>> some_sizes(["T", "B", "I", "H"], 2, 0)
    [{'T': 1, 'B': 1, 'I': 1, 'H': 1}, {'T': 3, 'B': 2, 'I': 4, 'H': 5}]
    """
    extents = (3, 2, 4, 5) if len(names) < 5 else (3, 2, 4, 6, 5, 7) if len(names) < 7 else (3, 2, 4, 5) * len(names)
    different = dict(zip(names, extents, strict=False))
    ones = dict.fromkeys(names, 1)
    chosen = [ones, different, *({**different, name: 1} for name in names), {**ones, TIME.name: 2}]
    random = np.random.default_rng((seed, 1))
    while len(chosen) < examples:
        drawn = random.integers(1, LARGEST + 1 if len(names) < 6 else FEW + 1, size=len(names))
        chosen.append(dict(zip(names, map(int, drawn), strict=True)))
    allowed = [nearest(sizes, conditions) for sizes in chosen[:examples]]
    return sorted(allowed, key=lambda sizes: prod(sizes.values()))


def problem(lowered: Lowered, sizes: Mapping[str, int], dtype: str, seed: int) -> Problem:
    """The problem of a seed at these sizes.

    Values lie between -1 and 1, weights are smaller by the root of their rows' length, as PyTorch starts them. Where
    there are several samples, the first is driven into saturation; the others are not, because where every derivative
    vanishes, no digit of a gradient is sure.
    """
    random = np.random.default_rng((seed, *sizes.values()))
    over_time = {tensor.name for tensor in lowered.cell.inputs}
    arrays: dict[str, Any] = {}
    for kernel in (lowered.forward, lowered.backward):
        for buffer in kernel.of_kind(Kind.INPUT, Kind.PARAMETER):
            if buffer.name in arrays:
                continue
            shape = numbers(buffer.shape, sizes)
            values = random.uniform(-1, 1, size=shape)
            if buffer.kind is Kind.PARAMETER:
                values /= np.sqrt(max(1, prod(shape[1:])))
            elif buffer.name in over_time and sizes[BATCH.name] > 1:
                values[:, 0] *= SATURATED
            arrays[buffer.name] = np.asarray(values, dtype).astype(np.float64)
    return Problem(dict(sizes), arrays, dtype, seed)
