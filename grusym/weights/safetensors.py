"""Files of safetensors: a header of names, dtypes and offsets, and the bytes. The library checks them to agree."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grusym.weights.entry import Entry
from grusym.weights.reading import need, reading, size_of

KIND = ".safetensors"
LIBRARY = ("safetensors", "the package safetensors", "convert")
DTYPES = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16"}


def contents(path: Path) -> dict[str, Entry]:
    """The arrays of a file by name; only its header is read.

    Raises InputError for what is no such file, and where the library is not there.
    """
    size_of(path)
    library = need(*LIBRARY)
    with reading(path, KIND), library.safe_open(path, framework="numpy") as file:
        names = list(file.offset_keys())
        slices = {name: file.get_slice(name) for name in names}
        return {
            name: Entry(
                DTYPES.get(part.get_dtype(), part.get_dtype()),
                tuple(part.get_shape()),
                lambda name=name: _load(path, name),  # type: ignore[misc]
            )
            for name, part in slices.items()
        }


def packed(arrays: Mapping[str, Any]) -> bytes:
    """A file with these arrays. Raises InputError where the library is not there."""
    import numpy as np

    data: bytes = need("safetensors.numpy", *LIBRARY[1:]).save({k: np.asarray(v, order="C") for k, v in arrays.items()})
    return data


def _load(path: Path, name: str) -> Any:
    with reading(path, KIND), need(*LIBRARY).safe_open(path, framework="numpy") as file:
        return file.get_tensor(name)
