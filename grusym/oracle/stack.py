"""Programs of the same equations run as one: their samples side by side, each with parameters of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from grusym.oracle.case import Arrays
from grusym.oracle.engine import QUICK
from grusym.oracle.predict import predicted
from grusym.oracle.program import Program, Strand
from grusym.oracle.wiring import NOTHING, Wiring

MOST = 128  # programs at once, so that arrays stay small


def values_of(programs: Sequence[Program]) -> list[Arrays]:
    """What each of these programs on one case returns, in plain float64."""
    found: dict[int, Arrays] = {}
    for numbers in _groups(programs):
        together = [programs[number] for number in numbers]
        found |= zip(numbers, _run(together), strict=True)
    return [found[number] for number in range(len(programs))]


def _groups(programs: Sequence[Program]) -> Iterator[list[int]]:
    """The numbers of programs with the same equations, not too many at once."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, program in enumerate(programs):
        groups.setdefault(tuple(id(strand.cell) for strand in program.strands), []).append(number)
    for numbers in groups.values():
        yield from (numbers[start : start + MOST] for start in range(0, len(numbers), MOST))


def _run(programs: Sequence[Program]) -> Iterator[Arrays]:
    strands = zip(*(program.strands for program in programs), strict=True)
    stack = replace(programs[0], strands=tuple(_beside(list(way)) for way in strands), orders={})
    whole = {name: value for name, (value, _) in predicted(stack, QUICK).items()}
    batch = programs[0].case.batch
    for number, program in enumerate(programs):
        own = slice(number * batch, (number + 1) * batch)
        found = {}
        for name, array in whole.items():
            samples = 0 if name.startswith("final") and len(program.strands) == 1 else 1
            value = array[(slice(None),) * samples + (own,)]
            order = program.orders.get(name)
            found[name] = value if order is None else value.reshape(-1)[order].reshape(value.shape)
        yield found


def _beside(strands: list[Strand]) -> Strand:
    """One strand with the samples of the first, then those of the second, and so on."""
    first, batch = strands[0], len(strands[0].wiring.final)

    def numbered(number: int, rows: Any) -> Any:
        row, sample = np.divmod(rows, batch)
        return np.where(rows < 0, NOTHING, row * batch * len(strands) + number * batch + sample)

    def wires(part: Callable[[Wiring], Any]) -> Any:
        return np.concatenate([numbered(n, part(strand.wiring)) for n, strand in enumerate(strands)], axis=-1)

    starts = dict.fromkeys(first.ties.get(state.name, state.name) for state in first.cell.states)
    return replace(
        first,
        tensors={
            name: np.repeat(np.stack([strand.tensors[name] for strand in strands]), batch, axis=0)
            for name in first.tensors
        },
        inputs={name: np.concatenate([s.inputs[name] for s in strands], axis=1) for name in first.inputs},
        initial={name: np.concatenate([s.initial[name] for s in strands]) for name in starts},
        wiring=Wiring(
            wires(lambda wiring: wiring.x),
            wires(lambda wiring: wiring.h),
            wires(lambda wiring: wiring.y),
            wires(lambda wiring: wiring.final),
        ),
        apart=True,
    )
