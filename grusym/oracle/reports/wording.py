"""How a report says what was found, the same in every form. What comes from elsewhere is made printable here."""

from collections.abc import Iterable

from grusym.oracle.report import CONFORMS, ERROR, NONCONFORMING, PASS, SKIPPED, CheckResult, Diagnosis, Report, Where

DIGITS = {"float64": 17, "float32": 9, "float16": 5, "bfloat16": 4}  # tell every two numbers of a dtype apart
LONGEST = 400  # characters of a message


def printable(text: str) -> str:
    """Foreign text on one line: what would move a cursor, colour a terminal or break a document is written out.

    >>> printable("red \\x1b[31m\\nnext")
    'red \\\\x1b[31m next'
    """
    line = " ".join(text.split("\n")).strip()
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]} ..."


def ratio_words(ratio: float) -> str:
    """An error in terms of its bound.

    >>> ratio_words(0.13119), ratio_words(2.5e6), ratio_words(float("inf")), ratio_words(0.0)
    ('0.13 of its bound', '2.5e+06 times its bound', 'infinitely far outside', 'no error')
    """
    if ratio == 0:
        return "no error"
    if not ratio < float("inf"):
        return "infinitely far outside"
    return f"{ratio:.2g} of its bound" if ratio <= 1 else f"{ratio:.3g} times its bound"


def place_words(where: Where) -> str:
    """The element: y[2, 0, 3] at step 2."""
    index = f"[{', '.join(map(str, where.index))}]" if where.index else ""
    block = f" = {where.block}" if where.block else ""
    return f"{where.tensor}{index}{block}" + (f" at step {where.step}" if where.step >= 0 else "")


def number_words(value: float, dtype: str) -> str:
    return f"{value:.{DIGITS.get(dtype, 9)}g}"


def where_words(where: Where, dtype: str) -> str:
    """The element, what was got and wanted, and the bound."""
    got, want = (number_words(value, dtype) for value in (where.got, where.want))
    off = f", off by {abs(where.got - where.want):.3g}" if abs(where.got) < float("inf") else ""
    return f"{place_words(where)}: got {got}, want {want}{off}, bound {where.bound:.3g}"


def first_bad_step(check: CheckResult) -> int:
    """The first step of the curve's case at which some tensor is outside its bound; -1 where that is not known."""
    steps = [step for _, ratios in check.curve for step, ratio in enumerate(ratios) if not ratio <= 1]
    return min(steps, default=-1)


def first_failure(report: Report) -> CheckResult | None:
    """The failing check with the earliest bad element, forward before gradients; the first one if none shows any."""
    shown = [check for check in report.failures if check.where is not None]
    steps = [check for check in shown if first_bad_step(check) >= 0]
    return next(iter([*steps, *shown, *report.failures]), None)


def subject_words(report: Report) -> str:
    """What was judged against what: gru as torch has it, in float32."""
    packed = "" if report.convention == "own" else f" as {report.convention} has it"
    return f"{printable(report.cell)}{packed}, in {report.dtype}"


def headline(report: Report) -> str:
    """The verdict in a sentence."""
    target, what = printable(report.target), subject_words(report)
    made = [check for check in report.checks if check.verdict != SKIPPED]
    if report.verdict == ERROR:
        return printable(report.error)
    if report.verdict == NONCONFORMING:
        return f"{target} does not compute {what}: {len(report.failures)} of {len(made)} checks fail"
    if report.verdict == CONFORMS:
        worst = max((check.worst_ratio for check in made), default=0.0)
        count = "1 check passes" if len(made) == 1 else f"{len(made)} checks pass"
        return f"{target} computes {what}: {count}, {ratio_words(worst)} at worst"
    undecided = [check.id for check in made if check.verdict != PASS]
    return f"whether {target} computes {what}, cannot be told: {', '.join(undecided) or 'nothing was checked'}"


def outcome_words(check: CheckResult) -> str:
    """What a check found, besides its verdict."""
    if check.message:
        return printable(check.message)
    return ratio_words(check.worst_ratio)


def surprise_words(report: Report, check: CheckResult) -> str:
    """That errors are larger than expected, where, and what it may come from; empty where they are not."""
    found = check.expectation
    if found is None or not check.surprising:
        return ""
    return (
        f"within its bound, but {place_words(found.where)} is off by {found.ratio:.2g} times what rounding errors are "
        f"expected to be: look for a function off by some units in the last place, or sums less precise than "
        f"{report.dtype} (--case {report.case_text(found.spec)})"
    )


def not_checked(checks: Iterable[CheckResult]) -> list[tuple[str, list[str]]]:
    """Reasons, and the checks that were not made for them."""
    found: dict[str, list[str]] = {}
    for check in checks:
        if check.verdict == SKIPPED:
            found.setdefault(printable(check.message), []).append(check.id)
    return list(found.items())


def fit_words(found: Diagnosis) -> str:
    """How well a known mistake explains what was found, and how far the next best is from it."""
    cases = f"{found.cases} case{'s' * (found.cases != 1)}"
    words = f"explains {cases}, {ratio_words(found.worst_ratio)} at worst"
    if not found.worst_ratio < float("inf"):  # a behaviour, which is seen as such
        words = f"is seen in {cases}"
    if found.together:
        words += f", together with {', '.join(found.together)}"
    if found.runner_up:
        words += f"; the next best, {found.runner_up}, misses: {ratio_words(found.margin)}"
    return words
