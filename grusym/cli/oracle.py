"""The commands of the oracle: `grusym check`, `grusym explain`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grusym.errors import GrusymError, InputError

if TYPE_CHECKING:
    from grusym.oracle.report import CheckResult, Report

STDOUT = Path("-")


def check(
    implementation: Annotated[str, typer.Argument(metavar="IMPL", help="what to judge, as pkg.mod:forward")],
    vjp: Annotated[str | None, typer.Option(metavar="pkg.mod:vjp", help="its gradients")] = None,
    convention: Annotated[
        str, typer.Option(metavar="NAME", help="how its parameters are packed: torch, keras, own, ...")
    ] = "torch",
    cell: Annotated[str, typer.Option(metavar="CELL", help="a built-in cell with options, or a .cell file")] = "gru",
    dtype: Annotated[str, typer.Option(metavar="float32|float64|float16", help="of the arrays")] = "float32",
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="its arithmetic: fp32, fp32-tf32, ...; by dtype if not given")
    ] = None,
    max_examples: Annotated[int, typer.Option(metavar="N", min=1, help="random cases per group of checks")] = 50,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="of the random cases")] = 0,
    case: Annotated[
        str | None, typer.Option(metavar="T=3,B=4,...", help="judge one case only, as a report names it")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="the report as JSON; -: print it")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="the report as a page with plots")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="the report as JUnit XML")] = None,
    sarif: Annotated[Path | None, typer.Option(metavar="FILE", help="the report as SARIF 2.1.0")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no verdicts on stderr while they come")] = False,
) -> None:
    """Judge an implementation: does it compute the cell's equations, and their gradients?

    Within error bounds that are derived from the equations and the arithmetic, not guessed. Verdicts come on stderr as
    they are found, the report follows on stdout. Exit code 0: it conforms, 1: it does not, 2: it could not be judged,
    3: inconclusive.

    \b
      grusym check mygru:forward --vjp mygru:vjp
      grusym check mygru:forward --convention keras --dtype float64
      grusym check mylstm:forward --cell lstm --html report.html --junit report.xml
      grusym check mygru:forward --case T=3,B=4,I=5,H=6,seed=7,kind=plain

    \b
    A Python implementation is a function, called with NumPy arrays:
      forward(x, h0, params) -> y or (y, h_n)     x (T,B,I)  h0 (B,H)  y (T,B,H)
      vjp(x, h0, params, dy, dh_n) -> {"x": dx, "h0": dh0, "weight_ih": ..., ...}
    where params is a dict of arrays, as grusym show gru --convention torch lists them.
    """
    asked = {"json": json_file, "html": html, "junit": junit, "sarif": sarif}
    paths = {form: path for form, path in asked.items() if path is not None}
    with _oracle_installed():
        from grusym.oracle.report import Report
        from grusym.oracle.reports.files import check_writable, json_text, write_report
        from grusym.oracle.reports.text import report_lines, show

        if html is not None:
            import jinja2  # noqa: F401
    check_writable(paths)
    failure: GrusymError | None = None
    try:
        with redirect_stdout(sys.stderr):  # what the implementation prints is not our result
            report = _judged(implementation, vjp, convention, cell, dtype, profile, max_examples, seed, case, quiet)
    except GrusymError as error:
        failure = error
        report = Report(implementation, cell, convention, dtype, profile or "", seed, (), error=str(error))
    for path in write_report(report, paths):
        print(path, file=sys.stderr)
    if json_file == STDOUT:
        print(json_text(report), end="")
    if failure is not None:
        raise failure
    if json_file != STDOUT:
        show(report_lines(report))
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _judged(
    implementation: str,
    vjp: str | None,
    convention: str,
    cell: str,
    dtype: str,
    profile: str | None,
    max_examples: int,
    seed: int,
    case: str | None,
    quiet: bool,
) -> "Report":
    from grusym.cli.subjects import python_subject
    from grusym.oracle.check import judge, plan_of
    from grusym.oracle.reproduce import command

    plan = plan_of(convention, dtype, cell, profile, max_examples, seed, case)
    subject = python_subject(implementation, vjp)
    report = judge(subject, plan, None if quiet else _announcer())
    words = [implementation, *(["--vjp", vjp] if vjp else [])]
    return replace(report, reproduce=command(words, cell, plan, report))


def _announcer() -> "Callable[[CheckResult], None]":
    """Says each check's verdict when it first comes, and again when it changes."""
    from grusym.oracle.report import FAIL
    from grusym.oracle.reports.text import check_line, show

    said: dict[str, str] = {}

    def announce(result: "CheckResult") -> None:
        if said.get(result.id) in (result.verdict, FAIL):
            return
        said[result.id] = result.verdict
        show(iter([check_line(result)]), sys.stderr)

    return announce


@contextmanager
def _oracle_installed() -> Iterator[None]:
    """Names the extra, where what the oracle needs is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("flint", "hypothesis", "jinja2"):
            raise
        raise InputError(f"the oracle needs {error.name}; install it: pip install 'grusym[oracle]'") from error


def explain(name: Annotated[str, typer.Argument(metavar="ID", help="as a report names it")]) -> None:
    """Explain what a check is about.

    \b
      grusym explain forward-step
    """
    from grusym.oracle.meanings import MEANINGS, meaning

    if name not in MEANINGS and not name.startswith("vjp-"):
        raise InputError(f"unknown id {name!r}; known are {', '.join(MEANINGS)} and vjp-NAME for every gradient")
    print(f"{name}: {meaning(name)}")
