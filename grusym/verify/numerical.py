"""Gradients by the complex step: the derivative of f at x along v is Im f(x + i h v) / h.

No difference is taken, so that h can be 1e-30 and every digit holds (Squire and Trapp, SIAM Review 40, 1998). All
elements of a small problem are judged, each in a lane of its own; of a large one, a random choice.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.names import cotangent_name, final_name
from grusym.verify.layer_values import arguments, layer_values

STEP = 1e-30
LANES = 128  # elements at a time
MOST = 1024  # elements of one problem
LEAST = 8  # of one tensor, as far as it has them: what is judged nowhere decides nothing


def numerical_gradients(cell: Cell, sizes: Mapping[str, int], arrays: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The gradients of <dy, y> + <dh_n, h_n> by the names dx, dh0, dW_r, ...; NaN where an element was not judged.

    `arrays` holds inputs (T, B, ...), initial states (B, ...), parameters by their names in the equations, and the
    cotangents.
    """
    names = arguments(cell)
    elements = _judged({name: np.size(arrays[name]) for name in names}, seed)
    gradients = {name: np.full(np.shape(arrays[name]), np.nan) for name in names}
    for start in range(0, len(elements), LANES):
        block = elements[start : start + LANES]
        slopes = _slopes(cell, sizes, arrays, block)
        for (name, index), slope in zip(block, slopes, strict=True):
            gradients[name].flat[index] = slope
    return {cotangent_name(name): gradient for name, gradient in gradients.items()}


def _judged(counts: Mapping[str, int], seed: int) -> list[tuple[str, int]]:
    """The elements of tensors with so many elements that are judged: all, or a random choice with some of each."""
    if sum(counts.values()) <= MOST:
        return [(name, index) for name, count in counts.items() for index in range(count)]
    random = np.random.default_rng(seed)
    some = {name: random.permutation(count) for name, count in counts.items()}
    chosen = [(name, int(index)) for name, order in some.items() for index in order[:LEAST]]
    others = [(name, int(index)) for name, order in some.items() for index in order[LEAST:]]
    rest = random.permutation(len(others))[: max(0, MOST - len(chosen))]
    return sorted(chosen + [others[number] for number in rest])


def _slopes(cell: Cell, sizes: Mapping[str, int], arrays: Mapping[str, Any], block: list[tuple[str, int]]) -> Any:
    lanes, inputs = len(block), {tensor.name for tensor in cell.inputs}
    stacked = {}
    for name in arguments(cell):
        copies = np.repeat(np.asarray(arrays[name], dtype=np.complex128)[None], lanes, axis=0)
        for lane, (tensor, index) in enumerate(block):
            if tensor == name:
                copies[lane, ...].flat[index] += STEP * 1j  # ...: a view, of a scalar parameter too
        if name in inputs:  # (lanes, T, B, ...) to (T, lanes*B, ...)
            copies = np.moveaxis(copies, 0, 1)
            copies = copies.reshape(copies.shape[0], -1, *copies.shape[3:])
        elif name not in {tensor.name for tensor in cell.parameters}:
            copies = copies.reshape(-1, *copies.shape[2:])
        stacked[name] = copies
    outputs = layer_values(cell, sizes, stacked, lanes)
    slopes = np.zeros(lanes)
    for series in Layer(cell).series:
        value = outputs[series.name].imag
        value = value.reshape(value.shape[0], lanes, -1)
        weight = np.asarray(arrays[cotangent_name(series.name)]).reshape(value.shape[0], 1, -1)
        slopes += (weight * value).sum(axis=(0, 2))
    for state in cell.states:
        value = outputs[final_name(state.name)].imag.reshape(lanes, -1)
        slopes += (value * arrays[cotangent_name(final_name(state.name))].reshape(1, -1)).sum(axis=1)
    return slopes / STEP
