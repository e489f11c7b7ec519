"""The commands that follow from a cell: `grusym derive`, `grusym generate`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from grusym.cli.options import CellArgument, ConventionOption
from grusym.cli.terminal import progress, write
from grusym.errors import InputError


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
        write(output.parent, {output.name: text})


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
            given = " ".join(filter(None, (target, cell)))
            raise InputError(f"--all makes everything that codegen/ holds, and {given} cannot be chosen; leave one out")
        _generate_all(output or Path("codegen"), check)
        return
    if check:
        raise InputError("--check compares what --all makes; add --all, or leave --check out")
    if target is None or cell is None:
        lacking = "a cell" if target else "a target and a cell"
        raise InputError(f"generate lacks {lacking}; say what to generate, as in: grusym generate {target or 'c'} gru")
    from grusym.emit.generate import generate as generate_text

    files = generate_text(cell, target, dtype, convention, schedule).files
    if output is not None:
        write(output, files)
        return
    for number, (name, text) in enumerate(files.items()):
        print(f"{'' if number == 0 else chr(10)}==> {name} <==\n{text}", end="")


def _generate_all(directory: Path, check: bool) -> None:
    from grusym.emit.committed import committed_files, differences, stale

    with progress("generating") as advance:
        files = committed_files(advance)
    if check:
        lines = list(differences(files, directory))
        print("\n".join(lines), end="\n" if lines else "")
        if lines:
            print(f"{directory} differs from what the equations give; run: grusym generate --all", file=sys.stderr)
            raise typer.Exit(1)
        print(f"{directory} is what the equations give: {len(files)} files", file=sys.stderr)
        return
    write(directory, files)
    for path in stale(files, directory):
        print(f"{path} is none of the committed kernels; remove it", file=sys.stderr)
