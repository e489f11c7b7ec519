"""The mistakes that gru.c plants, and how it is compiled and called."""

import ctypes
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

SOURCE = Path(__file__).with_name("gru.c")
COMPILER = shutil.which("gcc") or shutil.which("cc")
FORWARD = {
    1: "hard-sigmoid-0.2",
    2: "candidate-relu",
    3: "candidate-linear",
    4: "gate-order:zrn",
    5: "input-bias-missing",
    6: "bias-doubled",
    7: "recurrent-transposed",
    8: "recurrent-bias-missing",
    9: "recurrent-candidate-bias-missing",
    10: "reset-before",
    11: "reset-omitted",
    12: "recurrent-candidate-bias-outside-reset",
    13: "update-write",
    14: "sequence-reversed",
    15: "initial-state-ignored",
    16: "state-not-carried",
    17: "scratch-shared-across-batch",
    18: "batch-first-confused",
}
BACKWARD = {
    30: "grad-final-state-ignored",
    31: "grad-recurrent-shifted-state",
    32: "grad-carry-missing",
    33: "grad-tanh-derivative",
    34: "grad-sigmoid-derivative",
    35: "grad-reset-path-missing",
    36: "grad-candidate-reset-missing",
    37: "grad-direct-path-polarity",
    38: "grad-batch-not-summed",
    39: "grad-time-last-only",
    40: "grad-batch-mean",
    41: "grad-own-unit-only",
}
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@cache
def library(bug):
    """gru.c with a mistake, compiled; 0 is right."""
    target = Path(mkdtemp(prefix="grusym-planted-")) / f"gru{bug}.so"
    command = [str(COMPILER), "-O1", "-shared", "-fPIC", f"-DBUG={bug}", "-o", str(target), str(SOURCE), "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    return ctypes.CDLL(str(target))


def pointers(*arrays):
    return [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]


def functions(bug):
    """Forward and vjp of the library."""
    found = library(bug)

    def forward(x, h0, params):
        y, h_n = np.empty((*x.shape[:2], h0.shape[1]), x.dtype), np.empty_like(h0)
        given = [x, h0, *(params[name] for name in NAMES)]
        found.gru_forward_f32(*x.shape, h0.shape[1], *pointers(*given, y, h_n))
        return y, h_n

    def vjp(x, h0, params, dy, dh_n):
        given = [x, h0, *(params[name] for name in NAMES), dy, dh_n]
        out = {"x": np.empty_like(x), "h0": np.empty_like(h0)} | {n: np.empty_like(params[n]) for n in NAMES}
        found.gru_backward_f32(*x.shape, h0.shape[1], *pointers(*given, *out.values()))
        return out

    return forward, vjp
