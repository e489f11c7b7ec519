"""`grusym.check`: judge an implementation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from grusym.conventions.library import cell_in
from grusym.equations.cell import Cell
from grusym.oracle.callables import Callables
from grusym.oracle.campaign import Plan, merged, run_task, tasks
from grusym.oracle.diagnose import diagnose
from grusym.oracle.profile import profile_named
from grusym.oracle.recognise import AUTO, recognised_plan
from grusym.oracle.report import NONCONFORMING, CheckResult, Report
from grusym.oracle.subject import Subject

Progress = Callable[[CheckResult], Any]


def check(
    forward: Callable[..., Any],
    vjp: Callable[..., Any] | None = None,
    convention: str | None = "torch",
    dtype: str = "float32",
    cell: Cell | str = "gru",
    profile: str | None = None,
    max_examples: int = 50,
    seed: int = 0,
    diagnosing: bool = True,
) -> Report:
    """Judge a forward function and its gradients: does it compute the cell's equations, within derived error bounds?

    forward(x, h0, params) -> y or (y, h_n), with x (T, B, I), h0 (B, H), y (T, B, H), h_n (B, H), `params` a dict of
    arrays as the convention packs them; vjp(x, h0, params, dy, dh_n) -> {"x": dx, "h0": dh0, <parameter>: gradient}.
    Raises InputError for a cell, convention, dtype or profile that does not exist.
    """
    name = getattr(forward, "__name__", "forward")
    return judge(
        Callables(forward, vjp, name),
        plan_of(convention, dtype, cell, profile, max_examples, seed),
        diagnosing=diagnosing,
    )


def plan_of(
    convention: str | None, dtype: str, cell: Cell | str, profile: str | None, max_examples: int, seed: int
) -> Plan:
    """The plan of a campaign; of convention "auto", `judge` finds out. Raises InputError for what does not exist."""
    if convention == AUTO:
        return Plan(cell_in(cell), AUTO, dtype, profile_named(profile, dtype), max_examples, seed)
    return Plan(cell_in(cell, convention), convention, dtype, profile_named(profile, dtype), max_examples, seed)


def judge(subject: Subject, plan: Plan, on_result: Progress | None = None, diagnosing: bool = True) -> Report:
    """Run the whole campaign here, one task after the other; `diagnosing` says whether a failure is looked into."""
    recognised: tuple[str, ...] = ()
    if plan.convention == AUTO:
        plan, recognised = recognised_plan(subject, plan)
    parts = []
    for task in tasks(plan, subject.has_gradients, getattr(subject, "takes", ())):
        parts.append(run_task(subject, plan, task))
        for result in parts[-1] if on_result else ():
            on_result(result)  # type: ignore[misc]
    report = Report(
        subject.name,
        plan.cell.spelling,
        plan.convention or "own",
        plan.dtype,
        plan.profile.name,
        plan.seed,
        merged(parts),
        notes=recognised,
    )
    if not diagnosing or report.verdict != NONCONFORMING:
        return report
    findings = diagnose(subject, plan, report.checks)
    return replace(report, diagnosis=findings.diagnosis, notes=(*report.notes, *findings.notes))
