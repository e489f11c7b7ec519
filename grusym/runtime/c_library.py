"""A generated C kernel as a compiled library, called through ctypes."""

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grusym.conventions.packing import numbers
from grusym.emit.c_interface import Argument, CKernel
from grusym.emit.c_kernel import c_kernel, c_sources
from grusym.errors import InputError
from grusym.lower.ir import Buffer, Kind
from grusym.lower.lowered import Lowered
from grusym.runtime.cache import cached_library
from grusym.runtime.load import load

Arrays = dict[str, Any]
REFUSED = {
    -1: "a size that it refuses",
    -2: "a NULL pointer",
    -3: "no memory",
    -4: "sizes at which its equations have no value",
}


class CLibrary:
    """Compiled and loaded; arrays are checked before they come here.

    `files` are the generated sources where one has them already, `allocate` makes the arrays that the kernel fills.
    """

    def __init__(
        self,
        lowered: Lowered,
        dtype: str,
        schedule: str,
        files: Mapping[str, str] | None = None,
        allocate: Callable[..., Any] = np.empty,
    ):
        self.kernel: CKernel = c_kernel(lowered, dtype, schedule)
        self.library = load(cached_library(lowered.fingerprint(schedule), files or c_sources(self.kernel)))
        self.dtype = np.dtype(dtype)
        self.allocate = allocate

    def pack(self, sizes: Mapping[str, int], params: Mapping[str, Any]) -> Any:
        """The parameters in the kernel's own order, in one array."""
        packed = self.allocate(self.count("packed_size", sizes), self.dtype)
        self.call("pack", self.kernel.pack, sizes, {**params, "packed": packed})
        return packed

    def forward(self, sizes: Mapping[str, int], given: Arrays, packed: Any, saving: bool) -> tuple[Arrays, Any]:
        """Outputs by name, and what backward needs (None unless `saving`)."""
        outputs = self.empty(self.kernel.forward.of_kind(Kind.OUTPUT), sizes)
        saved = self.allocate(self.count("saved_size", sizes), self.dtype) if saving else None
        arrays = {**given, **outputs, "packed": packed, "saved": saved, "workspace": self.workspace(sizes)}
        self.call("forward_packed", self.kernel.forward_packed, sizes, arrays)
        return outputs, saved

    def backward(self, sizes: Mapping[str, int], given: Arrays, packed: Any, saved: Any) -> Arrays:
        """Gradients by name, for inputs and cotangents in `given`."""
        results = self.empty(self.kernel.backward.of_kind(Kind.OUTPUT, Kind.GRADIENT), sizes)
        arrays = {**given, **results, "packed": packed, "saved": saved, "workspace": self.workspace(sizes)}
        self.call("backward_packed", self.kernel.backward_packed, sizes, arrays)
        return results

    def workspace(self, sizes: Mapping[str, int]) -> Any:
        return self.allocate(self.count("workspace_size", sizes), self.dtype)

    def empty(self, buffers: tuple[Buffer, ...], sizes: Mapping[str, int]) -> Arrays:
        return {buffer.name: self.allocate(numbers(buffer.shape, sizes), self.dtype) for buffer in buffers}

    def count(self, word: str, sizes: Mapping[str, int]) -> int:
        function = self.library[self.kernel.function(word)]
        function.restype = ctypes.c_int64
        count = int(function(*(ctypes.c_int64(sizes[name]) for name in self.kernel.sizes)))
        if count < 0:
            raise InputError(f"the kernel refuses the sizes {dict(sizes)}: too many elements, or an axis without any")
        return count

    def call(self, word: str, arguments: tuple[Argument, ...], sizes: Mapping[str, int], arrays: Arrays) -> None:
        function = self.library[self.kernel.function(word)]
        function.restype = ctypes.c_int
        pointers = [ctypes.c_void_p(None if arrays[a.name] is None else arrays[a.name].ctypes.data) for a in arguments]
        status = function(*(ctypes.c_int64(sizes[name]) for name in self.kernel.sizes), *pointers)
        if status:
            reason = REFUSED.get(status, f"status {status}")
            raise InputError(f"{self.kernel.function(word)} returned {reason} for the sizes {dict(sizes)}")
