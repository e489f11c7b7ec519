"""A kernel one can call: forward keeps a tape, backward turns cotangents into gradients."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from grusym.conventions.library import cell_in
from grusym.conventions.packing import numbers
from grusym.emit.c_types import c_type
from grusym.equations.cell import Cell
from grusym.equations.condition import nearest
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.errors import InputError
from grusym.lower.ir import Kind
from grusym.lower.lowered import Lowered, lower
from grusym.lower.schedule import SCAN, require_schedule
from grusym.runtime.arrays import check_array, check_conditions, check_shape, check_small, named, read_sizes
from grusym.runtime.tape import Arrays, Gradients, Packed, Tape


class Backend(Protocol):
    """What runs a generated kernel, on arrays that were checked."""

    def pack(self, sizes: Mapping[str, int], params: Mapping[str, Any]) -> Any: ...

    def forward(self, sizes: Mapping[str, int], given: Arrays, packed: Any, saving: bool) -> tuple[Arrays, Any]: ...

    def backward(self, sizes: Mapping[str, int], given: Arrays, packed: Any, saved: Any) -> Arrays: ...


@dataclass(frozen=True, repr=False)
class Kernel:
    """A generated kernel, ready to run. Made by `build`."""

    lowered: Lowered
    target: str
    dtype: str
    schedule: str
    backend: Backend

    def __repr__(self) -> str:
        convention = self.lowered.layout.convention
        return f"<{self.target} kernel of {self.cell.spelling}: {self.dtype}, convention {convention}>"

    @property
    def cell(self) -> Cell:
        return self.lowered.cell

    @cached_property
    def owner(self) -> str:
        """What packed parameters and tapes of this kernel bear, and of any other built from the same."""
        return f"{self.target} {self.dtype} {self.lowered.fingerprint(self.schedule)}"

    def pack(self, params: Mapping[str, Any]) -> Packed:
        """Check and pack the parameters, once for as long as they do not change.

        `params` maps the names of the convention's arrays to arrays: for torch weight_ih (3H, I), weight_hh (3H, H),
        bias_ih (3H,), bias_hh (3H,). Raises InputError for a missing, unknown or misshapen one, and for extents at
        which the equations have no value.
        """
        if not isinstance(params, Mapping):
            raise InputError(f"params is a {type(params).__name__}, not a dict of arrays by name")
        buffers, layout = self.lowered.forward.of_kind(Kind.PARAMETER), self.lowered.layout
        names = [layout.key(buffer.name) for buffer in buffers]
        missing = [name for name in names if name not in params]
        unknown = [name for name in params if name not in names]
        if missing or unknown:
            wrong = [f"lacks {', '.join(missing)}"] if missing else []
            wrong += [f"has the unknown {', '.join(map(str, unknown))}"] if unknown else []
            raise InputError(
                f"params {' and '.join(wrong)}; {self.cell.spelling} in convention {layout.convention} "
                f"takes {', '.join(names) or 'no parameters'}"
            )
        arrays = layout.by_name(params)
        sizes = read_sizes(buffers, arrays, self.dtype)
        check_small(sizes, list(sizes))
        check_conditions(sizes, self.cell.conditions)
        return Packed(sizes, self.backend.pack(self._complete(sizes), arrays), self.owner)

    def forward(self, x: Any, h0: Any, params: Mapping[str, Any] | Packed, saving: bool = True) -> Tape:
        """Run the layer: x (T, B, ...) and the initial state h0 (B, ...) to y (T, B, ...) and h_n (B, ...).

        Several inputs or states are given as a tuple in the cell's order or a dict by name; a state that is None starts
        at zero. Arrays are NumPy arrays of the kernel's dtype, contiguous in row-major order; `params` may be packed.
        Without `saving` the tape is for inference only. Raises InputError for what does not fit, and for extents at
        which the equations have no value, such as 1 where they divide by Q - 1.
        """
        cell = self.cell
        inputs = [tensor.name for tensor in cell.inputs]
        given = named("the input", x, inputs)
        for name in inputs:
            if name not in given:
                raise InputError(f"the input {name} is missing")
        given |= named("the initial state", h0, [initial_name(state.name) for state in cell.states], optional=True)
        packed = self._own(params) if isinstance(params, Packed) else self.pack(params)
        buffers = self.lowered.forward.of_kind(Kind.INPUT)
        sizes = {**read_sizes(buffers, given, self.dtype)}
        for name, number in packed.sizes.items():
            if sizes.setdefault(name, number) != number:
                raise InputError(f"the arrays say {name} = {sizes[name]}, but the parameters have {name} = {number}")
        check_small(sizes, [str(symbol) for symbol in self.lowered.layer.sizes])
        check_conditions(sizes, self.cell.conditions)
        for buffer in buffers:
            given.setdefault(buffer.name, np.zeros(numbers(buffer.shape, sizes), self.dtype))
        outputs, saved = self.backend.forward(sizes, given, packed.values, saving)
        return Tape(outputs, sizes, {name: given[name] for name in inputs}, packed, saved)

    def backward(self, tape: Tape, dy: Any = None, dh_n: Any = None) -> Gradients:
        """The gradients of <dy, y> + <dh_n, h_n>; a cotangent that is None is zero.

        dy is shaped as y, dh_n as h_n; several outputs or states as in `forward`, by the names dy and dh_n. Gradients:
        `.x`, `.h0`, and `.params[name]` in the convention's arrays. Raises InputError for what does not fit, or for a
        tape made without saving.
        """
        if not isinstance(tape, Tape):
            raise InputError(f"the tape is a {type(tape).__name__}; pass what forward returned")
        self._own(tape.packed)
        if tape.saved is None:
            raise InputError("this tape was made with saving=False, for inference; run forward with saving=True first")
        layer = self.lowered.layer
        series = [cotangent_name(s.name) for s in layer.series]
        finals = [cotangent_name(final_name(state.name)) for state in self.cell.states]
        given = dict(tape.inputs)
        given |= named("the cotangent of the outputs", dy, series, optional=True)
        given |= named("the cotangent of the final state", dh_n, finals, optional=True)
        for buffer in self.lowered.cotangents:
            if buffer.name in given:
                check_array(buffer.name, given[buffer.name], self.dtype)
                check_shape(buffer, given[buffer.name], tape.sizes)
            else:
                given[buffer.name] = np.zeros(numbers(buffer.shape, tape.sizes), self.dtype)
        results = self.backend.backward(tape.sizes, given, tape.packed.values, tape.saved)
        outer = [tensor.name for tensor in self.cell.inputs]
        outer += [initial_name(state.name) for state in self.cell.states]
        params = {name: results[cotangent_name(name)] for name, _ in self.lowered.layout.arrays}
        return Gradients(
            {name: results[cotangent_name(name)] for name in outer},
            self.lowered.layout.keyed(params),
        )

    def _own(self, packed: Packed) -> Packed:
        if packed.owner != self.owner:
            raise InputError(
                f"these parameters were packed by another kernel ({packed.owner[:24]}...) than this one "
                f"({self.owner[:24]}...); pack them with this kernel"
            )
        return packed

    def _complete(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """All sizes, as small as may be where the parameters leave them open: time, batch, positions to convolve at."""
        whole = {**{symbol.name: 1 for symbol in self.lowered.layer.sizes}, **sizes}
        return nearest(whole, self.cell.conditions, fixed=sizes)


def build(
    cell: Cell | str,
    target: str = "c",
    dtype: str = "float32",
    convention: str | None = None,
    schedule: str = "reference",
    threads: int = 1,
) -> Kernel:
    """Generate, compile, cache and load the kernel of a cell.

    A cell that is spelt takes the form that the convention has it in ("gru" in "haiku" is reset=before,update=write).
    With schedule="scan" a cell that is linear in its state, element by element, as mingru is, runs as a parallel scan:
    its kernels compute the coefficients of all steps at once. Raises InputError for a choice that does not exist or
    that the cell does not allow, CompilerError where there is no C compiler or it fails.

    >>> kernel = build("gru", target="numpy", dtype="float64")
    >>> kernel.cell.name
    'gru'
    """
    cell = cell_in(cell, convention)
    if schedule != SCAN:
        require_schedule(schedule, SCAN)
    if threads != 1:
        raise InputError(f"threads={threads!r}, but the schedule {schedule} runs on one thread; pass threads=1")
    if target not in ("c", "numpy"):
        raise InputError(f"unknown target {target!r}; one can build c and numpy")
    c_type(dtype)  # NumPy kernels compute in the same types
    lowered = lower(cell, convention)
    if schedule == SCAN:
        from grusym.runtime.scan import Scan

        scan = Scan(lowered, lambda part: _backend(part, target, dtype, "reference"))
        return Kernel(lowered, target, dtype, schedule, scan)
    return Kernel(lowered, target, dtype, schedule, _backend(lowered, target, dtype, schedule))


def _backend(lowered: Lowered, target: str, dtype: str, schedule: str) -> Backend:
    if target == "c":
        from grusym.runtime.c_library import CLibrary

        return CLibrary(lowered, dtype, schedule)
    from grusym.runtime.numpy_module import NumpyModule

    return NumpyModule(lowered)
