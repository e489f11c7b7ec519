"""What commands do with a terminal besides printing results: files they wrote, and what is being worked on."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write(directory: Path, files: dict[str, str]) -> None:
    from grusym.files import write_files

    for path in write_files(directory, files):
        print(path)


@contextmanager
def progress(word: str) -> Iterator[Callable[[Any], None]]:
    """A function that shows on a terminal what is being worked on, and is silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status(word) as status:
        yield lambda what: status.update(f"{word} {what}")
