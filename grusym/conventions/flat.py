"""One vector for all arrays: raveling them in a system's order, and taking the vector apart again.

A vector does not say how its length came about, so that it needs the sizes of the cell to be taken apart.
"""

from collections.abc import Mapping
from typing import Any

from sympy import Add, Expr, Mul, Poly

from grusym.conventions.packing import Layout, numbers
from grusym.conventions.record import Flat
from grusym.errors import InputError

MOST = 6  # pairs of sizes that a refusal lists


def raveled(arrays: Mapping[str, Any], flat: Flat) -> dict[str, Any]:
    """The vector of a single layer, by its name; arrays that the cell lacks are left out.

    >>> import numpy as np
    >>> flat = Flat("parameters", (("W", "U"), ("b",)))
    >>> raveled({"b": np.array([5.0]), "U": np.eye(1), "W": np.array([[2.0, 3.0]])}, flat)
    {'parameters': array([2., 3., 1., 5.])}
    """
    import numpy as np

    return {flat.name: np.concatenate([arrays[name].ravel() for name in flat.order if name in arrays])}


def unraveled(params: Mapping[str, Any], flat: Flat, layout: Layout, sizes: Mapping[str, int] | None) -> dict[str, Any]:
    """The arrays of a layout, as views of the vector of a single layer.

    Raises InputError where there are no sizes, or the vector has not the length that follows from them.
    """
    if set(params) != {flat.name}:
        raise InputError(
            f"convention {layout.convention} has one vector, {flat.name}, "
            f"not {', '.join(map(str, params)) or 'nothing'}"
        )
    vector = params[flat.name]
    shapes = {layout.key(name): shape for name, shape in layout.arrays}
    total = Add(*(Mul(*shape) for shape in shapes.values()))
    symbols = sorted(symbol.name for symbol in total.free_symbols)
    if vector.ndim != 1:
        raise InputError(f"{flat.name} has shape {vector.shape}, but ({total.factor()},) is wanted")
    if sizes is None or any(symbol not in sizes for symbol in symbols):
        keys = ", ".join(f'"{symbol}": ...' for symbol in symbols)
        raise InputError(
            f"{flat.name} is a vector of {len(vector)} elements, which do not say how large the cell is"
            f"{_candidates(total, len(vector))}; give sizes={{{keys}}}"
        )
    (wanted,) = numbers((total,), sizes)
    if wanted != len(vector):
        given = ", ".join(f"{symbol} = {sizes[symbol]}" for symbol in symbols)
        raise InputError(
            f"{flat.name} has {len(vector)} elements, but {total.factor()} = {wanted} are wanted for {given}"
            f"{_candidates(total, len(vector))}"
        )
    found, start = {}, 0
    for name in (name for name in flat.order if name in shapes):
        shape = numbers(shapes[name], sizes)
        (length,) = numbers((Mul(*shapes[name]),), sizes)
        found[name] = vector[start : start + length].reshape(shape)
        start += length
    return found


def _candidates(total: Expr, length: int) -> str:
    """The sizes for which a vector would have this length, where they are few."""
    symbols = {symbol.name: symbol for symbol in total.free_symbols}
    if set(symbols) != {"H", "I"}:
        return ""
    terms = [(*powers, int(factor)) for powers, factor in Poly(total, symbols["I"], symbols["H"]).terms()]
    fitting = []
    for hidden in range(1, length + 1):
        rest = length - sum(factor * hidden**power for widths, power, factor in terms if not widths)
        slope = sum(factor * hidden**power for widths, power, factor in terms if widths)
        if rest < slope:
            break
        if rest % slope == 0:
            fitting.append(f"I = {rest // slope}, H = {hidden}")
    if len(fitting) > MOST:
        return f"; {len(fitting)} pairs of I and H fit that length"
    return f"; that fits {' or '.join(fitting)}" if fitting else "; no sizes fit that length"
