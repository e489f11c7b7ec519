"""A real system beside grusym: the same arrays and inputs to both, and how far their answers may lie apart.

Tolerances are derived, not chosen: `error_bounds` says for every element what rounding may do to a kernel at these very
values, whatever the order of its sums. Both sides round, so two bounds lie between them: the test of a system fails
where the distance exceeds that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from grusym.conventions.convert import conversion
from grusym.conventions.library import cell_in
from grusym.conventions.packing import numbers
from grusym.equations.cell import Cell
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.lower.ir import Kind
from grusym.lower.lowered import Lowered, lower
from grusym.runtime.kernel import Kernel, build
from grusym.verify.comparison import worst
from grusym.verify.error_bounds import error_bounds
from grusym.verify.problem import Problem

Arrays = dict[str, Any]
BOTH_ROUND = 2  # grusym's kernel and the system's

SIZES = (
    {"T": 1, "B": 1, "I": 1, "H": 1},
    {"T": 3, "B": 2, "I": 4, "H": 5},
    {"T": 4, "B": 3, "I": 2, "H": 1},
    *({name: int(np.random.default_rng((seed, n)).integers(2, 8)) for n, name in enumerate("TBIH")} for seed in (1, 2)),
)


@dataclass(frozen=True)
class System:
    """A real system: the convention that is recorded of it, and how it is run.

    `initial(cell, sizes, dtype, seed)` are the arrays of a new layer, with random biases, by the names that its users
    know. `run(cell, arrays, given, cotangents)` sets arrays into a layer and returns its outputs by grusym's names (y,
    h_n), with gradients (dx, dh0, d and the name of an array) where there are cotangents.
    """

    convention: str
    initial: Callable[[Cell, Mapping[str, int], str, int], Arrays]
    run: Callable[[Cell, Arrays, Arrays, Arrays], Arrays]
    differentiates: bool = True


@cache
def kernel_of(cell: Cell, convention: str, dtype: str, target: str = "numpy") -> Kernel:
    return build(cell, target, dtype, convention)


@cache
def _initial(system: System, cell: Cell, sizes: tuple[tuple[str, int], ...], dtype: str, seed: int) -> Arrays:
    return system.initial(cell, dict(sizes), dtype, seed)


@cache
def lowered_of(cell: Cell | str, convention: str) -> Lowered:
    """Lowered in a convention, which decides what a spelling leaves open."""
    return lower(cell_in(cell, convention), convention)


def random_series(lowered: Lowered, sizes: Mapping[str, int], dtype: str, seed: int) -> tuple[Arrays, Arrays]:
    """What the layer is given (x, h0), and cotangents of what it returns (dy, dh_n)."""
    random = np.random.default_rng((seed, *sizes.values()))
    buffers = [buffer for kernel in (lowered.forward, lowered.backward) for buffer in kernel.of_kind(Kind.INPUT)]
    names = {buffer.name: numbers(buffer.shape, sizes) for buffer in buffers}
    drawn = {name: random.uniform(-1, 1, size=shape).astype(dtype) for name, shape in names.items()}
    cotangents = [buffer.name for buffer in lowered.cotangents]
    return {n: a for n, a in drawn.items() if n not in cotangents}, {n: drawn[n] for n in cotangents}


def random_params(lowered: Lowered, sizes: Mapping[str, int], dtype: str, seed: int) -> Arrays:
    """Parameters in the convention that the cell is lowered in, in [-1, 1]."""
    random, layout = np.random.default_rng((seed, 11)), lowered.layout
    return {
        layout.key(name): random.uniform(-1, 1, size=numbers(shape, sizes)).astype(dtype)
        for name, shape in layout.arrays
    }


def with_random_biases(arrays: Arrays, dtype: str, seed: int) -> Arrays:
    """A system's own initial weights; its biases, which most start at zero, drawn anew."""
    random, found = np.random.default_rng((seed, 7)), {}
    for name, array in arrays.items():
        is_bias = "bias" in name or name.split("/")[-1] == "b"
        drawn = random.uniform(-1, 1, size=np.shape(array)) if is_bias else array
        found[name] = np.ascontiguousarray(drawn, dtype)  # Keras's orthogonal initialiser leaves a transposed view
    return found


