"""Random parameters of stacks, named as a system names them, and comparing them bit by bit."""

from collections.abc import Mapping

import numpy as np

from grusym.conventions.library import cell_in, layout_of
from grusym.conventions.packing import numbers
from grusym.conventions.stacking import Stack, join, naming_of


def random_stack(
    convention: str,
    cell: str = "gru",
    layers: int = 1,
    directions: int = 1,
    dtype: type = np.float64,
    seed: int = 0,
    widths: tuple[int, ...] | None = None,
    hidden: int = 3,
) -> Stack:
    """Layers that fit onto each other: the first takes 3 inputs, a projection has 2 units."""
    random = np.random.default_rng(seed)
    found = cell_in(cell, convention)
    layout = layout_of(found, convention)
    sizes = {axis.name: 2 for axis in found.axes} | {"H": hidden, "P": 2}
    output = sizes[str(found.states[0].tensor.shape[0])]
    inputs = widths or (3, *(output * directions for _ in range(1, layers)))

    def arrays(width: int) -> dict[str, np.ndarray]:
        own = sizes | {"I": width}
        tensors = {t.name: random.normal(size=numbers(t.shape, own)).astype(dtype) for t in found.parameters}
        return layout.keyed(layout.pack(tensors, own))

    stack = tuple(tuple(arrays(width) for _ in range(directions)) for width in inputs)
    return Stack(stack, naming_of(convention).numbers_one)


def random_params(convention: str, cell: str = "gru", *given, **named) -> dict[str, np.ndarray]:
    return join(random_stack(convention, cell, *given, **named), convention, cell)


def same_arrays(got: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> None:
    assert sorted(got) == sorted(wanted)
    for name, array in wanted.items():
        assert (got[name].shape, got[name].dtype) == (array.shape, array.dtype), name
        assert got[name].tobytes() == array.tobytes(), name
