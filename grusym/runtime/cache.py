"""Compiled libraries, kept by the hash of everything that decided them.

An entry is one file, `<key>-<sha256 of its bytes>.so`, published by one rename. So a reader sees a whole
library or none, racing writers cannot harm each other, and damage shows as bytes that do not fit the name.
"""

import hashlib
import json
import os
import platform
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from grusym.errors import InputError
from grusym.runtime.compiler import BASE_FLAGS, Compiler, compile_shared, find_compiler

MEND = "set GRUSYM_CACHE to a directory of your own that can be written"


def cache_directory() -> Path:
    """Where compiled libraries are kept: GRUSYM_CACHE, else XDG_CACHE_HOME/grusym, else ~/.cache/grusym.

    Made, with mode 0700, if it is not there. Raises InputError if it cannot be made, belongs to somebody
    else, or can be written by others: code is loaded from it.
    """
    path = _named_directory()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError as error:
        raise InputError(f"the cache directory {path} cannot be made ({error.strerror}); {MEND}") from error
    if status.st_uid != os.geteuid():
        raise InputError(
            f"the cache directory {path} belongs to user {status.st_uid}, not to user {os.geteuid()}"
            f" who runs this, so no code is loaded from it; {MEND}"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise InputError(
            f"the cache directory {path} can be written by others (mode {stat.S_IMODE(status.st_mode):04o}),"
            f" so no code is loaded from it; empty it and run `chmod go-w` on it, or {MEND}"
        )
    return path


def library_key(key: str, sources: Mapping[str, str], flags: tuple[str, ...], compiler: Compiler) -> str:
    """SHA-256 (hex) over `key`, the sources, the flags, the compiler and the kind of machine.

    Raises CompilerError if a flag says `native` and the compiler cannot tell what that means here.
    """
    # Machines of different kinds can share a home directory: one's `native` code would crash another.
    native = any("native" in flag for flag in (*compiler.arguments, *flags))
    decided = {
        "key": key,
        "sources": dict(sources),
        "flags": [*BASE_FLAGS, *flags],
        "compiler": [*compiler.arguments, compiler.version],
        "machine": [platform.system(), platform.machine(), compiler.macros(flags) if native else ""],
    }
    return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


def cached_library(key: str, sources: Mapping[str, str], flags: tuple[str, ...] = ()) -> Path:
    """The shared library of `sources` (as for `compile_shared`), compiled unless the cache holds it whole.

    `key` is the caller's own hash, of what the sources were generated from. Any number of processes may ask
    for the same library at once.

    Raises CompilerError if there is no compiler or it fails; InputError if the cache directory cannot be used
    (see `cache_directory`) or the sources cannot (see `compile_shared`).
    """
    cache = cache_directory()
    compiler = find_compiler()
    entry = library_key(key, sources, flags, compiler)
    held = _held(cache, entry)
    if held is not None:
        return held
    try:
        with tempfile.TemporaryDirectory(prefix=".build-", dir=cache) as scratch:
            built = compile_shared(sources, Path(scratch), "library.so", flags, compiler=compiler)
            library = cache / f"{entry}-{_digest(built)}.so"
            os.replace(built, library)
    except OSError as error:
        raise InputError(f"the cache directory {cache} cannot be written ({error.strerror}); {MEND}") from error
    return library


def _named_directory() -> Path:
    named = os.environ.get("GRUSYM_CACHE")
    general = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if named:
            return Path(named).expanduser().absolute()
        # The XDG specification has a relative path ignored.
        return (Path(general) if os.path.isabs(general) else Path.home() / ".cache") / "grusym"
    except RuntimeError as error:  # no home directory is known
        raise InputError(f"no cache directory can be named ({error}); {MEND}") from error


def _held(cache: Path, entry: str) -> Path | None:
    """The first whole library of `entry`, or None."""
    for library in sorted(cache.glob(f"{entry}-*.so")):
        # One that cannot be read, or that somebody just removed, is as good as damaged: compile again.
        with suppress(OSError):
            if library.name == f"{entry}-{_digest(library)}.so":
                return library
    return None


def _digest(library: Path) -> str:
    return hashlib.sha256(library.read_bytes()).hexdigest()
