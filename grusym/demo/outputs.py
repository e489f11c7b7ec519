"""What the demo writes besides text: whole files, or none."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from grusym.errors import InputError


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a binary file under a temporary name, then rename it; returns its path.

    Raises InputError, with the path and how to mend it, where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {path}: {reason}; choose a directory you may write to") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path
