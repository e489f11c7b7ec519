"""The members of a zip archive that nobody vouches for, their sizes checked before anything is unpacked."""

import zipfile
from pathlib import Path

from grusym.errors import InputError

MAX_INFLATED = 2**30  # bytes that the compressed members of an archive may hold together
ENCRYPTED = 0x1


def checked_members(path: Path, archive: zipfile.ZipFile, size: int, compressed: bool) -> list[zipfile.ZipInfo]:
    """The members of an archive of `size` bytes; `compressed` says whether they may be.

    Raises InputError for two of one name, and where they hold more than the file can, or 1 GiB if compressed.
    """
    members = archive.infolist()
    seen: set[str] = set()
    stored = inflated = 0
    for member in members:
        name = member.filename
        if name in seen:
            raise InputError(f"cannot read {path}: it holds two members called {name}; write the file anew")
        seen.add(name)
        if member.flag_bits & ENCRYPTED:
            raise InputError(f"cannot read {path}: its member {name} is encrypted; save it without")
        if member.compress_type == zipfile.ZIP_STORED:
            stored += member.file_size
            if member.file_size != member.compress_size:
                raise InputError(f"cannot read {path}: the two sizes of its member {name} differ; write the file anew")
        elif member.compress_type == zipfile.ZIP_DEFLATED and compressed:
            inflated += member.file_size
        else:
            raise InputError(f"cannot read {path}: its member {name} is compressed; save it without compression")
    if stored > size:
        raise InputError(f"cannot read {path}: its members claim {stored} bytes, but it has {size}; write it anew")
    if inflated > MAX_INFLATED:
        raise InputError(
            f"cannot read {path}: its compressed members claim {inflated} bytes, more than the {MAX_INFLATED} that are "
            "unpacked from compressed files; save it without compression"
        )
    return members
