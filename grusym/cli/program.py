"""The command line. Results go to stdout, progress and prose to stderr.

Exit codes: 0 done, 1 the thing checked is wrong, 2 usage or input error (one sentence, no traceback), 3 inconclusive.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any

import typer

from grusym.cli.oracle import check as check_implementation
from grusym.cli.oracle import explain
from grusym.cli.vectors import vectors
from grusym.errors import GrusymError, InputError

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

CellArgument = Annotated[str, typer.Argument(metavar="CELL", help="a built-in cell with options, or a .cell file")]
ConventionOption = Annotated[
    str | None,
    typer.Option("--convention", metavar="NAME", help="how parameters are packed: own (default), torch, keras, ..."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print the report as JSON")]


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
        where = f"cannot use {error.filename}" if error.filename else "cannot write to the standard output"
        print(f"grusym: {where}: {error.strerror or error}; write to a place that has room", file=sys.stderr)
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


@app.command()
def cells(as_json: JsonOption = False) -> None:
    """List the built-in cells and their options.

    The first value of an option is its default.
    """
    from grusym.equations.library import BUILT_IN, describe, options_of
    from grusym.equations.transformations import TRANSFORMATIONS

    if as_json:
        listing = {name: {"about": describe(name), "options": options_of(name)} for name in BUILT_IN}
        print(json.dumps(listing, indent=2))
        return
    column = max(map(len, BUILT_IN)) + 1
    for name in BUILT_IN:
        print(fill(f"{name:{column}}{describe(name)}", width=100, subsequent_indent=" " * column))
        for key, values in options_of(name).items():
            print(f"{'':{column + 2}}{key} = {' | '.join(values)}")
    print("\nEvery cell, and a .cell file behind its path, takes besides:")
    for key, what in TRANSFORMATIONS.items():
        print(fill(f"{'':{column + 2}}{key}: {what}", width=100, subsequent_indent=" " * (column + 4)))


@app.command()
def conventions(
    cell: Annotated[str, typer.Option(metavar="NAME", help="the cell whose packings are listed")] = "gru",
    as_json: JsonOption = False,
) -> None:
    """List the systems whose packing of parameters is known, and which cells they pack.

    A row per form of the cell that the system computes, its default first; * marks what is not verified. grusym show
    CELL --convention NAME shows its equations and arrays.
    """
    from grusym.conventions.listing import listing, listing_text

    print(json.dumps(listing(cell), indent=2) if as_json else listing_text(cell))


@app.command()
def show(
    cell: CellArgument,
    convention: ConventionOption = None,
    latex: Annotated[bool, typer.Option("--latex", help="print the equations in LaTeX")] = False,
) -> None:
    """Show a cell: equations, arrays, packing.

    With a convention, what CELL leaves open is as that system has it, in its own symbols: grusym show gru --convention
    keras
    """
    from grusym.conventions.library import cell_in
    from grusym.conventions.symbols import as_written
    from grusym.emit.cell_view import cell_text

    found, layout = as_written(cell_in(cell, convention), convention)
    if latex:
        from grusym.emit.sections import cell_latex

        print(cell_latex(found))
    else:
        print(cell_text(found, layout))


@app.command()
def compare(
    cells: Annotated[list[str], typer.Argument(metavar="CELL CELL ...", help="two cells or more")],
    sizes: Annotated[
        str, typer.Option(metavar="I=64,H=128", help="numbers for these sizes; T and B are 1 unless given")
    ] = "",
    convention: ConventionOption = None,
    dtype: Annotated[
        str, typer.Option(metavar="float32|float64", help="the element type that bytes are of")
    ] = "float32",
    as_json: JsonOption = False,
) -> None:
    """Compare what cells cost.

    Parameters, operations and bytes per step, memory saved for the backward pass: as expressions, and as numbers for
    given sizes.

    \b
      grusym compare gru lstm
      grusym compare gru lstm mgu --sizes I=64,H=128,T=100,B=32 --json
    """
    from grusym.emit.comparison_view import comparison_text
    from grusym.lower.compare import compare as compare_cells

    comparison = compare_cells(cells, convention, dtype, _numbers(sizes))
    print(json.dumps(comparison.to_json(), indent=2) if as_json else comparison_text(comparison))


def _numbers(text: str) -> dict[str, int]:
    """Sizes by name, from I=64,H=128."""
    found: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        if not number.isdecimal() or name in found:
            raise InputError(f"cannot read the size {part!r} in {text!r}; write each once, as in I=64,H=128")
        found[name] = int(number)
    return found


@app.command()
def derive(
    cell: CellArgument,
    form: Annotated[str, typer.Option("--format", metavar="text|latex", help="how to write it")] = "text",
    output: Annotated[Path | None, typer.Option("-o", metavar="FILE", help="write to a file")] = None,
) -> None:
    """Derive a cell's gradients, step by step.

    The equations in normal form, backpropagation through time, what the forward pass saves, and by which rules each
    gradient followed.
    """
    from grusym.equations.library import cell as by_name

    if form not in ("text", "latex"):
        raise InputError(f"unknown format {form!r}; choose text or latex")
    from grusym.emit.derivation_view import derive as derive_cell

    derivation = derive_cell(by_name(cell))
    if form == "text":
        from grusym.emit.text import text_document

        text = text_document(derivation)
    else:
        from grusym.emit.document import latex_document

        text = latex_document(derivation)
    if output is None:
        print(text, end="" if text.endswith("\n") else "\n")
    elif output.is_dir():
        raise InputError(f"cannot write the file {output}: it is a directory; add the name of a file to it")
    else:
        _write(output.parent, {output.name: text})


@app.command()
def generate(
    target: Annotated[str | None, typer.Argument(metavar="c|numpy|latex", help="what to generate")] = None,
    cell: Annotated[str | None, typer.Argument(metavar="CELL", help="a built-in cell, or a .cell file")] = None,
    convention: ConventionOption = None,
    dtype: Annotated[str, typer.Option(metavar="float32|float64", help="the element type of a C kernel")] = "float32",
    schedule: Annotated[str, typer.Option(metavar="reference", help="how the kernel is arranged")] = "reference",
    output: Annotated[Path | None, typer.Option("-o", metavar="DIR", help="write the files to a directory")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="remake all committed kernels (default directory: codegen)")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="with --all: compare only; exit 1 and a diff if they differ")
    ] = False,
) -> None:
    """Generate a kernel or a document for a cell.

    Without -o the files are printed one after the other.

    \b
      grusym generate c gru --convention torch --dtype float64 -o out
      grusym generate numpy lstm
      grusym generate --all --check
    """
    if every:
        if target or cell:
            raise InputError("--all takes no target and no cell; it makes everything that codegen/ holds")
        _generate_all(output or Path("codegen"), check)
        return
    if check:
        raise InputError("--check goes with --all")
    if target is None or cell is None:
        raise InputError("say what to generate, as in: grusym generate c gru")
    from grusym.emit.generate import generate as generate_text

    files = generate_text(cell, target, dtype, convention, schedule).files
    if output is not None:
        _write(output, files)
        return
    for number, (name, text) in enumerate(files.items()):
        print(f"{'' if number == 0 else chr(10)}==> {name} <==\n{text}", end="")


def _generate_all(directory: Path, check: bool) -> None:
    from grusym.emit.committed import committed_files, differences, stale

    with _progress("generating") as advance:
        files = committed_files(advance)
    if check:
        lines = list(differences(files, directory))
        print("\n".join(lines), end="\n" if lines else "")
        if lines:
            print(f"{directory} differs from what the equations give; run: grusym generate --all", file=sys.stderr)
            raise typer.Exit(1)
        print(f"{directory} is what the equations give: {len(files)} files", file=sys.stderr)
        return
    _write(directory, files)
    for path in stale(files, directory):
        print(f"{path} is none of the committed kernels; remove it", file=sys.stderr)


@app.command()
def convert(
    given: Annotated[Path, typer.Argument(metavar="IN", help="a file of weights")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="the file to write")],
    source: Annotated[str | None, typer.Option("--from", metavar="NAME", help="the convention of IN")] = None,
    target: Annotated[str | None, typer.Option("--to", metavar="NAME", help="the convention of OUT")] = None,
    cell: Annotated[str | None, typer.Option(metavar="CELL", help="what IN holds, where arrays do not tell")] = None,
    prefix: Annotated[str | None, typer.Option(metavar="PREFIX", help="which module of a state dict")] = None,
    node: Annotated[str | None, typer.Option(metavar="NAME", help="which node of an ONNX model")] = None,
    as_json: JsonOption = False,
) -> None:
    """Convert weights from one system's convention to another's, all layers and both directions.

    \b
      grusym convert gru.pt gru.npz --to keras
      grusym convert model.safetensors gru.onnx --prefix encoder.rnn
      grusym convert model.onnx gru.pt --to torch --node GRU_0
      grusym convert weights.npz gru.npz --from haiku --to keras

    Suffixes say the formats: .npz, .safetensors, .pt or .pth (a state dict), .onnx. Without --from, the convention and
    cell that alone fit are taken; where several do, they are listed. Nothing from IN is executed.
    """
    from grusym.weights.convert_file import convert_file
    from grusym.weights.report import notes, report, report_text

    replaced = given.exists() and output.exists() and given.samefile(output)
    done = convert_file(given, output, source, target, cell, prefix, node)
    print(json.dumps(report(done), indent=2) if as_json else f"{report_text(done)}\n{output}")
    for note in notes(done, recognised=source is None):
        print(note, file=sys.stderr)
    if replaced:
        print(f"{output} was the file that was read, and is replaced", file=sys.stderr)


@app.command()
def verify(
    cells: Annotated[list[str] | None, typer.Argument(metavar="CELL", help="cells; all built-in ones if none")] = None,
    target: Annotated[list[str] | None, typer.Option(metavar="c|numpy", help="what to verify; repeatable")] = None,
    dtype: Annotated[
        list[str] | None, typer.Option(metavar="float32|float64", help="in which types; repeatable")
    ] = None,
    examples: Annotated[int, typer.Option(metavar="N", min=1, help="random problems per cell, target and type")] = 10,
    seed: Annotated[int, typer.Option(metavar="N", help="of the random problems")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Verify generated kernels by independent routes.

    Against PyTorch, numerical gradients, the IR's interpreter and forward mode, on random problems. Exit code 1 if a
    check fails, 3 if one had to be skipped (without PyTorch, say).
    """
    from grusym.equations.library import BUILT_IN
    from grusym.equations.library import cell as by_name
    from grusym.verify.report import print_report
    from grusym.verify.run import verify as verify_cell

    targets, dtypes = tuple(target or ("numpy", "c")), tuple(dtype or ("float64", "float32"))
    found = [by_name(name) for name in cells or BUILT_IN]
    with _progress("verifying") as advance:
        reports = [verify_cell(c, targets, dtypes, examples=examples, seed=seed, on_progress=advance) for c in found]
    if as_json:
        print(json.dumps([report.to_json() for report in reports], indent=2))
    else:
        for report in reports:
            print_report(report)
    verdicts = {report.verdict for report in reports}
    if verdicts != {"passed"}:
        raise typer.Exit(1 if "failed" in verdicts else 3)


app.command("check")(check_implementation)
app.command()(explain)
app.add_typer(vectors, name="vectors")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", metavar="DIR", help="where to write what it makes")] = Path("demo-out"),
) -> None:
    """Run the main job end to end.

    Derive, generate, compile, verify, then train a digit classifier with the generated kernel, beside PyTorch.
    """
    from grusym.demo.run import demo as run_demo

    if not run_demo(output):
        raise typer.Exit(1)


def _write(directory: Path, files: dict[str, str]) -> None:
    from grusym.files import write_files

    for path in write_files(directory, files):
        print(path)


@contextmanager
def _progress(word: str) -> Iterator[Callable[[Any], None]]:
    """A function that shows on a terminal what is being worked on, and is silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status(word) as status:
        yield lambda what: status.update(f"{word} {what}")
