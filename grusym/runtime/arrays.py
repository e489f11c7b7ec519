"""Arrays that callers pass: sizes are read off them, and what does not fit is refused with its name and both shapes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sympy import Symbol

from grusym.conventions.packing import numbers, solve
from grusym.equations.condition import Condition, unmet
from grusym.errors import InputError
from grusym.lower.ir import Buffer


def named(what: str, value: Any, names: Sequence[str], optional: bool = False) -> dict[str, Any]:
    """Several arrays by name: a mapping as it is, a tuple in order, a single array where one is wanted.

    With `optional`, None stands for none of them. Raises InputError where names or number do not fit.
    """
    if value is None and optional:
        return {}
    if isinstance(value, Mapping):
        unknown = sorted(set(value) - set(names))
        if unknown:
            raise InputError(f"{what} has no {', '.join(unknown)}; it consists of {', '.join(names)}")
        return {name: array for name, array in value.items() if array is not None}
    # A list is no group of arrays where one is wanted: more likely it is meant as the array.
    grouped = isinstance(value, tuple) or (isinstance(value, list) and len(names) > 1)
    values = list(value) if grouped else [value]
    if len(values) != len(names):
        raise InputError(f"{what} consists of {', '.join(names)}: {len(names)} array(s), not {len(values)}")
    return {name: array for name, array in zip(names, values, strict=True) if array is not None}


def read_sizes(buffers: Iterable[Buffer], arrays: Mapping[str, Any], dtype: str) -> dict[str, int]:
    """The sizes that these arrays have, by symbol.

    Raises InputError for what is not an array, has another dtype, is not contiguous in row-major order, or has a shape
    that contradicts the others.
    """
    sizes: dict[str, int] = {}
    origin: dict[str, str] = {}
    present = [buffer for buffer in buffers if buffer.name in arrays]
    for buffer in present:
        array = arrays[buffer.name]
        check_array(buffer.name, array, dtype)
        if array.ndim != len(buffer.shape):
            raise InputError(f"{buffer.name} has shape {array.shape}, but {buffer.shape} is wanted")
        for extent, number in zip(buffer.shape, array.shape, strict=True):
            if isinstance(extent, Symbol) and sizes.setdefault(extent.name, number) != number:
                raise InputError(
                    f"{buffer.name} {buffer.shape} has shape {array.shape}, so {extent} would be {number}, "
                    f"but {origin[extent.name]} says {extent} = {sizes[extent.name]}"
                )
            if isinstance(extent, Symbol):
                origin.setdefault(extent.name, buffer.name)
    pairs = [pair for buffer in present for pair in zip(buffer.shape, arrays[buffer.name].shape, strict=True)]
    for extent, number in sorted(pairs, key=lambda pair: len(pair[0].free_symbols)):  # 4 H before H + I
        solve(extent, number, sizes)
    for buffer in present:
        check_shape(buffer, arrays[buffer.name], sizes)
    return sizes


def check_array(name: str, array: Any, dtype: str) -> None:
    """Raise InputError unless this is a contiguous NumPy array of the dtype."""
    if not isinstance(array, np.ndarray):
        raise InputError(f"{name} is a {type(array).__name__}, not a NumPy array; pass np.asarray({name}, np.{dtype})")
    if isinstance(array, np.ma.MaskedArray):
        raise InputError(f"{name} is a masked array, and kernels see no masks; pass {name}.filled(value)")
    if array.dtype != np.dtype(dtype):
        raise InputError(f"{name} is {array.dtype}, but the kernel computes in {dtype}; pass {name}.astype(np.{dtype})")
    if not array.flags.aligned:
        raise InputError(f"{name} does not begin at a multiple of {array.itemsize} bytes in memory; pass {name}.copy()")
    if not array.flags.c_contiguous:
        raise InputError(
            f"{name} with strides {array.strides} is not contiguous in row-major order; "
            f"pass np.ascontiguousarray({name})"
        )


def check_shape(buffer: Buffer, array: Any, sizes: Mapping[str, int]) -> None:
    """Raise InputError unless the array has the buffer's shape for these sizes."""
    wanted = numbers(buffer.shape, sizes)
    if array.shape != wanted:
        raise InputError(f"{buffer.name} has shape {array.shape}, but {buffer.shape} = {wanted} is wanted")


def check_conditions(sizes: Mapping[str, int], conditions: Iterable[Condition]) -> None:
    """Raise InputError where the equations have no value at these sizes, as at Q = 1 where they divide by Q - 1."""
    failed = unmet(conditions, sizes)
    if failed:
        raise InputError(failed.refusal(sizes))


def check_small(sizes: Mapping[str, int], names: Sequence[str]) -> None:
    """Raise InputError for an extent that is missing, or below 1."""
    for name in names:
        if name not in sizes:
            raise InputError(f"the size {name} cannot be read off the given arrays; pass the initial states")
        if name not in ("T", "B") and sizes[name] < 1:
            raise InputError(f"{name} is {sizes[name]}, but an axis of the cell needs at least 1 element")
