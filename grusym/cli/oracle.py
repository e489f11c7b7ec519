"""The commands of the oracle: `grusym check`, `grusym explain`."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grusym.errors import GrusymError, InputError

if TYPE_CHECKING:
    from grusym.oracle.check import Workers
    from grusym.oracle.plan import Plan
    from grusym.oracle.report import CheckResult, Report
    from grusym.oracle.targets.target import Part, Target

STDOUT = Path("-")


def check(
    implementation: Annotated[
        str | None,
        typer.Argument(metavar="[IMPL]", help="pkg.mod:function, path/file.py:Module, model.onnx", show_default=False),
    ] = None,
    vjp: Annotated[str | None, typer.Option(metavar="pkg.mod:vjp", help="the gradients of a function")] = None,
    cabi: Annotated[str | None, typer.Option(metavar="LIB.so", help="judge a shared library with C's ABI")] = None,
    symbol: Annotated[str | None, typer.Option(metavar="NAME", help="its function: gru_forward_f32")] = None,
    vjp_symbol: Annotated[str | None, typer.Option(metavar="NAME", help="that of gradients: gru_backward_f32")] = None,
    cmd: Annotated[str | None, typer.Option(metavar="COMMAND", help="judge a program that speaks JSON lines")] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="for a call of these two")] = 10.0,
    convention: Annotated[
        str, typer.Option(metavar="NAME", help="how its parameters are packed: torch, keras, own, auto, ...")
    ] = "torch",
    cell: Annotated[str, typer.Option(metavar="CELL", help="a built-in cell with options, or a .cell file")] = "gru",
    dtype: Annotated[str, typer.Option(metavar="float32|float64|float16|bfloat16", help="of the arrays")] = "float32",
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="its arithmetic: fp32, fp32-ftz, ...; by dtype if not given")
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
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="processes that the campaign is spread over")] = 1,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="a dask.distributed scheduler that it is spread over")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no verdicts on stderr while they come")] = False,
) -> None:
    """Judge an implementation: does it compute the cell's equations, and their gradients?

    Within error bounds that are derived from the equations and the arithmetic, not guessed. Verdicts come on stderr as
    they are found, the report follows on stdout. Exit code 0: it conforms, 1: it does not, 2: it could not be judged,
    3: inconclusive.

    \b
      grusym check mygru:forward --vjp mygru:vjp
      grusym check mypkg.layers:MyGRU --convention torch          a torch.nn.Module: autograd gives gradients
      grusym check --cabi libgru.so --symbol gru_forward_f32 --vjp-symbol gru_backward_f32
      grusym check --cmd './harness' --cell lstm                  JSON lines on stdin and stdout
      grusym check model.onnx                                     every GRU, LSTM and RNN node
      grusym check mygru:forward --html report.html --junit report.xml --sarif report.sarif
      grusym check mygru:forward --case T=3,B=4,I=5,H=6,seed=7,kind=plain

    \b
    A Python function is called with NumPy arrays:
      forward(x, h0, params) -> y or (y, h_n)     x (T,B,I)  h0 (B,H)  y (T,B,H)
      vjp(x, h0, params, dy, dh_n) -> {"x": dx, "h0": dh0, "weight_ih": ..., ...}
    where params is a dict of arrays, as grusym show gru --convention torch lists them.
    """
    asked = {"json": json_file, "html": html, "junit": junit, "sarif": sarif}
    paths = {form: path for form, path in asked.items() if path is not None}
    with _oracle_installed():
        from grusym.oracle.check import plan_of
        from grusym.oracle.report import Report
        from grusym.oracle.reports.files import check_writable, json_text, write_report
        from grusym.oracle.reports.text import report_lines, show
        from grusym.oracle.targets.target import target_of

        if html is not None:
            import jinja2  # noqa: F401
    check_writable(paths)
    name, failure = implementation or cabi or cmd or "", None
    try:
        described = target_of(
            implementation, vjp=vjp, cabi=cabi, symbol=symbol, vjp_symbol=vjp_symbol, cmd=cmd, seconds=timeout
        )
        name = str(described)
        plan = plan_of(convention, dtype, cell, profile, max_examples, seed, case)
        with redirect_stdout(sys.stderr), _each_warning_once():  # what the implementation prints is not our result
            report = _judged(described, plan, cell, quiet, _workers(jobs, dask))
    except GrusymError as error:
        failure = error
        report = Report(name, cell, convention, dtype, profile or "", seed, (), error=str(error))
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


def _workers(jobs: int, dask: str | None) -> "Callable[[Part], Workers | None]":
    """Who runs the campaign of a part: None, this process alone."""
    if dask is not None:
        if jobs > 1:
            raise InputError(f"--jobs {jobs} does not go with --dask, whose workers are many already; leave one out")
        from grusym.oracle.workers import on_cluster

        return lambda part: lambda plan, tasks: on_cluster(replace(part, plan=plan), tasks, dask)
    if jobs == 1:
        return lambda part: None
    from grusym.oracle.workers import on_processes

    return lambda part: lambda plan, tasks: on_processes(replace(part, plan=plan), tasks, jobs)


def _judged(
    described: "Target", plan: "Plan", cell: str, quiet: bool, workers: "Callable[[Part], Workers | None]"
) -> "Report":
    from grusym.oracle.check import judge
    from grusym.oracle.joined import joined
    from grusym.oracle.reproduce import command

    reports = []
    for part in described.parts(plan):
        report = judge(part.load(), part.plan, None if quiet else _announcer(), workers(part))
        spelling = cell if part.plan.cell == plan.cell else part.plan.cell.spelling
        reproduce = command(part.target.words, spelling, part.plan, report)
        reports.append((part.target.node, replace(report, reproduce=reproduce)))
    return joined(str(described), reports)


@contextmanager
def _each_warning_once() -> Iterator[None]:
    """Shows a warning of the implementation once, and not again at every case."""
    seen: set[tuple[object, ...]] = set()
    shown = warnings.showwarning

    def show_once(message: Warning | str, category: type[Warning], filename: str, lineno: int, *others: Any) -> None:
        key = (str(message), category, filename, lineno)
        if key not in seen:
            seen.add(key)
            shown(message, category, filename, lineno, *others)

    warnings.showwarning = show_once  # type: ignore[assignment]
    try:
        yield
    finally:
        warnings.showwarning = shown


def _announcer() -> "Callable[[CheckResult], None]":
    """Says each check's verdict when it first comes, and again when it turns out to fail."""
    from grusym.oracle.report import FAIL
    from grusym.oracle.reports.text import check_line, show

    said: dict[str, str] = {}

    def announce(result: "CheckResult") -> None:
        known = said.get(result.id)
        if known == FAIL or (known and result.verdict != FAIL):
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
    """Explain what a check is about, or a known mistake.

    \b
      grusym explain forward-step
      grusym explain reset-before
      grusym explain gate-order:zrn
    """
    from grusym.oracle.meanings import MEANINGS, meaning

    with _oracle_installed():
        from grusym.oracle.catalogue.library import entries_seen_by
        from grusym.oracle.catalogue.library import explain as explain_mistake
    name = name.partition("@")[0]  # of a model's node: forward-step@encoder
    if name not in MEANINGS and not name.startswith("vjp-"):
        print(explain_mistake(name))
        return
    print(f"the check {name}: {meaning(name)}")
    for entry in entries_seen_by(name):
        print(f"\nWhere it fails, that is the mistake\n\n{explain_mistake(entry.id)}")
