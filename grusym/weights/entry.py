"""An array in a file that is not read yet: its dtype and shape are known, and how to read it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from grusym.errors import InputError

FLOATS = {"float16": 2, "float32": 4, "float64": 8}


@dataclass(frozen=True)
class Outline:
    """A shape that can be cut like an array, whatever its extents: no memory stands behind it."""

    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __getitem__(self, where: tuple[slice, ...]) -> "Outline":
        """The shape of a part.

        >>> Outline((2, 10**12))[1:2, :].shape
        (1, 1000000000000)
        """
        return Outline(tuple(len(range(*s.indices(n))) for s, n in zip(where, self.shape, strict=True)))


@dataclass(frozen=True)
class Entry:
    """One array of a file. `load` reads it, and raises InputError where it is not what dtype and shape say."""

    dtype: str
    shape: tuple[int, ...]
    load: Callable[[], Any]

    @property
    def outline(self) -> Outline:
        return Outline(self.shape)

    @property
    def elements(self) -> int:
        return prod(self.shape)


def take(path: Path, entries: Mapping[str, Entry], names: Iterable[str]) -> dict[str, Any]:
    """These arrays of a file, read, in the machine's byte order.

    Raises InputError for one that does not hold floats of NumPy's, and what reading it raises.
    """
    import numpy as np

    arrays = {}
    for name in names:
        entry = entries[name]
        if entry.dtype not in FLOATS:
            raise InputError(f"{name} in {path} is {entry.dtype}, {_mend(entry.dtype)}")
        array = np.asarray(entry.load())
        arrays[name] = np.array(array, array.dtype.newbyteorder("="), order="C", copy=True)
    return arrays


def _mend(dtype: str) -> str:
    if dtype == "bfloat16":
        return "which NumPy does not have; save it as float32, which holds every bfloat16 exactly"
    if dtype == "object":
        return "Python objects, which only unpickling could read, and that runs code from the file; save it as floats"
    return f"not one of {', '.join(FLOATS)}; save it as one of them"
