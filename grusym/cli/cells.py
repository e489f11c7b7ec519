"""The commands that show what there is: `grusym cells`, `conventions`, `show`, `compare`."""

import json
from textwrap import fill
from typing import Annotated

import typer

from grusym.cli.options import CellArgument, ConventionOption, JsonOption
from grusym.errors import InputError


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
