"""What the systems on JAX share: outputs and gradients of a function of arrays by name, compiled once per shapes."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Arrays = dict[str, Any]
Compute = Callable[[Arrays], Arrays]


def by_jax(compute: Compute, arrays: Arrays, given: Arrays, cotangents: Arrays) -> Arrays:
    """What `compute` makes of all arrays, and with cotangents (dy of y) the gradient of every array (dx of x)."""
    forward, both = _compiled(compute)
    leaves = {**arrays, **given}
    if not cotangents:
        return _plain(forward(leaves))
    outputs, gradients = both(leaves, cotangents)
    return _plain(outputs) | {f"d{name}": gradient for name, gradient in _plain(gradients).items()}


@cache
def _compiled(compute: Compute) -> tuple[Any, Any]:
    import jax

    def both(leaves: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
        outputs, pullback = jax.vjp(compute, leaves)
        return outputs, pullback({name: cotangents[f"d{name}"] for name in outputs})[0]

    return jax.jit(compute), jax.jit(both)


def _plain(arrays: Arrays) -> Arrays:
    return {name: np.asarray(array) for name, array in arrays.items()}
