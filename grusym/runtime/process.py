"""Running one command of a C compiler to its end, or ending it."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from grusym.errors import CompilerError


def run(command: tuple[str, ...], seconds: float, directory: Path | None = None) -> tuple[int, str]:
    """Exit status and output (both streams together) of `command`, run in `directory`.

    Raises CompilerError if it cannot be started, or has not ended after `seconds`: it is killed then, with
    every process it started.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        sentence = f"{command[0]} cannot be run as a C compiler ({error}); set CC to another one"
        raise CompilerError(sentence, command=command) from error
    with process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except BaseException as error:
            # The whole group: a driver's children (cc1, as, ld) outlive it and hold the pipe open.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            sentence = (
                f"the C compiler {command[0]} had not ended after {seconds:g} s and was stopped;"
                " set CC to another one, or try a smaller source"
            )
            raise CompilerError(sentence, command=command) from error
    return process.returncode, output


def failure(command: tuple[str, ...], status: int, output: str, task: str) -> CompilerError:
    """What to raise when `command` ended with `status` instead of doing `task`.

    One sentence with the first error the compiler names; the command and the tail of the output beside it.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    named = [line for line in lines if "error:" in line] or lines[-1:] or ["it said nothing"]
    how = f"exit status {status}" if status > 0 else f"killed by signal {-status}"
    sentence = f"the C compiler {command[0]} could not {task} ({how}): {named[0]}"
    return CompilerError(sentence, command=command, output=output)
