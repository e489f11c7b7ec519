"""A program that runs beside us and answers: it is given a time for every answer, and what it says last is kept."""

import os
import selectors
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from grusym.errors import InputError

LAST_WORDS = 300  # characters of what a program wrote to its standard error
LONGEST = 1 << 28  # bytes of one answer
PIECE = 1 << 16
FAREWELL = 2.0  # seconds that a program that closed its output has to end

# How long the answer at the beginning of these bytes is; None while it is not all there.
Length = Callable[[bytearray], int | None]


class NoAnswer(Exception):
    """A program did not answer: `late` because its time was over, else because it ended, `how` in words."""

    def __init__(self, how: str, last_words: str, late: bool = False):
        super().__init__(how)
        self.how, self.last_words, self.late = how, last_words, late

    def __str__(self) -> str:
        return f"{self.how}{f'; its last words: {self.last_words}' if self.last_words else ''}"


class Process:
    """A program with pipes to its standard input and output; ended with this object, or when Python ends."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None):
        """Start it. Raises InputError where that is not possible."""
        if os.name != "posix":
            raise InputError("commands and shared libraries are judged on Linux and macOS only; run grusym there")
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _end
        try:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._words.close()
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"cannot run the command {command[0]!r}: {reason}; give the path of a program") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        os.set_blocking(self._input.fileno(), False)
        os.set_blocking(self._output.fileno(), False)
        self._pending = bytearray()
        self._finalizer = weakref.finalize(self, _end, self._process, self._words)

    def ask(self, request: bytes, length: Length, seconds: float) -> bytes:
        """The answer to a request. Raises NoAnswer, and has ended the program then."""
        until = time.monotonic() + seconds
        left = memoryview(request)
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            if left:
                selector.register(self._input, selectors.EVENT_WRITE)
            while (count := length(self._pending)) is None or left:
                ready = selector.select(max(0.0, until - time.monotonic()))
                if not ready and time.monotonic() >= until:
                    raise self._gone(f"had not answered after {seconds:g} s", late=True)
                for key, _ in ready:
                    if key.fileobj is self._output:
                        self._read()
                    else:
                        left = self._write(left)
                        if not left:
                            selector.unregister(self._input)
        answer = bytes(self._pending[:count])
        del self._pending[:count]
        return answer

    def close(self) -> None:
        """End it."""
        self._finalizer()

    def _read(self) -> None:
        try:
            piece = os.read(self._output.fileno(), PIECE)
        except BlockingIOError:
            return
        if not piece:
            raise self._gone("")
        self._pending += piece
        if len(self._pending) > LONGEST:
            raise self._gone(f"wrote more than {LONGEST} bytes in one answer")

    def _write(self, left: memoryview) -> memoryview:
        try:
            return left[os.write(self._input.fileno(), left[:PIECE]) :]
        except BlockingIOError:
            return left
        except BrokenPipeError:
            raise self._gone("") from None

    def _gone(self, how: str, late: bool = False) -> NoAnswer:
        if not how:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(FAREWELL)
            how = ending(self._process.returncode)
        words = last_words(self._words)
        self.close()
        return NoAnswer(how, words, late)


def ending(status: int | None) -> str:
    """How a process ended, in words.

    >>> ending(-11), ending(3)
    ('was ended by SIGSEGV', 'ended with exit status 3')
    """
    if status is None:
        return "closed its output"
    if status < 0:
        known = {number.value: number.name for number in signal.Signals}
        return f"was ended by {known.get(-status, f'signal {-status}')}"
    return f"ended with exit status {status}"


def last_words(file: IO[bytes]) -> str:
    """The end of what was written, in one line."""
    size = os.fstat(file.fileno()).st_size
    said = os.pread(file.fileno(), LAST_WORDS * 4, max(0, size - LAST_WORDS * 4))
    words = " ".join(said.decode("utf-8", "replace").split())
    return words if len(words) <= LAST_WORDS else f"...{words[-LAST_WORDS:]}"


def _end(process: "subprocess.Popen[Any]", words: IO[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # whatever it started as well
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()
    words.close()
