"""Writing generated files whole: under a temporary name first, renamed when all of them are on disk."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from grusym.errors import InputError


def write_files(directory: Path, files: Mapping[str, str | bytes]) -> list[Path]:
    """Write `files` (name -> text or bytes) into `directory` and return their paths in the order given.

    The directory is made where needed. A name may hold folders (`c/gru.h`), always with forward slashes. The
    bytes are the same on every system: text is UTF-8, its newline one line feed. No file is ever half-written:
    renaming starts only once every file is on disk.

    Raises InputError, with the path and how to mend it, where something cannot be written; files that stood
    there before are then as they were, unless the renaming itself failed.
    """
    targets = [_target(directory, name) for name in files]
    suffix = f".{os.getpid()}-{secrets.token_hex(4)}.tmp"  # two processes may write the same files at once
    written: list[Path] = []
    target = directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for target, content in zip(targets, files.values(), strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}{suffix}")
            with temporary.open("xb") as file:
                written.append(temporary)
                file.write(content if isinstance(content, bytes) else content.encode())
        for temporary, target in zip(written, targets, strict=True):
            os.replace(temporary, target)
    except OSError as error:
        raise InputError(_refusal(target, error)) from error
    finally:
        for temporary in written:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    return targets


def _target(directory: Path, name: str) -> Path:
    """Where the file `name` goes: inside `directory`, and not in the place of a folder."""
    relative = PurePosixPath(name)
    if not relative.name or relative.is_absolute() or ".." in relative.parts:
        raise InputError(f"cannot write a file named {name!r} into {directory}; give a relative name without '..'")
    target = directory / relative
    if os.path.isdir(target):
        raise InputError(f"cannot write {target}: it is a directory; remove it or choose another output directory")
    return target


def _refusal(path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        blocking = next((p for p in (path, *path.parents) if os.path.isfile(p)), path)
        return f"cannot write {path}: {blocking} is a file, not a directory; choose another output directory"
    return f"cannot write {path}: {reason}; choose a directory you may write to, with space left"
