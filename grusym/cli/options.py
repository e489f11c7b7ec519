"""Arguments and options that several commands take."""

from typing import Annotated

import typer

CellArgument = Annotated[str, typer.Argument(metavar="CELL", help="a built-in cell with options, or a .cell file")]
ConventionOption = Annotated[
    str | None,
    typer.Option("--convention", metavar="NAME", help="how parameters are packed: own (default), torch, keras, ..."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print the report as JSON")]
