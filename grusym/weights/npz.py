"""Files of NumPy's: .npz, a zip archive of arrays. Nothing in them is unpickled."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grusym.errors import InputError
from grusym.weights.entry import Entry
from grusym.weights.reading import reading, size_of
from grusym.weights.zip_members import checked_members

KIND = ".npz"
SUFFIX = ".npy"


def contents(path: Path) -> dict[str, Entry]:
    """The arrays of a file by name; only their headers are read.

    Raises InputError for what is no such file, and for members that claim more than there is.
    """
    size = size_of(path)
    with reading(path, KIND), zipfile.ZipFile(path) as archive:
        members = checked_members(path, archive, size, compressed=True)
        found = (m for m in members if m.filename.endswith(SUFFIX))
        return {m.filename.removesuffix(SUFFIX): _entry(path, archive, m) for m in found}


def packed(arrays: Mapping[str, Any]) -> bytes:
    """A file with these arrays, not compressed; the same bytes for the same arrays."""
    import numpy as np

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            # A ZipInfo has a date of its own, 1980, where a name would get today's.
            with archive.open(zipfile.ZipInfo(f"{name}{SUFFIX}"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
    return file.getvalue()


def _entry(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Entry:
    import numpy as np

    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(file)
        else:
            raise InputError(f"cannot read {path}: {member.filename} is an array of records; save its fields apart")
        header = file.tell()
    entry = Entry("object" if dtype.hasobject else dtype.name, shape, lambda: _load(path, member))
    if not all(isinstance(extent, int) and extent >= 0 for extent in shape):
        raise InputError(f"cannot read {path}: {member.filename} has shape {shape}; write the file anew")
    if not dtype.hasobject and header + entry.elements * dtype.itemsize != member.file_size:
        raise InputError(
            f"cannot read {path}: {member.filename} should hold {shape} of {dtype.name}, but its {member.file_size} "
            "bytes are not that many; write the file anew"
        )
    return entry


def _load(path: Path, member: zipfile.ZipInfo) -> Any:
    import numpy as np

    with reading(path, KIND), zipfile.ZipFile(path) as archive, archive.open(member) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):  # which also makes zipfile compare the checksum
            raise InputError(f"cannot read {path}: {member.filename} goes on after its array; write the file anew")
        return array