def by_grusym(kernel: Kernel, arrays: Arrays, given: Arrays, cotangents: Arrays) -> Arrays:
    """Outputs, and with cotangents gradients, by the names that a system's `run` gives them."""
    cell = kernel.cell
    names = [initial_name(state.name) for state in cell.states]
    tape = kernel.forward(given["x"], {name: given[name] for name in names}, arrays)
    if not cotangents:
        return tape.outputs
    finals = {cotangent_name(final_name(state.name)) for state in cell.states}
    series = {name: array for name, array in cotangents.items() if name not in finals}
    ends = {name: array for name, array in cotangents.items() if name in finals}
    gradients = kernel.backward(tape, series, ends)
    every = {**gradients.outer, **gradients.params}
    return {**tape.outputs, **{f"d{name}": array for name, array in every.items()}}


def tolerances(lowered: Lowered, arrays: Arrays, given: Arrays, cotangents: Arrays, dtype: str) -> Arrays:
    """How far two computations in `dtype` may lie apart, per element of outputs and gradients."""
    layout = lowered.layout
    sizes = dict(zip("TBI", given["x"].shape, strict=True)) | {"H": given["h0"].shape[1]}
    zeros = {buffer.name: np.zeros(numbers(buffer.shape, sizes)) for buffer in lowered.cotangents}
    every = {**zeros, **layout.by_name(arrays), **given, **cotangents}
    exact = {name: np.asarray(array, np.float64) for name, array in every.items()}
    bounds = error_bounds(lowered, Problem(sizes, exact, dtype, 0), dtype)
    keys = {cotangent_name(name): f"d{layout.key(name)}" for name, _ in layout.arrays}
    keys |= {cotangent_name(name): f"d{name}" for name in given}
    return {keys.get(name, name): BOTH_ROUND * bound for name, bound in bounds.items()}


def assert_close(got: Arrays, want: Arrays, tolerance: Arrays, what: str) -> None:
    """That two answers agree, and that the tolerance is small enough to tell wrong ones."""
    assert sorted(got) == sorted(want), f"{what}: {sorted(got)}, not {sorted(want)}"
    for name, array in want.items():
        assert got[name].shape == array.shape, f"{what}: {name} is {got[name].shape}, not {array.shape}"
        assert got[name].dtype == array.dtype, f"{what}: {name} is {got[name].dtype}, not {array.dtype}"
    found = worst(got, want, tolerance)
    assert found.ratio <= 1, f"{what}: {found}"
    assert found.decides, f"{what}: rounding may exceed the answers, so that agreement says nothing: {found}"


def check_arrays_as_they_are(system: System, spelling: str, sizes: Mapping[str, int], dtype: str, seed: int) -> None:
    """grusym's kernel in the system's convention reads the system's arrays, and writes their gradients."""
    lowered = lowered_of(spelling, system.convention)
    arrays = _initial(system, lowered.cell, tuple(sizes.items()), dtype, seed)
    given, cotangents = random_series(lowered, sizes, dtype, seed)
    cotangents = cotangents if system.differentiates else {}
    theirs = system.run(lowered.cell, arrays, given, cotangents)
    ours = by_grusym(kernel_of(lowered.cell, system.convention, dtype, "c"), arrays, given, cotangents)
    assert_close(ours, theirs, tolerances(lowered, arrays, given, cotangents, dtype), f"{system.convention} as it is")


def check_conversion_out(
    system: System, spelling: str, target: str, sizes: Mapping[str, int], dtype: str, seed: int
) -> None:
    """The system's arrays, converted, are those of a kernel that computes the same."""
    lowered = lowered_of(spelling, system.convention)
    arrays = _initial(system, lowered.cell, tuple(sizes.items()), dtype, seed)
    given, _ = random_series(lowered, sizes, dtype, seed)
    done = conversion(arrays, system.convention, target, spelling)
    ours = by_grusym(kernel_of(done.cell, target, dtype), done.params, given, {})
    theirs = system.run(lowered.cell, arrays, given, {})
    assert_close(ours, theirs, tolerances(lowered, arrays, given, {}, dtype), f"{system.convention} to {target}")


def check_conversion_in(
    system: System, spelling: str, origin: str, sizes: Mapping[str, int], dtype: str, seed: int
) -> None:
    """Random parameters of the cell `origin`, converted to the system and set into it, compute the same there."""
    lowered = lowered_of(origin, "own")
    params = random_params(lowered, sizes, dtype, seed)
    given, _ = random_series(lowered, sizes, dtype, seed)
    done = conversion(params, "own", system.convention, origin)
    wanted = lowered_of(spelling, system.convention).cell.spelling
    assert done.cell.spelling == wanted, f"{origin} became {done.cell.spelling}, not {wanted}"
    ours = by_grusym(kernel_of(lowered.cell, "own", dtype), params, given, {})
    theirs = system.run(done.cell, done.params, given, {})
    assert_close(theirs, ours, tolerances(lowered, params, given, {}, dtype), f"{origin} to {system.convention}")
