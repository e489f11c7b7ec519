"""Two mistakes at once: the pairs that a first look does not rule out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from grusym.oracle.catalogue.entry import Candidate
from grusym.oracle.comparison import Bench
from grusym.oracle.explanation import Explanation, changed
from grusym.oracle.observation import observed
from grusym.oracle.search import Search
from grusym.oracle.spec import Spec, materialise, rich_sizes
from grusym.oracle.subject import fixed_sizes

MOST_PAIRED = 150  # with more ways than this to make a mistake, the first of each id are tried first
NUMERIC = ("weights-bits-truncated",)  # of its many ways, the first few are tried in pairs
FEW = 4
AT_ONCE = 4096  # pairs, so that the programs take little memory


def likely_pairs(
    search: Search, choices: Sequence[Candidate], before: tuple[Candidate, ...]
) -> Iterator[list[Explanation]]:
    """Two at once that pass a first look on a small case, where thousands of programs take a second.

    They come in rounds: the second one has the ways to make a mistake that are too many for the first.
    """
    bench = _small_bench(search)
    start = changed(bench.right, before)
    tried: list[Candidate] = []
    for more in _rounds(choices):
        found: list[Explanation] = []
        pairs = _pairs(choices, tried, more)
        while chunk := list(islice(pairs, AT_ONCE)):
            programs, one, program = [], None, None
            for first, second in chunk:
                if first is not one:
                    one, program = first, changed(start, (first,))
                programs.append(changed(program, (second,)))
            ratios = bench.glances(programs, search.gradients, brief=True)
            found += [Explanation(pair, before) for pair, ratio in zip(chunk, ratios, strict=True) if ratio <= 1]
        yield found
        tried += more


def _rounds(choices: Sequence[Candidate]) -> list[list[Candidate]]:
    """The candidates that are tried in pairs: sharp ones, and not every way of those that round numbers."""
    ways: Counter[str] = Counter()
    sharp = []
    for candidate in choices:
        if not candidate.open:
            ways[candidate.id] += 1
            if candidate.id not in NUMERIC or ways[candidate.id] <= FEW:
                sharp.append(candidate)
    if len(sharp) <= MOST_PAIRED:
        return [sharp]
    first = {candidate.id: candidate for candidate in reversed(sharp)}
    early = [candidate for candidate in sharp if ":" not in candidate.id or first[candidate.id] is candidate]
    return [early, [candidate for candidate in sharp if candidate not in early]]


def _pairs(
    choices: Sequence[Candidate], tried: Sequence[Candidate], more: Sequence[Candidate]
) -> Iterator[tuple[Candidate, Candidate]]:
    """Pairs in the order of the catalogue, at least one of each being new."""
    known, new = set(tried), set(more)
    both = [candidate for candidate in choices if candidate in known or candidate in new]
    for number, one in enumerate(both):
        for other in both[number + 1 :]:
            if _family(other) != _family(one) and (one in new or other in new):
                yield one, other


def _family(candidate: Candidate) -> str:
    """Two orders of the same gates are not two mistakes."""
    return candidate.id.partition(":")[0]


def _small_bench(search: Search) -> Bench:
    """A case that tells much and takes little time."""
    fixed = fixed_sizes(search.subject)
    rich = rich_sizes(search.plan.cell, fixed)
    sizes = tuple(number if number in fixed.values() else max(2, number - 2) for number in rich)
    plain = materialise(Spec((2, 3, *sizes[2:]), 5), search.plan.cell, search.plan.convention, search.plan.dtype)
    bench = Bench(observed(search.subject, plain, search.gradients), search.plan.profile)
    if bench.ratio(bench.right, search.gradients) > 1:
        return bench
    layered = [b for b in search.benches if b.ratio(b.right, search.gradients) > 1]
    return layered[0] if layered else bench
