"""Profiles: what is assumed of the arithmetic of an implementation that is judged.

A bound on errors is derived from these numbers and from the equations alone (grusym.oracle.bounds).
"""

from dataclasses import dataclass

from grusym.errors import InputError


@dataclass(frozen=True)
class Profile:
    """The arithmetic of an implementation.

    `unit` is the unit roundoff u of sums and products, `tiny` half the smallest subnormal number. Where subnormals are
    flushed to zero it is the smallest normal number: an operation then loses a subnormal argument or a subnormal
    result, less than that and never both, as XLA's do on CPUs. `storage` is the unit roundoff of what is kept between
    operations where that is coarser, `operands` that to which factors are rounded before they are multiplied. `ulps`
    are what a function may be off, in units in the last place; that of sigmoid is one of 1/2, since many compute it as
    1/2 + 1/2 tanh(x/2). `nearest` says that numbers are rounded to nearest, so that errors have no sign of their own.
    """

    name: str
    dtype: str
    unit: float
    tiny: float
    storage: float = 0.0
    operands: float = 0.0
    ulps: float = 4.0
    nearest: bool = True


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("fp64", "float64", 2.0**-53, 2.0**-1074),
        Profile("fp64-ftz", "float64", 2.0**-53, 2.0**-1022),
        Profile("fp32", "float32", 2.0**-24, 2.0**-150),
        Profile("fp32-ftz", "float32", 2.0**-24, 2.0**-126),
        Profile("fp32-truncating", "float32", 2.0**-23, 2.0**-150, nearest=False),
        Profile("fp32-tf32", "float32", 2.0**-24, 2.0**-150, operands=2.0**-11, nearest=False),
        Profile("fp16-acc32", "float16", 2.0**-24, 2.0**-25, storage=2.0**-11, operands=2.0**-11),
        Profile("fp16", "float16", 2.0**-11, 2.0**-25),
        Profile("bf16-acc32", "bfloat16", 2.0**-24, 2.0**-134, storage=2.0**-8, operands=2.0**-8),
    )
}
DEFAULTS = {"float64": "fp64", "float32": "fp32", "float16": "fp16-acc32", "bfloat16": "bf16-acc32"}


def profile_named(name: str | None, dtype: str) -> Profile:
    """A profile by name, or the default one of a dtype. Raises InputError where there is none, or of another dtype.

    >>> profile_named(None, "float32").unit == 2.0**-24
    True
    """
    if name is None:
        if dtype not in DEFAULTS:
            raise InputError(f"unknown dtype {dtype!r}; choose {', '.join(DEFAULTS)}")
        return PROFILES[DEFAULTS[dtype]]
    if name not in PROFILES:
        raise InputError(f"unknown profile {name!r}; known are {', '.join(PROFILES)}")
    if PROFILES[name].dtype != dtype:
        raise InputError(
            f"profile {name} is of {PROFILES[name].dtype}, but {dtype} is judged; pass --dtype or a profile of it"
        )
    return PROFILES[name]
