"""The accused: a generated kernel, and what it answers to a problem."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from grusym.conventions.packing import numbers
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.errors import InputError
from grusym.lower.ir import Kind
from grusym.lower.lowered import Lowered
from grusym.runtime.c_library import CLibrary
from grusym.runtime.kernel import Kernel
from grusym.runtime.numpy_module import NumpyModule
from grusym.verify.problem import Problem

SCHEDULE = "reference"


class Unfit(Exception):
    """A kernel that gives no answer that could be compared; the message says what it did instead."""


def subject(lowered: Lowered, target: str, dtype: str, files: Mapping[str, str] | None = None) -> Kernel:
    """The kernel as `runtime.build` makes it, from generated `files` where they are given.

    Whatever a C kernel fills starts as NaN, so that an element that it leaves out shows.
    """
    if dtype not in ("float32", "float64"):
        raise InputError(f"kernels are verified in float32 and float64, not in {dtype!r}")
    if target == "c":
        return Kernel(lowered, target, dtype, SCHEDULE, CLibrary(lowered, dtype, SCHEDULE, files, _unwritten))
    if target == "numpy":
        return Kernel(lowered, target, dtype, SCHEDULE, NumpyModule(lowered, files))
    raise InputError(f"unknown target {target!r}; one can verify c and numpy")


def _unwritten(shape: Any, dtype: Any) -> Any:
    return np.full(shape, np.nan, dtype)


def answers(kernel: Kernel, problem: Problem) -> dict[str, Any]:
    """Outputs and gradients by the names of the kernels' buffers, in float64.

    Raises Unfit where the kernel fails, returns what is no array of the right shape and type, changes what it was
    given, or computes something else when it saves nothing.
    """
    lowered = kernel.lowered
    given = {name: problem.cast(name) for name in problem.arrays}
    try:
        results = _call(kernel, given)
    except Exception as error:
        raise Unfit(f"the kernel fails: {type(error).__name__}: {error}") from error
    buffers = (
        *lowered.forward.of_kind(Kind.OUTPUT),
        *lowered.backward.of_kind(Kind.OUTPUT, Kind.GRADIENT),
    )
    for buffer in buffers:
        array, shape = results[buffer.name], numbers(buffer.shape, problem.sizes)
        if array.shape != shape or array.dtype != np.dtype(kernel.dtype):
            raise Unfit(f"{buffer.name} is {array.dtype} {array.shape}, not {kernel.dtype} {shape}")
    for name, array in given.items():
        if not np.array_equal(array, problem.arrays[name]):
            raise Unfit(f"the kernel changes {name}, which it may only read")
    return {name: array.astype(np.float64) for name, array in results.items()}


def _call(kernel: Kernel, given: Mapping[str, Any]) -> dict[str, Any]:
    lowered = kernel.lowered
    cell, layer = lowered.cell, lowered.layer
    params = lowered.layout.keyed(given)
    x = {tensor.name: given[tensor.name] for tensor in cell.inputs}
    h0 = {initial_name(s.name): given[initial_name(s.name)] for s in cell.states}
    dy = {cotangent_name(s.name): given[cotangent_name(s.name)] for s in layer.series}
    finals = [cotangent_name(final_name(s.name)) for s in cell.states]
    with np.errstate(all="ignore"):  # what goes wrong shows in the answers
        tape = kernel.forward(x, h0, params)
        bare = kernel.forward(x, h0, params, saving=False)
        gradients = kernel.backward(tape, dy, {name: given[name] for name in finals})
    for name, output in tape.outputs.items():
        if not np.array_equal(output, bare.outputs[name], equal_nan=True):
            raise Unfit(f"{name} is another when nothing is saved for the gradients")
    results = gradients.outer | lowered.layout.by_name(gradients.params)
    return dict(tape.outputs) | {cotangent_name(name): array for name, array in results.items()}
