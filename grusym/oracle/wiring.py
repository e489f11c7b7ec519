"""How the steps of a layer hang together: which input and which state each reads, and where its result goes.

Most mistakes in time and batch are a wrong wire, and their gradients run along the same wires backwards.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

NOTHING = -1  # reads zero, or goes nowhere


@dataclass(frozen=True)
class Wiring:
    """Steps (k, b) in the order in which they run; inputs are numbered t * B + b.

    States are numbered too: b for the initial ones, B + k * B + b for those that steps leave. `x` and `h` (T, B) say
    what each step reads, `y` (T, B) and `final` (B,) which states are returned.
    """

    x: Any
    h: Any
    y: Any
    final: Any

    @property
    def levels(self) -> list[Any]:
        """The steps, numbered k * B + b, in groups that need only what groups before them left."""
        count, batch = self.h.size, len(self.final)
        read = np.where(self.h.reshape(-1) >= batch, self.h.reshape(-1) - batch, NOTHING)
        depth = np.zeros(count, dtype=int)
        for _ in range(count):
            deeper = np.where(read >= 0, depth[read] + 1, 0)
            if np.array_equal(deeper, depth):
                break
            depth = deeper
        return [np.flatnonzero(depth == n) for n in range(int(depth.max(initial=-1)) + 1)]


def numbered(steps: int, batch: int) -> Any:
    """The inputs' numbers, (T, B)."""
    return np.arange(steps * batch).reshape(steps, batch)


def wired(steps: int, batch: int, lengths: Any = None, backwards: bool = False) -> Wiring:
    """How a layer is to be wired: over `lengths` (B,), from the last step to the first if `backwards`.

    Past the length of a sequence the state stands still and the series is zero.
    """
    ends = np.full(batch, steps) if lengths is None else np.asarray(lengths)
    own = numbered(steps, batch)
    time, sample = np.indices((steps, batch))
    inside = time < ends
    mirrored = np.where(inside, (ends - 1 - time) * batch + sample, own) if backwards else own
    before = np.concatenate([np.arange(batch)[None], batch + own])
    return Wiring(mirrored, before[:-1], np.where(inside, batch + mirrored, NOTHING), before[ends, np.arange(batch)])
