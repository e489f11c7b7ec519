"""The commands that run generated kernels: `grusym verify`, `grusym demo`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from grusym.cli.options import JsonOption
from grusym.cli.terminal import progress


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
    with progress("verifying") as advance:
        reports = [verify_cell(c, targets, dtypes, examples=examples, seed=seed, on_progress=advance) for c in found]
    if as_json:
        print(json.dumps([report.to_json() for report in reports], indent=2))
    else:
        for report in reports:
            print_report(report)
    verdicts = {report.verdict for report in reports}
    if verdicts != {"passed"}:
        raise typer.Exit(1 if "failed" in verdicts else 3)


def demo(
    output: Annotated[Path, typer.Option("-o", metavar="DIR", help="where to write what it makes")] = Path("demo-out"),
) -> None:
    """Run the main job end to end.

    Derive, generate, compile, verify, then train a digit classifier with the generated kernel, beside PyTorch.
    """
    from grusym.demo.run import demo as run_demo

    if not run_demo(output):
        raise typer.Exit(1)
