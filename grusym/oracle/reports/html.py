"""A page that stands alone: verdict, diagnosis, first bad element, error / bound as pictures, every check."""

from pathlib import Path
from typing import Any

from grusym import __version__
from grusym.oracle.meanings import meaning
from grusym.oracle.report import FAIL, INCONCLUSIVE, PASS, SKIPPED, CheckResult, Diagnosis, Report
from grusym.oracle.reports import wording
from grusym.oracle.reports.formula import statements
from grusym.oracle.reports.plot import overview_plot, steps_plot

TEMPLATE = Path(__file__).with_name("report.html.jinja")
ORDER = (FAIL, INCONCLUSIVE, PASS)


def html_text(report: Report) -> str:
    """The report as one HTML file without anything from outside; all foreign text is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made = [check for check in report.checks if check.verdict != SKIPPED]
    measured = [check for check in made if check.where is not None]
    rows = [(check.id, check.worst_ratio) for check in measured]
    curved = sorted((check for check in measured if check.curve), key=lambda check: ORDER.index(check.verdict))
    plots = [
        {
            "check": check,
            "tensors": ", ".join(tensor for tensor, _ in check.curve),
            "case": report.case_text(check.curve_spec),
            "svg": Markup(steps_plot(f"steps-{check.id}", f"{check.id}: error / bound per step", check.curve)),
        }
        for check in curved
    ]
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        version=__version__,
        headline=wording.headline(report),
        printable=wording.printable,
        meaning=meaning,
        checks=[_row(report, check) for check in sorted(made, key=lambda check: ORDER.index(check.verdict))],
        not_checked=wording.not_checked(report.checks),
        first=_first(report),
        diagnosis=[_mistake(found) for found in report.diagnosis],
        overview=Markup(overview_plot("overview", "Worst error / bound of every check", rows)) if rows else "",
        plots=plots,
    )


def _mistake(found: Diagnosis) -> dict[str, Any]:
    """A known mistake, with its fix as equations where it holds any."""
    from markupsafe import Markup

    said = statements(wording.printable(found.fix))
    parts = [{"before": one.before, "equation": Markup(one.equation), "after": one.after} for one in said]
    return {
        "found": found,
        "fit": wording.fit_words(found),
        "equations": parts if any(s.equation for s in said) else [],
    }


def _row(report: Report, check: CheckResult) -> dict[str, Any]:
    return {
        "check": check,
        "outcome": wording.outcome_words(check),
        "place": wording.place_words(check.where) if check.where and check.worst_ratio else "",
        "case": report.case_of(check),
        "warning": wording.surprise_words(report, check),
    }


def _first(report: Report) -> dict[str, Any] | None:
    """The failure to look at first."""
    check = wording.first_failure(report)
    if check is None:
        return None
    facts: list[tuple[str, str]] = []
    if check.where is not None:
        where = check.where
        numbers = {"got": where.got, "want": where.want}
        facts = [(name, wording.number_words(value, report.dtype)) for name, value in numbers.items()]
        facts += [("off by", f"{abs(where.got - where.want):.3g}"), ("bound", f"{where.bound:.3g}")]
        facts += [("error / bound", f"{where.ratio:.3g}")]
    return {
        "check": check,
        "place": wording.place_words(check.where) if check.where else "",
        "step": wording.first_bad_step(check),
        "curve_case": report.case_text(check.curve_spec),
        "facts": facts,
        "message": wording.printable(check.message),
        "case": report.case_of(check),
    }
