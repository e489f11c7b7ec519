"""Comparing what a kernel answered with what a judge says, element by element, and the tolerances."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

# Relative to the tensor's largest element. Of float64 against float64, where both round; problems are drawn so that
# what rounding explains stays below it (see judge.py), and only where a cell leaves no such problem does it give way.
FLOAT64 = 1e-12
NOTHING = 1e-30  # smaller than any element that matters: a tensor may be zero, and its bound a few subnormal numbers


@dataclass(frozen=True)
class Deviation:
    """The element that is worst off, measured by its tolerance; `error` and `tolerance` are relative to the tensor.

    `decides` is false where rounding alone may exceed a whole tensor, so that being within the tolerance says nothing.
    """

    tensor: str
    index: tuple[int, ...]
    got: float
    want: float
    error: float
    tolerance: float
    decides: bool

    @property
    def ratio(self) -> float:
        """The error over its tolerance: at most 1 for what is right."""
        if not np.isfinite(self.error):
            return float("inf")
        return self.error / self.tolerance if self.tolerance else (float("inf") if self.error else 0.0)


def allowed(dtype: str, want: Any, bound64: Any, bound: Any) -> Any:
    """How far each element may be off: `bound` and `bound64` are what rounding explains, in `dtype` and in float64.

    float64: 1e-12 of the largest element, or twice the bound, since the judge rounds too. float32: the bound, and what
    the judge may be off.
    """
    judge = FLOAT64 * largest(want)
    if dtype == "float64":
        return np.maximum(judge, 2 * bound64)
    return bound + np.maximum(judge, bound64)


def largest(array: Any) -> float:
    """The largest magnitude in an array, without what was not judged (NaN)."""
    return float(np.nanmax(np.abs(array), initial=0.0))


def worst(
    got: Mapping[str, Any], want: Mapping[str, Any], tolerance: Mapping[str, Any], scale: float | None = None
) -> Deviation:
    """The worst element of all tensors of `want`; elements of `want` that are NaN are not judged.

    Errors are relative to `scale`, or to each tensor's largest element.
    """
    found = [
        _worst(name, got[name], array, np.broadcast_to(tolerance[name], np.shape(array)), scale)
        for name, array in want.items()
    ]
    most = max(found, key=lambda deviation: deviation.ratio)
    return replace(most, decides=all(deviation.decides for deviation in found))


def _worst(name: str, got: Any, want: Any, tolerance: Any, scale: float | None) -> Deviation:
    error = np.abs(got - want)
    error = np.where(np.isnan(error), np.where(np.isnan(want), 0.0, np.inf), error)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(error > 0, error / tolerance, 0.0)
    index = np.unravel_index(int(np.argmax(ratio)), np.shape(want)) if np.ndim(want) else ()
    size = largest(want) if scale is None else scale
    relative = size or 1.0
    return Deviation(
        name,
        tuple(map(int, index)),
        float(got[index]),
        float(want[index]),
        float(error[index]) / relative,
        float(tolerance[index]) / relative,
        decides=largest(tolerance) <= max(size, NOTHING),
    )
