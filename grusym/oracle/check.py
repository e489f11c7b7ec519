"""`grusym.check`: judge an implementation."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from grusym.conventions.library import cell_in
from grusym.equations.cell import Cell
from grusym.errors import InputError
from grusym.oracle.campaign import run_task, until_hang
from grusym.oracle.diagnose import diagnose
from grusym.oracle.flushing import flushing_note
from grusym.oracle.formats import numpy_type
from grusym.oracle.plan import AUTO, Plan, Task, tasks
from grusym.oracle.profile import profile_named
from grusym.oracle.recognise import settled
from grusym.oracle.report import NONCONFORMING, CheckResult, Report
from grusym.oracle.reproduce import call
from grusym.oracle.spec import case_named, size_names
from grusym.oracle.subject import Subject
from grusym.oracle.tally import merged
from grusym.oracle.targets.python_target import subject_in
from grusym.oracle.unchecked import unchecked

Progress = Callable[[CheckResult], Any]
Workers = Callable[[Plan, Sequence[Task]], Iterable[list[CheckResult]]]


def check(
    forward: Callable[..., Any],
    vjp: Callable[..., Any] | None = None,
    convention: str | None = "torch",
    dtype: str = "float32",
    cell: Cell | str = "gru",
    profile: str | None = None,
    max_examples: int = 50,
    seed: int = 0,
    case: str | None = None,
    diagnosing: bool = True,
) -> Report:
    """Judge a forward function and its gradients: does it compute the cell's equations, within derived error bounds?

    forward(x, h0, params) -> y or (y, h_n), with x (T, B, I), h0 (B, H), y (T, B, H), h_n (B, H), `params` a dict of
    arrays as the convention packs them; vjp(x, h0, params, dy, dh_n) -> {"x": dx, "h0": dh0, <parameter>: gradient}.
    A torch.nn.Module, or a class of them, has gradients by autograd (grusym.oracle.targets.torch_module).
    `case` ("T=3,B=4,I=5,H=6,seed=7,kind=plain", as a report names it) judges that one only. The report has `verdict`,
    `checks`, `diagnosis`, `reproduce`, `exit_code` and `to_json()`.
    Raises InputError for a cell, convention, dtype, profile or case that does not exist, and for what cannot be called.

    >>> report = check(lambda x, h0, params: x[..., :1] * 0 + h0, max_examples=1, case="T=2,B=1,I=1,H=2,seed=1")
    >>> report.verdict, report.checks[1].id, report.checks[1].verdict
    ('nonconforming', 'forward-step', 'fail')
    """
    plan = plan_of(convention, dtype, cell, profile, max_examples, seed, case)
    name = getattr(forward, "__name__", type(forward).__name__)
    subject = subject_in(forward, name, vjp, getattr(vjp, "__name__", "vjp"), plan)
    report = judge(subject, plan, diagnosing=diagnosing)
    return replace(report, reproduce=call(forward, vjp, plan, report))


def plan_of(
    convention: str | None,
    dtype: str,
    cell: Cell | str,
    profile: str | None,
    max_examples: int,
    seed: int,
    case: str | None = None,
) -> Plan:
    """The plan of a campaign; of convention "auto", `judge` finds out. Raises InputError for what does not exist."""
    found = cell_in(cell, None if convention == AUTO else convention)
    if max_examples < 1:
        raise InputError(f"max_examples is {max_examples}; judge at least 1 case")
    if seed < 0:
        raise InputError(f"the seed is {seed}; give a whole number from 0")
    only = None if case is None else case_named(case, found)
    arithmetic = profile_named(profile, dtype)
    numpy_type(dtype)
    return Plan(found, convention, dtype, arithmetic, max_examples, seed, only)


def judge(
    subject: Subject,
    plan: Plan,
    on_result: Progress | None = None,
    workers: Workers | None = None,
    diagnosing: bool = True,
) -> Report:
    """Run the whole campaign: by `workers`, or here, one task after the other. The report is the same.

    `diagnosing` says whether a failure is looked into.
    """
    subject, plan, recognised = settled(subject, plan)
    todo = tasks(plan, subject.has_gradients, getattr(subject, "takes", ()))
    parts = []
    for part in until_hang(workers(plan, todo) if workers else (run_task(subject, plan, task) for task in todo)):
        parts.append(part)
        for result in part if on_result else ():
            on_result(result)  # type: ignore[misc]
    results = merged(parts)
    report = Report(
        subject.name,
        plan.cell.spelling,
        plan.convention or "own",
        plan.dtype,
        plan.profile.name,
        plan.seed,
        (*results, *unchecked(plan, subject, results)),
        notes=(*recognised, *getattr(subject, "notes", ())),
        sizes=size_names(plan.cell),
        location=getattr(subject, "location", None),
    )
    if not diagnosing or report.verdict != NONCONFORMING:
        return report
    flushes = flushing_note(subject, plan, report.checks)
    if flushes:
        return replace(report, notes=(*report.notes, flushes))
    findings = diagnose(subject, plan, report.checks)
    return replace(report, diagnosis=findings.diagnosis, notes=(*report.notes, *findings.notes))
