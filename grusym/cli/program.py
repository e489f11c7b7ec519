"""The command line. Results go to stdout, progress and prose to stderr.

Exit codes: 0 done, 1 the thing checked is wrong, 2 usage or input error (one sentence, no traceback), 3 inconclusive.
"""

import os
import sys
from errno import EDQUOT, ENOSPC
from typing import Annotated

import typer

from grusym.cli.cells import cells, compare, conventions, show
from grusym.cli.generating import derive, generate
from grusym.cli.oracle import check, explain
from grusym.cli.vectors import vectors
from grusym.cli.verifying import demo, verify
from grusym.cli.weights import convert
from grusym.errors import GrusymError

HELP = """
Gated recurrent networks, from their equations to verified kernels.

\b
  grusym show gru                                    the equations of a cell
  grusym derive lstm                                 its gradients, and how they follow
  grusym generate c gru --convention torch -o out    a C kernel for PyTorch's weights
  grusym verify my.cell                              generated kernels against independent routes
  grusym check mygru:forward --vjp mygru:vjp         your own GRU against the equations

\b
CELL is a built-in name with options (gru, gru:reset=before,update=write, lstm,
rnn:activation=relu), or the path of a .cell file. Every cell also takes masks
and zoneout (gru:mask=zero, my.cell:zoneout=train).
"""
# The reader of our output has seen enough. Not 0: that would say that all that was to be checked is right.
SIGPIPE = 128 + 13
app = typer.Typer(
    name="grusym",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line on these words (default: the process's own) and leave with the exit code."""
    try:
        try:
            app(args=arguments, prog_name="grusym")
        except SystemExit as leaving:
            if isinstance(leaving.__context__, BrokenPipeError):  # which Typer makes exit code 1
                raise leaving.__context__ from None
            sys.stdout.flush()  # what fails later than here, Python reports by itself
            raise
    except GrusymError as error:
        print(f"grusym: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python writes what is left when it exits
        if isinstance(error, BrokenPipeError):
            sys.exit(SIGPIPE)
        where, mend = "cannot write to the standard output", "redirect it elsewhere"
        if error.filename:
            where, mend = f"cannot use {error.filename}", "name a path that can be used"
        if error.errno in (ENOSPC, EDQUOT):
            mend = "write to a place that has room"
        print(f"grusym: {where}: {error.strerror or error}; {mend}", file=sys.stderr)
        sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        import grusym

        print(f"grusym {grusym.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="print it")] = False,
) -> None:
    pass


# As --help lists them: what there is, what follows from it, how it is judged.
for command in (cells, conventions, show, compare, derive, generate, convert, verify, check, explain):
    app.command()(command)
app.add_typer(vectors, name="vectors")
app.command()(demo)
