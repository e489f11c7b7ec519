"""What converting did to the tensors of a cell, told from the tensors: kept, negated, added up, filled with zeros."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from grusym.conventions.convert import Conversion


@dataclass(frozen=True)
class Changes:
    """Tensors of the cell by what became of them in any layer; where none is `summed`, every bit is kept or negated."""

    negated: tuple[str, ...]
    summed: tuple[str, ...]
    zeros: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return not self.summed


def changes(parts: Iterable[Conversion]) -> Changes:
    """What became of the tensors of all layers and directions.

    >>> import numpy as np
    >>> one = {"W_z": np.ones((1, 1)), "b_n": np.ones(1), "c_n": np.full(1, 0.5)}
    >>> other = {"W_z": -np.ones((1, 1)), "b_n": np.full(1, 1.5)}
    >>> changes([Conversion({}, None, None, {}, one, other)])
    Changes(negated=('W_z',), summed=('b_n',), zeros=(), gone=('c_n',))
    """
    fates: dict[str, dict[str, None]] = {"negated": {}, "summed": {}, "zeros": {}, "gone": {}}
    for part in parts:
        for name in dict.fromkeys((*part.after, *part.before)):
            fate = _fate(name, part.before, part.after)
            if fate:
                fates[fate][name] = None
    return Changes(**{fate: tuple(names) for fate, names in fates.items()})


def _fate(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if name not in after:
        return "gone"
    bits = after[name].tobytes()
    if name in before:
        if bits == before[name].tobytes():
            return ""
        if bits == (-before[name]).tobytes():
            return "negated"
    return "zeros" if not after[name].any() else "summed"
