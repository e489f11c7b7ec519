"""A campaign: groups of checks over many cases, found, shrunk and reproduced by hypothesis.

It is a list of tasks, each with its own seed, that run one after the other or on many workers: the verdict is the same.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky

from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.oracle.groups import GROUPS, case_of
from grusym.oracle.plan import Plan, Task
from grusym.oracle.report import CheckResult
from grusym.oracle.spec import ANY, KINDS, Spec, allowed_sizes, rich_sizes
from grusym.oracle.subject import HANG, Misbehaviour, Subject, fixed_sizes
from grusym.oracle.tally import Tally, count, note_failure, result_of

WHOLE = 8  # one case in so many is judged from end to end, too: that takes longer
LARGEST, LARGEST_OF_MANY = 6, 3
# Drawn as digits below 128: of a wider range hypothesis takes some from the source code that happens to be imported.
_SEEDS = st.tuples(st.integers(0, 127), st.integers(0, 127)).map(lambda digits: 128 * digits[0] + digits[1])
_PASSED = (b".pareto", b".secondary")  # keys under which hypothesis keeps what did not fail


def until_hang(parts: Iterable[list[CheckResult]]) -> Iterator[list[CheckResult]]:
    """The results of tasks up to the first that hangs: to see it again would take as long, in every further one.

    What comes later is dropped, also where workers have it already: the report is the same whoever runs the campaign.
    """
    for part in parts:
        yield part
        if any(result.id == HANG for result in part):
            break
    if isinstance(parts, Generator):
        parts.close()


def run_task(subject: Subject, plan: Plan, task: Task) -> list[CheckResult]:
    """The results of one task."""
    tallies: dict[str, Tally] = {}
    judge = GROUPS[task.group]

    def judged(spec: Spec, drawn: bool) -> bool:
        """Judge a case; whether nothing fails."""
        case = case_of(spec, plan, task.group)
        try:
            found = judge(subject, case, plan.profile, spec.seed % WHOLE == 0 or plan.only is not None)
        except Misbehaviour as wrong:
            tally = tallies.setdefault(wrong.check, Tally())
            tally.cases += 1
            note_failure(tally, spec, float("inf"), None, wrong.what)
            if wrong.costly:
                raise _EnoughError from None
            return False
        ratios = [count(tallies, check, judgements, spec, case) for check, judgements in found.items()]
        finite = [ratio for ratio in ratios if np.isfinite(ratio)]
        if finite and len(finite) == len(ratios) and drawn:
            target(max(finite))
        return all(ratio <= 1 for ratio in ratios)

    fixed = fixed_sizes(subject)
    rich = rich_sizes(plan.cell, fixed)
    telling = [Spec(rich, plan.seed * WHOLE, kind) for kind in KINDS]
    if Layer(plan.cell).sizes[0].name not in fixed:
        # Bounds of coarse formats outgrow the values within few steps; two show how steps are chained.
        telling.append(Spec((2, *rich[1:]), plan.seed * WHOLE))

    @seed(task.seed)
    @settings(
        max_examples=max(task.examples, 1),
        deadline=None,
        database=_failures_of(settings().database),
        suppress_health_check=list(HealthCheck),
        phases=(Phase.reuse, Phase.generate, Phase.target, Phase.shrink),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(specs(plan.cell, fixed))
    def explore(spec: Spec) -> None:
        if not judged(spec, drawn=True):
            raise _FailedError

    with suppress(_FailedError, Flaky, _EnoughError):
        for spec in (telling if plan.only is None else [plan.only]) if task.first else ():
            judged(spec, drawn=False)
        if task.examples:
            explore()
    return [result_of(check, tally) for check, tally in tallies.items()]


class _Failures(ExampleDatabase):
    """The user's database, of which only failures are used: what passed leaves no trace in the next campaign."""

    def __init__(self, database: ExampleDatabase):
        super().__init__()
        self.database = database

    def save(self, key: bytes, value: bytes) -> None:
        if not key.endswith(_PASSED):
            self.database.save(key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        return () if key.endswith(_PASSED) else self.database.fetch(key)

    def delete(self, key: bytes, value: bytes) -> None:
        self.database.delete(key, value)


def _failures_of(database: ExampleDatabase | None) -> ExampleDatabase | None:
    return None if database is None else _Failures(database)


class _FailedError(Exception):
    """A case failed: hypothesis looks for a smaller one."""


class _EnoughError(BaseException):
    """A case failed in a way that takes long to see: hypothesis, which would catch an Exception, is to stop."""


def specs(cell: Cell, fixed: Mapping[str, int] = ANY) -> Any:
    """The strategy of cases: small sizes, few of them equal, some perhaps `fixed`; every kind of values."""
    symbols = Layer(cell).sizes
    size = st.integers(1, LARGEST if len(symbols) <= 4 else LARGEST_OF_MANY)
    sizes = [st.just(fixed[symbol.name]) if symbol.name in fixed else size for symbol in symbols]
    drawn = st.tuples(*sizes)
    if cell.conditions:
        drawn = drawn.map(lambda numbers: allowed_sizes(cell, numbers, fixed))
    return st.builds(Spec, drawn, _SEEDS, st.sampled_from(KINDS))
