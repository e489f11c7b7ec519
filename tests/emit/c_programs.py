"""Generated C in files, compilers to try it with, and its functions called with buffers of the exact size."""

import ctypes
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from grusym.conventions.packing import numbers
from grusym.emit.c_interface import Argument, CKernel
from grusym.emit.c_kernel import c_kernel, emit_c
from grusym.equations.axis import BATCH, TIME
from grusym.lower.ir import Kind
from tests.lower.layers import ALL
from tests.lower.more_cells import MORE, layer

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
SANITIZERS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
DTYPES = ("float32", "float64")
OWN = [(name, None) for name in (*ALL, *MORE)]
# The forms of cells that PyTorch computes.
TORCH = [
    (name, "torch")
    for name in ("gru", "gru:biases=none", "lstm", "lstm:biases=none", "rnn", "rnn:activation=relu", "rnn:biases=none")
]
# One of each kind of access map: transposed blocks, an axis of extent 1, a gate's own axis, x beside h.
PACKED = [
    ("gru", "keras"),
    ("gru:reset=before", "onnx"),
    ("gru:biases=candidate", "onednn"),
    ("gru:reset=before,biases=one", "tf_gru_block_cell"),
    ("gru", "burn"),
]
REACH = [("gru", "torch"), ("lstm", None), ("conv.cell", None), ("strided channels", None), ("scalar parameter", None)]
REACH += [("gru:biases=candidate", "onednn"), ("gru:reset=before,biases=one", "tf_gru_block_cell")]
REACH += [("three_states.cell", None), ("layer_norm.cell", None), ("no parameters", None)]


@cache
def kernel_of(name: str, convention: str | None, dtype: str) -> CKernel:
    return c_kernel(layer(name, convention), dtype, "reference")


@cache
def files_of(name: str, convention: str | None, dtype: str) -> Mapping[str, str]:
    return emit_c(layer(name, convention), dtype, "reference")


def write(files: Mapping[str, str], directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def program(name: str) -> str:
    """The path of a program of this machine; the test is skipped, and says so, where it is absent."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not on this machine")
    return path


def succeed(command: Sequence[str | Path], directory: Path, **settings) -> str:
    """What a command printed. Raises AssertionError with it unless the command succeeds."""
    result = subprocess.run([*map(str, command)], cwd=directory, capture_output=True, text=True, **settings)
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}"
    return result.stdout


class Functions:
    """The functions of one compiled kernel."""

    def __init__(self, kernel: CKernel, library: Path):
        self.kernel = kernel
        self.library = ctypes.CDLL(str(library))
        self.dtype = np.dtype(kernel.ctype.dtype)

    def call(self, word: str, sizes: Sequence[int], arrays: Iterable[np.ndarray | None]) -> int:
        function = self.library[self.kernel.function(word)]
        function.restype = ctypes.c_int
        pointers = [ctypes.c_void_p(None if a is None else a.ctypes.data) for a in arrays]
        return function(*map(ctypes.c_int64, sizes), *pointers)

    def count(self, word: str, sizes: Sequence[int]) -> int:
        function = self.library[self.kernel.function(word)]
        function.restype = ctypes.c_int64
        return function(*map(ctypes.c_int64, sizes))

    def elements(self, arguments: Iterable[Argument], sizes: Sequence[int]) -> dict[str, int]:
        """How many elements each of these arguments has."""
        extents = dict(zip(self.kernel.sizes, sizes, strict=True))
        buffers = {b.name: b for k in (self.kernel.forward, self.kernel.backward) for b in k.buffers}
        flat = {f"{w}": self.count(f"{w}_size", sizes) for w in ("packed", "saved", "workspace")}
        return {
            a.name: flat[a.name] if a.name in flat else int(np.prod(numbers(buffers[a.name].shape, extents), dtype=int))
            for a in arguments
        }

    def inputs(self, sizes: Sequence[int], seed: int = 0) -> dict[str, np.ndarray]:
        """Random data for everything that the plain functions read."""
        random = np.random.default_rng(seed)
        counts = self.elements((a for a in self.kernel.backward_plain if a.const), sizes)
        return {name: random.normal(size=n).astype(self.dtype) for name, n in counts.items()}

    def results(self, arguments: Iterable[Argument], sizes: Sequence[int]) -> dict[str, np.ndarray]:
        """Arrays of NaN for everything that a function writes."""
        counts = self.elements((a for a in arguments if not a.const), sizes)
        return {name: np.full(n, np.nan, self.dtype) for name, n in counts.items()}

    def train(self, sizes: Sequence[int], given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Pack, forward, backward: all results."""
        k, held = self.kernel, dict(given)
        for word, arguments in (
            ("pack", k.pack),
            ("forward_packed", k.forward_packed),
            ("backward_packed", k.backward_packed),
        ):
            held |= self.results(arguments, sizes)
            assert self.call(word, sizes, [held[a.name] for a in arguments]) == 0
        kinds = (Kind.OUTPUT, Kind.GRADIENT)
        return {b.name: held[b.name] for ir in (k.forward, k.backward) for b in ir.of_kind(*kinds)}


def sizes_for(kernel: CKernel, T: int, B: int, *extents: int) -> list[int]:
    """T, B, and these extents in turn for the axes of the cell."""
    names = kernel.sizes
    assert names[:2] == (TIME.name, BATCH.name)
    return [T, B, *(extents[n % len(extents)] for n in range(len(names) - 2))]
