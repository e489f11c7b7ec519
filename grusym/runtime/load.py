"""Loading a shared library into this process."""

import ctypes
from pathlib import Path

from grusym.errors import CompilerError


def load(path: Path) -> ctypes.CDLL:
    """The shared library at `path`, its symbols kept out of every other library's way.

    Raises CompilerError if the file is absent or the system's loader refuses it.
    """
    # Absolute: given a bare name, the loader would search the system's directories instead.
    path = Path(path).absolute()
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CompilerError(
            f"{path} cannot be loaded ({error}); see that CC builds for this machine, and that GRUSYM_CACHE"
            " names a directory on a file system not mounted noexec"
        ) from error
