"""SARIF 2.1.0: results at the lines of the implementation, for what code hosts show beside a change."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from grusym import __version__
from grusym.oracle.meanings import meaning
from grusym.oracle.report import ERROR, FAIL, INCONCLUSIVE, CheckResult, Diagnosis, Location, Report
from grusym.oracle.reports.wording import fit_words, headline, outcome_words, printable, surprise_words, where_words

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"  # what relative paths begin at: the directory that grusym runs in
LEVELS = {FAIL: "error", INCONCLUSIVE: "warning"}


def sarif_text(report: Report) -> str:
    """The report as a SARIF log: rules are the checks and the known mistakes, results what fails or is not decided."""
    shown = [check for check in report.checks if check.verdict in LEVELS]
    # A known mistake may have the name of the check that sees it.
    rules = {found.id: _rule(found.id, printable(found.title), printable(found.fix)) for found in report.diagnosis}
    rules = {check.id: _rule(check.id, meaning(check.id)) for check in report.checks} | rules
    numbers = {name: number for number, name in enumerate(rules)}
    results = [_finding(report, check) for check in shown]
    results += [_diagnosis(report, found) for found in report.diagnosis]
    results += [_result(report, c.id, "note", f"{c.id}: {surprise_words(report, c)}") for c in report.warnings]
    for result in results:
        result["ruleIndex"] = numbers[result["ruleId"]]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "grusym",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [*rules.values()],
            }
        },
        "invocations": [_invocation(report)],
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": {"verdict": report.verdict, "reproduce": printable(report.reproduce), "seed": report.seed},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(name: str, about: str, fix: str = "") -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": about or name}}
    return rule | ({"help": {"text": f"fix: {fix}"}} if fix else {})


def _finding(report: Report, check: CheckResult) -> dict[str, Any]:
    words = [f"{check.id}: {outcome_words(check)}"]
    if check.where is not None:
        words.append(where_words(check.where, report.dtype))
    if report.case_of(check):
        words.append(f"case {report.case_of(check)}")
    return _result(report, check.id, LEVELS[check.verdict], ". ".join(words))


def _diagnosis(report: Report, found: Diagnosis) -> dict[str, Any]:
    words = f"{printable(found.title)}. Fix: {printable(found.fix)}. It {fit_words(found)}"
    return _result(report, found.id, "error", words)


def _result(report: Report, rule: str, level: str, words: str) -> dict[str, Any]:
    result: dict[str, Any] = {"ruleId": rule, "level": level, "message": {"text": words}}
    fingerprint = f"{printable(report.target)}/{rule}"
    result["partialFingerprints"] = {"grusym/v1": fingerprint}
    if report.location is not None:
        result["locations"] = [_location(report.location)]
    return result


def _location(location: Location) -> dict[str, Any]:
    """The file and its line, unless it belongs to somebody else's package; and what the implementation is called."""
    found: dict[str, Any] = {}
    if location.path and not location.installed:
        absolute = Path(location.path).is_absolute()
        uri = Path(location.path).as_uri() if absolute else quote(location.path)
        artifact = {"uri": uri} if absolute else {"uri": uri, "uriBaseId": ROOT}
        found["physicalLocation"] = {"artifactLocation": artifact}
        if location.line:
            found["physicalLocation"]["region"] = {"startLine": location.line}
    if location.name:
        name = printable(location.name)
        logical = {"fullyQualifiedName": name, "name": name.rpartition(".")[2], "kind": location.kind}
        found["logicalLocations"] = [logical]
    return found


def _invocation(report: Report) -> dict[str, Any]:
    invocation: dict[str, Any] = {"executionSuccessful": report.verdict != ERROR, "exitCode": report.exit_code}
    if report.verdict == ERROR:
        told = {"level": "error", "message": {"text": headline(report)}}
        invocation["toolExecutionNotifications"] = [told]
    return invocation
