"""What the systems on JAX share: outputs and gradients of a function of arrays by name, compiled once per shapes."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Arrays = dict[str, Any]
Compute = Callable[[Arrays], Arrays]


def by_jax(compute: Compute, arrays: Arrays, given: Arrays, cotangents: Arrays) -> Arrays:
    """What `compute` makes of all arrays, and with cotangents (dy of y) the gradient of every array (dx of x)."""
    import jax

    leaves = {**arrays, **given}
    shapes = {f"d{name}": output for name, output in jax.eval_shape(compute, leaves).items()}
    # Also where no gradient is asked for: what takes the time is compiling, and this way it is done once.
    given_back = cotangents or {name: np.zeros(output.shape, output.dtype) for name, output in shapes.items()}
    outputs, gradients = _compiled(compute)(leaves, given_back)
    named = {f"d{name}": gradient for name, gradient in _plain(gradients).items()}
    return _plain(outputs) | (named if cotangents else {})


@cache
def _compiled(compute: Compute) -> Any:
    import jax

    def both(leaves: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
        outputs, pullback = jax.vjp(compute, leaves)
        return outputs, pullback({name: cotangents[f"d{name}"] for name in outputs})[0]

    return jax.jit(both)


def _plain(arrays: Arrays) -> Arrays:
    return {name: np.asarray(array) for name, array in arrays.items()}
