"""A layer as a parallel scan: coefficients of all steps at once, then log2(T) rounds over whole arrays.

With the initial state in the first term, h'[t] = a[t] h'[t-1] + c[t] reads zero before the first step, and so does
every composition that reaches there. After n rounds, term t holds the composition of the last 2^n steps up to t
(Hillis and Steele 1986). The adjoint of the recurrence is one like it, backwards in time.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grusym.calculus.scan import scannable
from grusym.equations.axis import BATCH, TIME
from grusym.equations.cell import Cell
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.lower.lowered import Lowered, lower
from grusym.runtime.tape import Arrays


def scan(factors: Any, terms: Any, initial: Any) -> Any:
    """The states before every step and after the last, (T + 1, B, ...), of h'[t] = factors[t] h[t] + terms[t].

    >>> scan(np.full((3, 1), 0.5), np.ones((3, 1)), np.array([4.0]))[:, 0]
    array([4.  , 3.  , 2.5 , 2.25])
    """
    reached, states = factors.copy(), np.empty((len(terms) + 1, *terms.shape[1:]), terms.dtype)
    states[0], states[1:] = initial, terms
    ends = states[1:]
    ends[:1] += reached[:1] * initial  # none where there is no step
    step = 1
    while step < len(ends):
        ends[step:] += reached[step:] * ends[:-step]
        reached[step:] *= reached[:-step]
        step *= 2
    return states


class Scan:
    """What runs a cell as a scan, on arrays that were checked; `backend` makes what runs the cells it is made of."""

    def __init__(self, lowered: Lowered, backend: Callable[[Lowered], Any]):
        parts = scannable(lowered.cell)
        self.lowered, self.parts = lowered, parts
        cells = {"coefficients": parts.coefficients, "readout": parts.readout}
        self.cells: dict[str, Cell] = {name: cell for name, cell in cells.items() if cell is not None}
        self.backends = {name: backend(lower(cell)) for name, cell in self.cells.items()}

    def pack(self, sizes: Mapping[str, int], params: Mapping[str, Any]) -> Any:
        """The parameters of each part, packed as its kernel takes them."""
        tensors = {n: np.array(array, order="C") for n, array in self.lowered.layout.unpack(params, sizes).items()}
        return {
            name: self.backends[name].pack(sizes, {tensor.name: tensors[tensor.name] for tensor in cell.parameters})
            for name, cell in self.cells.items()
        }

    def forward(self, sizes: Mapping[str, int], given: Arrays, packed: Any, saving: bool) -> tuple[Arrays, Any]:
        """Outputs by name, and what backward needs (None unless `saving`)."""
        found, saved = {}, {}
        values, saved["coefficients"] = self._forward("coefficients", sizes, given, packed, saving)
        states = {}
        for state in self.parts.cell.states:
            factors, terms = (values[named[state.name]] for named in (self.parts.factors, self.parts.terms))
            states[state.name] = scan(factors, terms, given[initial_name(state.name)])
            saved[state.name] = (factors, states[state.name])
            found[final_name(state.name)] = states[state.name][-1].copy()
        if "readout" in self.cells:
            before = {name: trajectory[:-1] for name, trajectory in states.items()}
            outputs, saved["readout"] = self._forward("readout", sizes, given | before, packed, saving)
            found |= outputs
        else:
            found |= {s.name: states[self.parts.cell.states[0].name][1:].copy() for s in self.lowered.layer.series}
        return found, saved if saving else None

    def backward(self, sizes: Mapping[str, int], given: Arrays, packed: Any, saved: Any) -> Arrays:
        """Gradients by name, for inputs and cotangents in `given`."""
        states = self.parts.cell.states
        arriving = {s.name: np.zeros_like(saved[s.name][1]) for s in states}  # at every state, first and last included
        totals: Arrays = {}
        if "readout" in self.cells:
            before = {state.name: saved[state.name][1][:-1] for state in states}
            results = self._backward("readout", sizes, given | before, packed, saved["readout"])
            for state in states:
                arriving[state.name][:-1] = results.pop(cotangent_name(state.name))
            _add(totals, results)
        else:
            (series,) = self.lowered.layer.series
            arriving[states[0].name][1:] = given[cotangent_name(series.name)]
        found: Arrays = {}
        for state in states:
            factors, trajectory = saved[state.name]
            cotangents = arriving[state.name]
            cotangents[-1] += given[cotangent_name(final_name(state.name))]
            # g[t] = cotangents[t] + a[t] g[t+1], from the last state to the first.
            sums = scan(factors[::-1], cotangents[-2::-1], cotangents[-1])[::-1]
            found[cotangent_name(initial_name(state.name))] = sums[0].copy()
            given = given | {
                cotangent_name(self.parts.factors[state.name]): sums[1:] * trajectory[:-1],
                cotangent_name(self.parts.terms[state.name]): sums[1:],
            }
        _add(totals, self._backward("coefficients", sizes, given, packed, saved["coefficients"]))
        return found | self._gathered(totals, sizes)

    def _gathered(self, totals: Arrays, sizes: Mapping[str, int]) -> Arrays:
        """Gradients of inputs as they are, and those of parameters packed as the layout has the parameters."""
        layout, cell = self.lowered.layout, self.parts.cell
        found = {cotangent_name(tensor.name): totals[cotangent_name(tensor.name)] for tensor in cell.inputs}
        if cell.parameters:
            packed = layout.pack({t.name: totals[cotangent_name(t.name)] for t in cell.parameters}, sizes)
            found |= {cotangent_name(name): array for name, array in packed.items()}
        return found

    def _forward(
        self, part: str, sizes: Mapping[str, int], given: Arrays, packed: Any, saving: bool
    ) -> tuple[Arrays, Any]:
        outputs, saved = self.backends[part].forward(
            self._one_step(sizes), self._flat([t.name for t in self.cells[part].inputs], given), packed[part], saving
        )
        return {name: self._over_time(array, sizes) for name, array in outputs.items()}, saved

    def _backward(self, part: str, sizes: Mapping[str, int], given: Arrays, packed: Any, saved: Any) -> Arrays:
        """Gradients of a part's inputs and parameters, by name; a tensor that it does not read is not among them."""
        cell = self.cells[part]
        names = [tensor.name for tensor in cell.inputs] + [cotangent_name(tensor.name) for tensor in cell.outputs]
        results = self.backends[part].backward(self._one_step(sizes), self._flat(names, given), packed[part], saved)
        inputs = {cotangent_name(tensor.name) for tensor in cell.inputs}
        return {n: self._over_time(array, sizes) if n in inputs else array for n, array in results.items()}

    def _one_step(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """All steps of all samples as the samples of one step: they do not read each other."""
        time, batch = TIME.name, BATCH.name
        return {**sizes, time: 1, batch: sizes[time] * sizes[batch]}

    def _flat(self, names: list[str], given: Arrays) -> Arrays:
        arrays = {name: np.ascontiguousarray(given[name]) for name in names}
        return {name: array.reshape(1, -1, *array.shape[2:]) for name, array in arrays.items()}

    def _over_time(self, array: Any, sizes: Mapping[str, int]) -> Any:
        return array.reshape(sizes[TIME.name], sizes[BATCH.name], *array.shape[2:])


def _add(totals: Arrays, more: Arrays) -> None:
    for name, array in more.items():
        totals[name] = totals[name] + array if name in totals else array
