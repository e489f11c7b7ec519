"""Which arrays of a file are the recurrent module, and in which convention: exactly one reading, or a question."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from grusym.conventions.recognise import Reading, readings
from grusym.equations.library import cell as cell_by_name
from grusym.equations.library import settings_of, spelt_out
from grusym.errors import InputError
from grusym.weights.entry import Entry

SHOWN = 8  # names, prefixes and readings that an error lists


def choose(
    entries: Mapping[str, Entry],
    path: str,
    convention: str | None = None,
    cell: str | None = None,
    prefix: str | None = None,
) -> Reading:
    """The one way to read the one recurrent module among the arrays of a file.

    Raises InputError where there is no module, naming the arrays that do not fit and the conventions that would, and
    where there is more than one, or more than one way to read it, listing them.
    """
    outlines = {name: entry.outline for name, entry in entries.items()}
    found = _below(readings(outlines, convention, cell), prefix)
    fitting = _undominated([reading for reading in found if reading.stack])
    if not fitting:
        others = _undominated([r for r in _below(readings(outlines), prefix) if r.stack]) if convention or cell else []
        raise InputError(f"{path} {_why_none(found, list(outlines), convention, cell, prefix)}{_hint(others)}")
    prefixes = list(dict.fromkeys(reading.prefix for reading in fitting))
    if len(prefixes) > 1:
        shown = _listed(repr(p.rstrip("./")) for p in prefixes)
        raise InputError(f"{path} holds {len(prefixes)} recurrent modules; choose one with --prefix: {shown}")
    if len(fitting) > 1:
        raise InputError(f"{path} can be read in {len(fitting)} ways; say which: {_listed(_words(fitting))}")
    return fitting[0]


def _below(found: Iterable[Reading], prefix: str | None) -> list[Reading]:
    return [r for r in found if prefix is None or r.prefix.rstrip("./") == prefix.rstrip("./")]


def _undominated(found: Sequence[Reading]) -> list[Reading]:
    """Without what takes a part of the arrays that another reading takes: a GRU without the biases that are there."""
    names = [frozenset(reading.names) for reading in found]
    return [reading for reading, own in zip(found, names, strict=True) if not any(own < other for other in names)]


def _why_none(
    found: Sequence[Reading], names: Sequence[str], convention: str | None, cell: str | None, prefix: str | None
) -> str:
    asked = [f"--from {convention}" if convention else "", f"--cell {cell}" if cell else ""]
    asked += [f"--prefix {prefix}" if prefix is not None else ""]
    under = f" that fits {' '.join(filter(None, asked))}" if any(asked) else ""
    if not found:
        return f"holds no recurrent module{under}; its arrays are {_listed(names) or 'none'}"
    # Names that fit are nearer than shapes that would.
    whole = [r for r in found if not r.misfit.startswith("it has ")] or list(found)
    reasons = _listed((f"as {r.cell} of {r.convention}{_at(r)}, {r.misfit}" for r in whole), "; ", 3)
    return f"holds no recurrent module{under}: {reasons}"


def _at(reading: Reading) -> str:
    return f" below {reading.prefix.rstrip('./')!r}" if reading.prefix else ""


def _hint(others: Sequence[Reading]) -> str:
    words = dict.fromkeys(f"--from {reading.convention} --cell {reading.cell}" for reading in others)
    return f"; it fits {_listed(words, ' or ', 4)}" if words else ""


def _words(fitting: Sequence[Reading]) -> list[str]:
    """What to add to the command for each reading: no more than tells them apart."""
    several = len({reading.convention for reading in fitting}) > 1
    settings = [settings_of(cell_by_name(reading.cell)) for reading in fitting]
    families = [spelt_out(reading.cell)[0] for reading in fitting]
    words = []
    for reading, own, family in zip(fitting, settings, families, strict=True):
        rivals = [
            other
            for rival, other, kind in zip(fitting, settings, families, strict=True)
            if rival.convention == reading.convention and kind == family
        ]
        keys = [key for key in own if len({other[key] for other in rivals}) > 1]
        options = ":".join(filter(None, (family, ",".join(f"{key}={own[key]}" for key in keys))))
        same = [rival for rival in fitting if rival.convention == reading.convention]
        cell = f"--cell {options}" if len(same) > 1 else ""
        words.append(" ".join(filter(None, (f"--from {reading.convention}" if several else "", cell))))
    return words


def _listed(words: Iterable[str], between: str = ", ", most: int = SHOWN) -> str:
    every = list(words)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return between.join(islice(every, most)) + more
