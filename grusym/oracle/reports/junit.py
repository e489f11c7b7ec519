"""JUnit XML: one test case per check, for what CI systems show of test results."""

from xml.etree import ElementTree as Xml

from grusym.oracle.meanings import meaning
from grusym.oracle.report import ERROR, FAIL, INCONCLUSIVE, SKIPPED, CheckResult, Report
from grusym.oracle.reports.wording import fit_words, outcome_words, printable, surprise_words, where_words


def junit_text(report: Report) -> str:
    """The report as JUnit XML. What is inconclusive counts as an error: it is not passed."""
    verdicts = [check.verdict for check in report.checks]
    counts = {
        "tests": str(len(verdicts) + (report.verdict == ERROR)),
        "failures": str(verdicts.count(FAIL)),
        "errors": str(verdicts.count(INCONCLUSIVE) + (report.verdict == ERROR)),
        "skipped": str(verdicts.count(SKIPPED)),
    }
    root = Xml.Element("testsuites", {"name": "grusym check", **counts})
    suite = Xml.SubElement(root, "testsuite", {"name": printable(report.target), **counts})
    properties = Xml.SubElement(suite, "properties")
    for name in ("verdict", "cell", "convention", "dtype", "profile", "seed", "reproduce"):
        Xml.SubElement(properties, "property", name=name, value=printable(str(getattr(report, name))))
    if report.verdict == ERROR:
        broken = Xml.SubElement(suite, "testcase", name="check", classname=_class(report))
        Xml.SubElement(broken, "error", message=printable(report.error), type=ERROR)
    for check in report.checks:
        _case(suite, report, check)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _case(suite: Xml.Element, report: Report, check: CheckResult) -> None:
    case = Xml.SubElement(suite, "testcase", name=check.id, classname=_class(report))
    tag = {FAIL: "failure", INCONCLUSIVE: "error", SKIPPED: "skipped"}.get(check.verdict)
    if check.surprising:
        Xml.SubElement(case, "system-out").text = f"warning: {surprise_words(report, check)}"
    if tag is None:
        return
    found = Xml.SubElement(case, tag, message=outcome_words(check), type=check.verdict)
    if check.verdict == SKIPPED:
        return
    lines = [meaning(check.id)]
    if check.where is not None:
        lines.append(where_words(check.where, report.dtype))
    if report.case_of(check):
        lines.append(f"case {report.case_of(check)}")
    for best in report.diagnosis:
        lines += [f"{best.id}: {printable(best.title)}; fix: {printable(best.fix)}"]
        lines += [fit_words(best)]
    if report.reproduce:
        lines.append(f"to see it again: {printable(report.reproduce)}")
    found.text = "\n".join(lines)


def _class(report: Report) -> str:
    return f"grusym.{printable(report.target)}"
