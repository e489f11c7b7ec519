"""Schedules: named lists of transformations, each from kernel to kernel."""

from collections.abc import Callable

from grusym.errors import InputError
from grusym.lower.check import check
from grusym.lower.fuse import fuse
from grusym.lower.ir import Kernel
from grusym.lower.load_once import load_once
from grusym.lower.localise import localise
from grusym.lower.scalar_sums import scalar_sums
from grusym.lower.serialise import serialise

Transformation = Callable[[Kernel], Kernel]

SCHEDULES: dict[str, tuple[Transformation, ...]] = {
    # Plain loops, as one would write them by hand: fused where that is exact, scalars where no array is needed.
    "reference": (serialise, fuse, localise, scalar_sums, load_once),
}

# Changes no kernel: grusym.build runs kernels of one step over all steps at once, and the scan over what they give.
SCAN = "scan"


def require_schedule(name: str, *besides: str) -> None:
    """Raise InputError unless this is a schedule; `besides` are what the caller has more."""
    if name not in SCHEDULES:
        raise InputError(f"unknown schedule {name!r}; known are {', '.join((*SCHEDULES, *besides))}")


def apply(name: str, kernel: Kernel) -> Kernel:
    """The kernel under a schedule, checked.

    Raises InputError for an unknown schedule, LoweringError where a transformation does not apply.
    """
    require_schedule(name)
    for transformation in SCHEDULES[name]:
        kernel = transformation(kernel)
    return check(kernel)
