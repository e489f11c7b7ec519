"""pytest: `--grusym-target pkg.mod:forward` adds a test per check, the fixture `gru_oracle` judges inside a test.

Nothing of grusym but this file is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grusym.oracle.plan import Plan
    from grusym.oracle.report import CheckResult, Report
    from grusym.oracle.subject import Subject

DEFAULTS: dict[str, Any] = {
    "convention": "torch",
    "dtype": "float32",
    "cell": "gru",
    "profile": None,
    "max_examples": 50,
}
SETTINGS = {*DEFAULTS, "seed"}
CONFORMING = pytest.StashKey["Collected"]()
WARNING = "grusym-warning"  # as a property of a test


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("grusym", "judge a recurrent layer by its equations")
    group.addoption("--grusym-target", metavar="PKG.MOD:NAME", help="the implementation: adds a test for every check")
    group.addoption("--grusym-vjp", metavar="PKG.MOD:NAME", help="its gradients")
    group.addoption("--grusym-cell", metavar="CELL", help="what it computes (default: gru)")
    group.addoption("--grusym-convention", metavar="NAME", help="how its parameters are packed (default: torch)")
    group.addoption("--grusym-dtype", metavar="DTYPE", help="in which type (default: float32)")
    group.addoption(
        "--grusym-max-examples", metavar="N", type=int, help="random cases per group of checks (default: 50)"
    )
    group.addoption("--grusym-xfails", metavar="IDS", help="checks that are known to fail, between commas")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "grusym(convention, dtype, cell, profile, max_examples, seed): what the fixture gru_oracle judges by"
    )


def pytest_collection(session: pytest.Session) -> None:
    """Add the tests of the target beside those that were asked for."""
    if session.config.getoption("--grusym-target"):
        session.config.stash[CONFORMING] = Collected(session.config)


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say which checks of the target have no test, and why."""
    collected = config.stash.get(CONFORMING, None)
    if collected is None:
        return []
    return [f"{collected.target}: not checked: {', '.join(names)}: {why}" for why, names in collected.left_out()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the checks warn of, which fails no test."""
    passed = terminalreporter.stats.get("passed", [])
    warned = [(one.nodeid, text) for one in passed for name, text in one.user_properties if name == WARNING]
    if warned:
        terminalreporter.section("grusym: errors beyond what is expected of rounding")
        for name, text in warned:
            terminalreporter.line(f"{name}: {text}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    collected = config.stash.get(CONFORMING, None)
    if collected is None:
        return
    parent = Checks.from_parent(session, name=f"grusym::{collected.target}", nodeid=f"grusym::{collected.target}")
    known = {name for name in (config.getoption("--grusym-xfails") or "").split(",") if name}
    for group, check in collected.checks():
        item = CheckItem.from_parent(parent, name=check, group=group, collected=collected)
        if check in known:
            item.add_marker(pytest.mark.xfail(reason="named by --grusym-xfails", strict=True))
            known.discard(check)
        items.append(item)
    if known:
        names = ", ".join(check for _, check in collected.checks())
        raise pytest.UsageError(
            f"--grusym-xfails names {', '.join(sorted(known))}, which is no check here; checks are {names}"
        )


class Collected:
    """The target of the command line, and the results of its groups of checks, run when a test first asks."""

    def __init__(self, config: pytest.Config):
        option = config.getoption
        self.target: str = option("--grusym-target")
        self.vjp: str | None = option("--grusym-vjp")
        self.settings = DEFAULTS | {
            name: value
            for name, value in (
                ("cell", option("--grusym-cell")),
                ("convention", option("--grusym-convention")),
                ("dtype", option("--grusym-dtype")),
                ("max_examples", option("--grusym-max-examples")),
            )
            if value is not None
        }
        from grusym.errors import GrusymError

        try:
            self.plan: Plan = _plan(**self.settings)
            self.subject: Subject = _subject(self.target, self.vjp, self.plan)
            self.subject, self.plan, _ = _settled(self.subject, self.plan)
        except GrusymError as error:
            raise pytest.UsageError(f"--grusym-target {self.target}: {error}") from error
        self.results: dict[str, tuple[CheckResult, ...]] = {}

    def checks(self) -> Iterator[tuple[str, str]]:
        """Group and id of every check, before any is run."""
        from grusym.oracle.checks import checks_of

        for group, names in checks_of(self.plan.cell, self.plan.convention, self.subject).items():
            for name in names:
                yield group, name

    def left_out(self) -> list[tuple[str, list[str]]]:
        """Reasons, and the checks that are not made for them."""
        from grusym.oracle.reports.wording import not_checked
        from grusym.oracle.unchecked import unchecked

        made = {check for _, check in self.checks()}
        skipped = unchecked(self.plan, self.subject, ())
        return not_checked(result for result in skipped if result.id not in made)

    def group(self, name: str) -> tuple[CheckResult, ...]:
        """The results of a group of checks."""
        if name not in self.results:
            from grusym.oracle.campaign import run_task
            from grusym.oracle.plan import tasks
            from grusym.oracle.tally import merged

            takes = getattr(self.subject, "takes", ())
            parts = [task for task in tasks(self.plan, self.subject.has_gradients, takes) if task.group == name]
            self.results[name] = merged(run_task(self.subject, self.plan, task) for task in parts)
        return self.results[name]

    def warning(self, result: CheckResult) -> str:
        """What a check that passes warns of; empty for nothing."""
        from grusym.oracle.report import Report
        from grusym.oracle.reports.wording import surprise_words
        from grusym.oracle.spec import size_names

        plan = self.plan
        words = (self.target, plan.cell.spelling, plan.convention or "own", plan.dtype, plan.profile.name, plan.seed)
        return surprise_words(Report(*words, (result,), sizes=size_names(plan.cell)), result)


class Checks(pytest.Collector):
    """The node above the checks of a target."""

    def collect(self) -> list[pytest.Item]:
        return []


class CheckItem(pytest.Item):
    """One check of the target."""

    def __init__(self, *, group: str, collected: Collected, **rest: Any):
        super().__init__(**rest)
        self.group, self.collected = group, collected

    def runtest(self) -> None:
        results = self.collected.group(self.group)
        found = {result.id: result for result in results}
        own = found.get(self.name)
        if own is None:  # the group was cut short by what is a failure of its own
            own = next((result for result in results if result.verdict == "fail"), None)
        if own is None:
            pytest.skip("the implementation does not show what this check looks at")
        if own.verdict == "inconclusive":
            pytest.skip(f"inconclusive: {own.message}")
        if own.verdict == "fail":
            raise NotConforming(self.collected.target, own)
        warning = self.collected.warning(own)
        if warning:
            self.user_properties.append((WARNING, warning))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotConforming):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int | None, str]:
        return self.collected.target, None, f"{self.collected.target}::{self.name}"


class NotConforming(AssertionError):
    """A check that fails: the message says which element, and how many bounds it is off."""

    def __init__(self, target: str, result: CheckResult):
        super().__init__(f"{target} fails {result.id}: {described(result)}")


def described(result: CheckResult) -> str:
    """A failure in a sentence."""
    where = result.where
    if where is None:
        return result.message
    step = f" at step {where.step}" if where.step >= 0 else ""
    return (
        f"{where.tensor}{list(where.index)}{step} is {where.got!r}, not {where.want!r}, "
        f"{where.ratio:.3g} times the bound {where.bound:.3g}"
    )


@pytest.fixture
def gru_oracle(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """A function that judges forward(x, h0, params) and vjp(x, h0, params, dy, dh_n), and fails the test if it has to.

    Keyword arguments are those of `grusym.check`; the marker `grusym` gives their defaults. Returns the report.
    """
    marker = request.node.get_closest_marker("grusym")
    given = dict(marker.kwargs) if marker else {}
    unknown = sorted(set(given) - SETTINGS)
    if unknown:
        raise pytest.UsageError(f"the marker grusym takes {', '.join(sorted(SETTINGS))}, not {', '.join(unknown)}")

    def judge(forward: Callable[..., Any], vjp: Callable[..., Any] | None = None, **settings: Any) -> Report:
        from grusym.oracle.check import check

        report = check(forward, vjp, **(given | settings))
        failed = [f"{result.id}: {described(result)}" for result in report.checks if result.verdict == "fail"]
        if failed:
            fixes = [f"diagnosis: {found.id}: {found.title}; {found.fix}" for found in report.diagnosis[:1]]
            pytest.fail("\n".join((f"{report.target} does not conform", *failed, *fixes)), pytrace=False)
        if report.verdict == "inconclusive":
            open_ = [f"{result.id}: {result.message}" for result in report.checks if result.verdict == "inconclusive"]
            pytest.skip(f"{report.target}: inconclusive: {'; '.join(open_)}")
        return report

    return judge


def _settled(subject: Subject, plan: Plan) -> tuple[Subject, Plan, tuple[str, ...]]:
    from grusym.oracle.recognise import settled

    return settled(subject, plan)


def _plan(**settings: Any) -> Plan:
    from grusym.oracle.check import plan_of

    return plan_of(seed=0, **settings)


def _subject(target: str, vjp: str | None, plan: Plan) -> Subject:
    from grusym.oracle.targets.target import subject_of

    return subject_of(target, vjp=vjp, plan=plan)
