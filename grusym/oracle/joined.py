"""One report of several: of every recurrent node of a model."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from grusym.oracle.report import NONCONFORMING, CheckResult, Report

AT = "@"  # between a check and what was checked


def joined(target: str, parts: Sequence[tuple[str, Report]]) -> Report:
    """The report of a target from those of its parts, by their names; checks are named forward-step@encoder.

    The first part that does not conform says how to see it again.
    """
    reports = [report for _, report in parts]
    if len(parts) == 1:
        return reports[0]
    shown = next((report for report in reports if report.verdict == NONCONFORMING), reports[0])
    return replace(
        shown,
        target=target,
        checks=tuple(_named(check, name) for name, report in parts for check in report.checks),
        diagnosis=tuple(found for report in reports for found in report.diagnosis),
        notes=tuple(f"{name}: {note}" for name, report in parts for note in report.notes),
        cell=_together(report.cell for report in reports),
        convention=_together(report.convention for report in reports),
        dtype=_together(report.dtype for report in reports),
        profile=_together(report.profile for report in reports),
    )


def _named(check: CheckResult, part: str) -> CheckResult:
    return replace(check, id=f"{check.id}{AT}{'_'.join(part.split()) or 'unnamed'}")


def _together(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
