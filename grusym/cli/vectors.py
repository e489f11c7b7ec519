"""The commands of test vectors: `grusym vectors emit`, `grusym vectors verify`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from grusym.errors import InputError

vectors = typer.Typer(no_args_is_help=True, help="Make and verify test vectors, for projects in any language.")
COMMITTED = Path("codegen/vectors")


@vectors.command()
def emit(
    cell: Annotated[str | None, typer.Argument(metavar="[CELL]", help="a built-in cell, or a .cell file")] = None,
    convention: Annotated[str, typer.Option(metavar="NAME", help="how parameters are packed")] = "torch",
    dtype: Annotated[list[str] | None, typer.Option(metavar="float32|float64", help="repeatable")] = None,
    case: Annotated[
        list[str] | None, typer.Option(metavar="T=3,B=4,...", help="the cases, as grusym check has them; repeatable")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", metavar="DIR", help="where to write (default: here)")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="remake the committed vectors (default: codegen/vectors)")
    ] = False,
) -> None:
    """Write cases with their exact results.

    NAME.json and NAME.bin hold the same: inputs, results and gradients correctly rounded, and how far off they may be.

    \b
      grusym vectors emit gru --convention onnx -o vectors
      grusym vectors emit lstm --dtype float64 --case T=5,B=2,I=3,H=4,seed=1
      grusym vectors emit --all
    """
    from grusym.files import write_files
    from grusym.oracle.vector_files import files_of
    from grusym.oracle.vectors import asked, committed

    if every:
        if cell or case or dtype:
            raise InputError("--all takes no cell, type or case; it makes what codegen/vectors holds")
        files: dict[str, str | bytes] = {}
        for name, made in committed():
            print(name, file=sys.stderr)
            files |= files_of(name, made)
        where = output or COMMITTED
    else:
        if cell is None:
            raise InputError("say of which cell, as in: grusym vectors emit gru")
        name, made = asked(cell, convention, dtype or ["float32"], case or [])
        files, where = files_of(name, made), output or Path()
    for path in write_files(where, files):
        print(path)


@vectors.command()
def verify(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE.json ...", help="files of vectors, or their folders")],
) -> None:
    """Compute vectors again, and compare.

    Exit code 1 if an input, a result, a bound or a binary twin differs from what the equations give.
    """
    from grusym.oracle.vector_files import differing

    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    if not files:
        raise InputError(f"there is no file of vectors in {', '.join(map(str, paths))}; name files, or their folder")
    wrong = 0
    for file in files:
        found = list(differing(file))
        wrong += len(found)
        print("\n".join(found) if found else f"{file}: as the equations give it")
    if wrong:
        raise typer.Exit(1)
