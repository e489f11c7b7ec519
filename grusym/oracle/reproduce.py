"""Commands that give the same verdict again."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from grusym.conventions.library import cell_in
from grusym.oracle.plan import AUTO, Plan
from grusym.oracle.profile import DEFAULTS
from grusym.oracle.report import Report


def command(words: Sequence[str], cell: str, plan: Plan, report: Report) -> str:
    """A command for a shell: of a case that fails, else of the whole campaign.

    `words` name the implementation, `cell` the cell: `("pkg.mod:forward", "--vjp", "pkg.mod:vjp"), "gru"`.
    A convention that was recognised is named.
    """
    if plan.convention == AUTO:
        plan, cell = _recognised(plan, report), report.cell
    options = ["--convention", plan.convention or "own", "--cell", cell, "--dtype", plan.dtype]
    if plan.profile.name != DEFAULTS.get(plan.dtype):
        options += ["--profile", plan.profile.name]
    return shlex.join(["grusym", "check", *words, *options, *_which(plan, report)])


def call(function: Callable[..., Any], vjp: Callable[..., Any] | None, plan: Plan, report: Report) -> str:
    """The same for functions: a command where one can name them, else a call."""
    plan = _recognised(plan, report)
    words = [_importable(function), *(["--vjp", _importable(vjp)] if vjp else [])]
    if all(words):
        return command(words, plan.cell.spelling, plan, report)
    names = [getattr(f, "__name__", "function") for f in (function, vjp) if f is not None]
    flag, value = _which(plan, report)[-2:]
    which = f"case={value!r}" if flag == "--case" else f"seed={value}, max_examples={plan.examples}"
    arguments = (*names, f"convention={plan.convention!r}, dtype={plan.dtype!r}, cell={plan.cell.spelling!r}", which)
    return f"grusym.check({', '.join(arguments)})"


def _recognised(plan: Plan, report: Report) -> Plan:
    """The plan with the convention and the cell that were judged by."""
    if plan.convention != AUTO:
        return plan
    return replace(plan, convention=report.convention, cell=cell_in(report.cell, report.convention))


def _which(plan: Plan, report: Report) -> list[str]:
    cases = [report.case_of(check) for check in report.failures if check.spec]
    if plan.only is not None or cases:
        shown = [report.case_of(check) for check in report.checks if check.spec]
        return ["--case", (cases or shown)[0]] if cases or shown else []
    return ["--max-examples", str(plan.examples), "--seed", str(plan.seed)]


def _importable(function: Callable[..., Any] | None) -> str:
    """module:name, empty where no such name leads to the function."""
    module, name = getattr(function, "__module__", "") or "", getattr(function, "__qualname__", "")
    return f"{module}:{name}" if name.isidentifier() and module not in ("", "__main__") else ""
