"""The files that a report is written to: refused before a campaign begins, written whole after it."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from grusym.errors import InputError
from grusym.files import write_files
from grusym.oracle.report import Report

STDOUT = "-"


def json_text(report: Report) -> str:
    """The report as JSON (schema: grusym/oracle/report.schema.json)."""
    return json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n"


def _html(report: Report) -> str:
    from grusym.oracle.reports.html import html_text

    return html_text(report)


def _junit(report: Report) -> str:
    from grusym.oracle.reports.junit import junit_text

    return junit_text(report)


def _sarif(report: Report) -> str:
    from grusym.oracle.reports.sarif import sarif_text

    return sarif_text(report)


FORMS: dict[str, Callable[[Report], str]] = {"json": json_text, "html": _html, "junit": _junit, "sarif": _sarif}


def check_writable(paths: Mapping[str, Path]) -> None:
    """Refuse files, by form, that cannot be written: it would be a pity after the whole campaign.

    Raises InputError with the path and how to mend it.
    """
    for form, path in _files(paths):
        existing = next(parent for parent in (path.parent, *path.parent.parents) if parent.exists())
        twins = [other for other, twin in _files(paths) if twin == path]
        if len(twins) > 1:
            raise InputError(f"--{twins[0]} and --{twins[1]} both name {path}; give each a file of its own")
        if path.is_dir():
            raise InputError(f"cannot write --{form} {path}: it is a directory; add the name of a file to it")
        if not existing.is_dir():
            raise InputError(
                f"cannot write --{form} {path}: {existing} is a file, not a directory; choose another path"
            )
        if not os.access(existing, os.W_OK | os.X_OK):
            raise InputError(f"cannot write --{form} {path}: no permission to write to {existing}; choose another path")


def write_report(report: Report, paths: Mapping[str, Path]) -> list[Path]:
    """Write the report in the forms and to the files that are asked for, none of them half."""
    texts = {form: FORMS[form](report) for form, _ in _files(paths)}
    return [written for form, path in _files(paths) for written in write_files(path.parent, {path.name: texts[form]})]


def _files(paths: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """What does not go to the standard output."""
    return ((form, path) for form, path in paths.items() if str(path) != STDOUT)
