"""The formats of the numbers that are judged: NumPy's own, and bfloat16, which ml_dtypes adds to it."""

from typing import Any

import numpy as np

from grusym.errors import InputError

BFLOAT16 = "bfloat16"


def numpy_type(dtype: str) -> Any:
    """A format as NumPy's dtype. Raises InputError where what defines bfloat16 is not installed.

    >>> numpy_type("float32").itemsize, numpy_type("bfloat16").itemsize
    (4, 2)
    """
    if dtype == BFLOAT16:
        _ml_dtypes()
    return np.dtype(dtype)


def extremes(dtype: str) -> tuple[float, float]:
    """The largest finite number, and the smallest above zero.

    >>> extremes("float16")
    (65504.0, 5.960464477539063e-08)
    """
    limits = _ml_dtypes().finfo(BFLOAT16) if dtype == BFLOAT16 else np.finfo(dtype)
    return float(limits.max), float(limits.smallest_subnormal)


def is_floating(dtype: Any) -> bool:
    """Whether NumPy's dtype holds floating-point numbers."""
    return np.dtype(dtype).kind == "f" or np.dtype(dtype).name == BFLOAT16


def _ml_dtypes() -> Any:
    try:
        import ml_dtypes
    except ImportError as error:
        raise InputError(
            "bfloat16 needs ml_dtypes, which NumPy's arrays of it come from; pip install ml_dtypes"
        ) from error
    return ml_dtypes
