"""A run of one direction: the states that every step leaves, and what is returned of them."""

from typing import Any

import numpy as np

from grusym.equations.layer import Layer, Series
from grusym.oracle.engine import Engine, Slopes
from grusym.oracle.pools import at, pool, put, with_zero, writable
from grusym.oracle.program import Strand

Pair = tuple[Any, Any]  # value and bound
Predicted = dict[str, Pair]


class StrandRun:
    """The states are numbered as in `grusym.oracle.wiring`; `saved` and `slopes` are what gradients have asked for."""

    def __init__(self, strand: Strand, engine: Engine):
        self.strand, self.engine, self.cell = strand, engine, strand.cell
        self.steps, self.batch = strand.wiring.x.shape
        self.count = self.steps * self.batch
        self.x, self.h = strand.wiring.x.reshape(-1), strand.wiring.h.reshape(-1)
        self.sizes = _sizes(strand)
        self.given = {name: engine.exactly(array) for name, array in strand.tensors.items()}
        self.rows = {
            name: engine.exactly(with_zero(array.reshape(self.count, *array.shape[2:])))
            for name, array in strand.inputs.items()
        }
        self.states: dict[str, Any] = {}
        for state in self.cell.states:
            first = strand.initial[strand.ties.get(state.name, state.name)]
            whole = np.zeros((self.batch + self.count + 1, *first.shape[1:]))
            whole[: self.batch] = first
            self.states[state.name] = writable(engine.exactly(whole))
        self.levels = strand.wiring.levels
        self.series: dict[str, Any] = {}
        self.saved: dict[Any, dict[str, Any]] = {}
        self.slopes: dict[Any, Slopes] = {}
        for level in self.levels:
            self._advance(level)

    def values(self, nodes: Any) -> dict[str, Any]:
        """The values of every tensor at steps, numbered k * B + b."""
        apart = self.strand.apart
        given = {name: at(number, nodes % self.batch) for name, number in self.given.items()} if apart else self.given
        given = dict(given)
        given |= {name: at(number, self.x[nodes]) for name, number in self.rows.items()}
        given |= {name: at(number, self.h[nodes]) for name, number in self.states.items()}
        return self.engine.step(self.cell, {**self.sizes, "B": len(nodes)}, given, apart)

    def _advance(self, nodes: Any) -> None:
        values = self.values(nodes)
        for state in self.cell.states:
            put(self.states[state.name], self.batch + nodes, self.engine.settled(values[state.update.name]))
        for series in Layer(self.cell).series:
            number = self.engine.settled(values[series.tensor.name])
            if series.name not in self.series:
                self.series[series.name] = pool(self.engine, self.batch + self.count, number.shape[1:])
            put(self.series[series.name], self.batch + nodes, number)

    def outputs(self) -> Predicted:
        """The series (T, B, ...) and the final states (B, ...)."""
        found: Predicted = {}
        updates = {state.update.name: state.name for state in self.cell.states}
        for series in Layer(self.cell).series:
            left = updates.get(series.tensor.name)
            number = self.states[left] if left else self._series(series)
            found[f"series {series.name}"] = self.pair(at(number, self.strand.wiring.y))
        for state in self.cell.states:
            if state.name not in self.strand.ties:
                found[f"final {state.name}"] = self.pair(at(self.states[state.name], self.strand.wiring.final))
        return found

    def _series(self, series: Series) -> Any:
        if series.name not in self.series:  # no step at all
            return pool(self.engine, self.batch, self.strand.dy[series.name].shape[2:])
        return self.series[series.name]

    def pair(self, number: Any) -> Pair:
        """A number as its value and its bound."""
        value = np.broadcast_to(np.asarray(number.value, dtype=np.float64), number.shape)
        return value, np.broadcast_to(self.engine.arithmetic.error(number), number.shape)


def _sizes(strand: Strand) -> dict[str, int]:
    sizes: dict[str, int] = {"T": 1, "B": 1}
    known = strand.cell.tensors
    for tensors, lead in ((strand.tensors, int(strand.apart)), (strand.inputs, 2), (strand.initial, 1)):
        for name, array in tensors.items():
            for axis, extent in zip(known[name].axes, array.shape[lead:], strict=True):
                sizes[axis.name] = extent
    return sizes
