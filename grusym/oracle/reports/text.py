"""A report for a person at a terminal: the verdict first, then what to do about it."""

import sys
from collections.abc import Iterator
from typing import TextIO

from grusym.oracle.report import CONFORMS, ERROR, FAIL, INCONCLUSIVE, NONCONFORMING, PASS, SKIPPED, CheckResult, Report
from grusym.oracle.reports.wording import (
    first_bad_step,
    fit_words,
    headline,
    not_checked,
    outcome_words,
    printable,
    surprise_words,
    where_words,
)

STYLES = {PASS: "green", FAIL: "bold red", INCONCLUSIVE: "yellow", SKIPPED: "dim"}
VERDICT_STYLES = {CONFORMS: "bold green", NONCONFORMING: "bold red", ERROR: "bold red"}
WIDTH = 14  # of a verdict
Line = tuple[tuple[str, str], ...]  # pieces of text, each with its style


def report_text(report: Report) -> str:
    """The report as plain text, without colours."""
    return "".join(f"{''.join(text for text, _ in line)}\n" for line in report_lines(report))


def report_lines(report: Report) -> Iterator[Line]:
    """The lines of the report."""
    yield (f"{report.verdict}: ", VERDICT_STYLES.get(report.verdict, "bold yellow")), (headline(report), "bold")
    if report.verdict == ERROR:
        return
    yield ((f"  cell {printable(report.cell)}, profile {report.profile}, seed {report.seed}", "dim"),)
    for found in report.diagnosis:
        yield ()
        yield ("diagnosis: ", "bold"), (f"{found.id}: {printable(found.title)}", "")
        yield ((f"  fix: {printable(found.fix)}", "bold"),)
        yield ((f"  {fit_words(found)}", ""),)
        if found.equivalent:
            yield ((f"  the same as {', '.join(found.equivalent)}: no input tells them apart", ""),)
        yield ((f"  more: grusym explain {found.id}", "dim"),)
    yield ()
    made = [check for check in report.checks if check.verdict != SKIPPED]
    width = max((len(check.id) for check in made), default=0)
    for check in sorted(made, key=lambda check: [FAIL, INCONCLUSIVE, PASS].index(check.verdict)):
        yield check_line(check, width)
        if check.verdict == FAIL:
            yield from _failure(report, check)
        if check.surprising:
            yield ((f"{' ' * (WIDTH + 2)}warning: {surprise_words(report, check)}", STYLES[INCONCLUSIVE]),)
    for reason, names in not_checked(report.checks):
        yield ((f"  {'not checked':{WIDTH}}{', '.join(names)}: {reason}", STYLES[SKIPPED]),)
    for note in report.notes:
        yield ((f"  {printable(note)}", ""),)
    if report.reproduce:
        yield ()
        yield ("to see it again: ", "bold"), (printable(report.reproduce), "")


def check_line(check: CheckResult, width: int = 18) -> Line:
    """One check: its verdict, its id and what it found."""
    word = "FAIL" if check.verdict == FAIL else check.verdict
    cases = f"   {check.cases} case{'s' * (check.cases != 1)}" if check.cases else ""
    return (f"  {word:{WIDTH}}", STYLES[check.verdict]), (f"{check.id:{width}}   {outcome_words(check)}{cases}", "")


def _failure(report: Report, check: CheckResult) -> Iterator[Line]:
    indent = " " * (WIDTH + 2)
    if check.where is not None:
        yield ((f"{indent}{where_words(check.where, report.dtype)}", ""),)
    if report.case_of(check):
        yield ((f"{indent}in --case {report.case_of(check)}", "dim"),)
    first = first_bad_step(check)
    if first >= 0 and check.curve_spec != check.spec:
        yield ((f"{indent}first bad step {first} in --case {report.case_text(check.curve_spec)}", "dim"),)


def show(lines: Iterator[Line], file: TextIO | None = None) -> None:
    """Print lines: in colours on a terminal, unless NO_COLOR is set, and as plain text elsewhere."""
    stream = file or sys.stdout
    if not stream.isatty():
        for line in lines:
            print("".join(text for text, _ in line), file=stream, flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)
