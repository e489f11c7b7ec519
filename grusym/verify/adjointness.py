"""The adjoint test: <g, JVP v> = <VJP g, v>, with the JVP from forward mode, which knows nothing of reverse mode."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from grusym.calculus.forward import tangent_cell
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.names import cotangent_name, final_name, initial_name, tangent_name
from grusym.verify.layer_values import arguments, layer_values


def directions(cell: Cell, arrays: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """A random v for every input, initial state and parameter, by their names."""
    random = np.random.default_rng((seed, 2))
    return {name: random.normal(size=np.shape(arrays[name])) for name in arguments(cell)}


def along(cell: Cell, sizes: Mapping[str, int], arrays: Mapping[str, Any], v: Mapping[str, Any]) -> tuple[float, float]:
    """<g, JVP v>, and the sum of the magnitudes of its terms."""
    outer = [initial_name(state.name) for state in cell.states]
    tangents = {tangent_name(name): direction for name, direction in v.items() if name not in outer}
    tangents |= {initial_name(tangent_name(s.name)): v[initial_name(s.name)] for s in cell.states}
    lanes = {name: np.asarray(array) for name, array in {**arrays, **tangents}.items()}
    for tensor in cell.parameters:
        for name in (tensor.name, tangent_name(tensor.name)):
            lanes[name] = lanes[name][None]
    outputs = layer_values(tangent_cell(cell), sizes, lanes)
    pairs = [(tangent_name(s.name), cotangent_name(s.name)) for s in Layer(cell).series]
    pairs += [(final_name(tangent_name(s.name)), cotangent_name(final_name(s.name))) for s in cell.states]
    terms = [outputs[tangent] * arrays[cotangent] for tangent, cotangent in pairs]
    return sum(float(term.sum()) for term in terms), sum(float(np.abs(term).sum()) for term in terms)
