"""Data for layers, and layers composed by hand of kernels that see no padding."""

import numpy as np

from grusym.conventions.packing import numbers
from grusym.conventions.stacking import Stack, join, split
from grusym.equations.names import cotangent_name, final_name, initial_name

SIZES = {"T": 5, "B": 4, "I": 3, "H": 4, "P": 3, "D": 2, "Q": 2, "K": 3, "L": 2, "C": 3}


class Data:
    """Random arrays for layers: inputs, initial states, parameters, and cotangents on demand."""

    def __init__(self, layers, seed=0, sizes=SIZES):
        self.layers, self.random, cell = layers, np.random.default_rng(seed), layers.cell
        self.sizes = {name: sizes[name] for name in ("T", "B", *(axis.name for axis in cell.axes))}
        self.width = len(layers.ways) if layers.merge == "concat" else 1
        first, series = cell.inputs[0], layers.kernel.lowered.layer.series[0].tensor
        rows = []
        for number in range(layers.layers):
            own = dict(self.sizes)
            if number:
                below = numbers(series.shape, self.sizes)
                given = (self.width * below[0], *below[1:]) if below else ()
                own |= {axis.name: extent for axis, extent in zip(first.axes, given, strict=True)}
            shapes = [(k, numbers(shape, own)) for k, shape in layers.kernel.lowered.layout.arrays]
            key = layers.kernel.lowered.layout.key
            rows.append(tuple({key(k): np.asarray(self.some(*shape) / 2) for k, shape in shapes} for _ in layers.ways))
        self.stack = Stack(tuple(rows), numbered=True)
        self.params = join(self.stack, self.convention, cell)
        lead = (self.sizes["B"], self.sizes["T"]) if layers.batch_first else (self.sizes["T"], self.sizes["B"])
        self.x = {t.name: self.some(*lead, *numbers(t.shape, self.sizes)) for t in cell.inputs}
        runs = (layers.runs, self.sizes["B"])
        self.h0 = {initial_name(s.name): self.some(*runs, *numbers(s.tensor.shape, self.sizes)) for s in cell.states}

    @property
    def convention(self):
        return self.layers.kernel.lowered.layout.convention

    def some(self, *shape):
        return np.asarray(self.random.uniform(-1, 1, shape), self.layers.kernel.dtype)

    def cotangents(self, tape):
        """dy and dh_n for a tape."""
        finals = [final_name(state.name) for state in self.layers.cell.states]
        dy = {cotangent_name(k): self.some(*a.shape) for k, a in tape.outputs.items() if k not in finals}
        return dy, {cotangent_name(name): self.some(*tape.outputs[name].shape) for name in finals}


def by_hand(data, dropout=None):
    """Outputs of all layers without masks, time first, and what `gradients_by_hand` needs: kernels one by one."""
    layers = data.layers
    kernel, cell, ways = layers.kernel, layers.cell, layers.ways
    first, top = cell.inputs[0].name, kernel.lowered.layer.series[0].name
    x, tapes, run = dict(data.x), [], 0
    for number, row in enumerate(split(data.params, data.convention, cell).layers):
        parts = []
        for way, params in zip(ways, row, strict=True):
            turn = slice(None, None, -1) if way == "reverse" else slice(None)
            given = {name: np.ascontiguousarray(array[turn]) for name, array in x.items()}
            states = {name: array[run] for name, array in data.h0.items()}
            tapes.append(kernel.forward(given, states, {k: np.ascontiguousarray(a) for k, a in params.items()}))
            parts.append(tapes[-1].outputs[top][turn])
            run += 1
        y = parts[0] if len(parts) == 1 else np.concatenate(parts, 2) if layers.merge == "concat" else sum(parts)
        if number + 1 < layers.layers:
            x[first] = y if dropout is None else y * dropout[number]
    finals = {final_name(s.name): np.stack([t.outputs[final_name(s.name)] for t in tapes]) for s in cell.states}
    return {top: y, **finals}, tapes


def gradients_by_hand(data, tapes, dy, dfinals, dropout=None):
    """Gradients of the first input, the initial states and the parameters, by layer and direction."""
    layers = data.layers
    kernel, cell, ways = layers.kernel, layers.cell, layers.ways
    first, top = cell.inputs[0].name, cotangent_name(kernel.lowered.layer.series[0].name)
    params, states, width = [], [], dy[top].shape[2] // data.width
    dy = dy[top]
    for number in reversed(range(layers.layers)):
        dx, row = 0, []
        for place, way in reversed(list(enumerate(ways))):
            turn = slice(None, None, -1) if way == "reverse" else slice(None)
            own = dy[:, :, width * place :][:, :, :width] if data.width > 1 else dy
            run = number * len(ways) + place
            ends = {name: array[run] for name, array in dfinals.items()}
            found = kernel.backward(tapes[run], {top: np.ascontiguousarray(own[turn])}, ends)
            dx = dx + found.outer[first][turn]
            row.insert(0, found.params)
            states.insert(0, found.outer)
        params.insert(0, tuple(row))
        dy = dx * dropout[number - 1] if number and dropout is not None else dx
    initial = [initial_name(state.name) for state in cell.states]
    found = {first: dx} | {name: np.stack([outer[name] for outer in states]) for name in initial}
    return found, join(Stack(tuple(params), numbered=True), data.convention, cell)


def close(got, want, tolerance, name=""):
    """Within the tolerance, relative to the largest element of what is wanted."""
    assert got.shape == want.shape, f"{name}: {got.shape} is not {want.shape}"
    assert got.dtype == want.dtype, f"{name}: {got.dtype} is not {want.dtype}"
    limit = tolerance * np.abs(want).max(initial=0)
    assert (np.abs(got - want) <= limit).all(), f"{name}: off by {np.abs(got - want).max():.2e}, {limit:.2e} is allowed"


def all_close(got, want, tolerance):
    assert set(got) == set(want)
    for name, array in want.items():
        close(got[name], array, tolerance, name)
