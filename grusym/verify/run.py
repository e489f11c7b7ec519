"""Verification: every generated kernel of a cell against every independent route, on random problems."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from grusym.conventions.library import layout_of
from grusym.equations.cell import Cell
from grusym.equations.library import BUILT_IN, as_cell
from grusym.equations.library import cell as by_name
from grusym.errors import InputError
from grusym.lower.lowered import Lowered, lower
from grusym.runtime.kernel import Kernel
from grusym.verify.comparison import Deviation
from grusym.verify.judge import CHECKS, Evidence, gather_evidence, unjudged
from grusym.verify.problem import some_sizes
from grusym.verify.report import Check, Report, Where
from grusym.verify.subject import Unfit, answers, subject
from grusym.verify.torch_peer import CONVENTION, peer_of

EXAMPLES = 10
UNTAKEN = "PyTorch's module takes none of the sizes that were drawn"
UNDECIDED = "in every problem that was drawn, rounding alone may exceed a whole tensor"
RUNS = "runs"  # the check that a kernel answers at all


def verify(
    cell: Cell | str,
    targets: Sequence[str] = ("numpy", "c"),
    dtypes: Sequence[str] = ("float64", "float32"),
    examples: int = EXAMPLES,
    seed: int = 0,
    on_progress: Callable[[str], Any] | None = None,
    convention: str | None = None,
) -> Report:
    """Generate a cell's kernels and judge each on `examples` random problems.

    Judges: PyTorch's module in float64 where the cell has one, the cell's equations evaluated as they stand, gradients
    by the complex step, the IR's interpreter, and <g, JVP v> = <VJP g, v> with v from forward mode. `convention` is
    PyTorch's for a built-in cell that PyTorch has, and otherwise the cell's own. `on_progress` is told what is being
    worked on. The problems are the same for the same `seed`.

    Raises InputError for an unknown cell, target, dtype or convention; CompilerError without a C compiler; whatever
    deriving or generating the kernels raises.

    >>> verify("rnn", targets=("numpy",), dtypes=("float64",), examples=1).checks[0].id
    'runs'
    """
    if examples < 1:
        raise InputError(f"examples={examples}: at least 1 random problem is needed")
    known = as_cell(cell)
    lowered = lower(known, convention or _convention(known))
    kernels = [subject(lowered, target, dtype) for target in targets for dtype in dtypes]
    return verify_kernels(kernels, examples, seed, on_progress)


def verify_kernels(
    kernels: Sequence[Kernel], examples: int = EXAMPLES, seed: int = 0, on_progress: Callable[[str], Any] | None = None
) -> Report:
    """Judge kernels of one lowered cell; problems and what the judges say of them are shared between targets."""
    lowered = kernels[0].lowered
    dtypes = tuple(dict.fromkeys(kernel.dtype for kernel in kernels))
    return compare(kernels, evidence(lowered, dtypes, examples, seed, on_progress))


def evidence(
    lowered: Lowered,
    dtypes: Sequence[str],
    examples: int,
    seed: int = 0,
    on_progress: Callable[[str], Any] | None = None,
) -> Iterator[Evidence]:
    """Problems from small to large, and what every route says about each."""
    names, conditions = [symbol.name for symbol in lowered.layer.sizes], lowered.cell.conditions
    for dtype in dtypes:
        for number, sizes in enumerate(some_sizes(names, examples, seed, conditions), start=1):
            if on_progress:
                on_progress(f"{lowered.cell.spelling} {dtype}, problem {number} of {examples}")
            yield gather_evidence(lowered, sizes, dtype, seed)


def compare(kernels: Iterable[Kernel], heard: Iterable[Evidence]) -> Report:
    """What kernels answer beside the evidence of their dtype."""
    trials = [_Trial(kernel) for kernel in kernels]
    for item in heard:
        for trial in trials:
            if trial.kernel.dtype == item.problem.dtype:
                trial.hear(item)
    return Report(tuple(check for trial in trials for check in trial.checks()))


def _convention(cell: Cell) -> str | None:
    """PyTorch's, for a cell of the library that PyTorch has too."""
    if cell.name not in BUILT_IN or cell != by_name(cell.spelling):
        return None  # a cell of one's own may be called gru and be another
    try:
        return CONVENTION if peer_of(cell, layout_of(cell, CONVENTION)) else None
    except InputError:  # it packs this cell with other options only
        return None


@dataclass
class _Trial:
    """One kernel, and what came of its checks so far: the first failure of each, or the worst success that decides."""

    kernel: Kernel
    seen: dict[str, tuple[Deviation, Where]] = field(default_factory=dict)
    failed: dict[str, Check] = field(default_factory=dict)
    tried: int = 0
    decided: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)

    def hear(self, item: Evidence) -> None:
        if RUNS in self.failed:
            return
        self.tried += 1
        try:
            got = answers(self.kernel, item.problem)
        except Unfit as reason:
            sizes = " ".join(f"{name}={extent}" for name, extent in item.problem.sizes.items())
            self.failed[RUNS] = self.check(RUNS, "failed", reason=f"{reason}, for {sizes}, seed {item.problem.seed}")
            return
        for check in item.want:
            if check in self.failed:
                continue
            deviation = item.deviation(check, got)
            where = Where.of(deviation, item.problem.sizes, item.problem.seed)
            if deviation.ratio > 1:
                self.failed[check] = self.measured(check, "failed", deviation, where)
            elif not deviation.decides:
                self.undecided[check] += 1
            else:
                self.decided[check] += 1
                if check not in self.seen or deviation.ratio > self.seen[check][0].ratio:
                    self.seen[check] = (deviation, where)

    def checks(self) -> list[Check]:
        missing = unjudged(self.kernel.lowered)
        found = [self.failed.get(RUNS) or self.check(RUNS, "passed")]
        for name in CHECKS:
            if name in missing:
                verdict, reason = missing[name]
                found.append(Check(*self.names, name, verdict, reason=reason))
            elif name in self.failed:
                found.append(self.failed[name])
            elif name in self.seen:
                found.append(self.measured(name, "passed", *self.seen[name]))
            else:
                unheard = "the kernel gave no answer to compare" if RUNS in self.failed else UNTAKEN
                reason = UNDECIDED if self.undecided[name] else unheard
                found.append(Check(*self.names, name, "skipped", undecided=self.undecided[name], reason=reason))
        return found

    @property
    def names(self) -> tuple[str, str, str]:
        return (self.kernel.cell.spelling, self.kernel.target, self.kernel.dtype)

    def check(self, name: str, verdict: str, reason: str = "") -> Check:
        return Check(*self.names, name, verdict, self.tried, reason=reason)

    def measured(self, name: str, verdict: str, deviation: Deviation, where: Where) -> Check:
        counts = (self.decided[name] or 1, self.undecided[name])
        return Check(*self.names, name, verdict, *counts, deviation.error, deviation.tolerance, where)
