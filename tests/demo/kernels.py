"""Kernels for the demo's tests: the real one, and some with a bug."""

from dataclasses import replace
from functools import cache

import numpy as np

from grusym.runtime.kernel import Gradients, Kernel, Tape, build


@cache
def gru() -> Kernel:
    return build("gru", target="c", dtype="float64", convention="torch")


class Planted:
    """The real kernel, but for what a subclass gets wrong."""

    def __init__(self, kernel: Kernel):
        self.kernel = kernel

    def forward(self, x, h0, params, saving=True) -> Tape:
        return self.kernel.forward(x, h0, params, saving)

    def backward(self, tape, dy=None, dh_n=None) -> Gradients:
        return self.kernel.backward(tape, dy, dh_n)


class ScaledGradient(Planted):
    """The recurrent weights' gradient is too large by a thousandth."""

    def backward(self, tape, dy=None, dh_n=None) -> Gradients:
        gradients = super().backward(tape, dy, dh_n)
        gradients.params["weight_hh"] *= 1.001
        return gradients


class NoCarry(Planted):
    """Nothing is sent back over the last step."""

    def backward(self, tape, dy=None, dh_n=None) -> Gradients:
        last = np.ascontiguousarray(tape.inputs["x"][-1:])
        return super().backward(super().forward(last, np.ascontiguousarray(tape.y[-2]), tape.packed), None, dh_n)


class NoRecurrentBias(Planted):
    """bias_hh is left alone."""

    def backward(self, tape, dy=None, dh_n=None) -> Gradients:
        gradients = super().backward(tape, dy, dh_n)
        gradients.params["bias_hh"][:] = 0
        return gradients


class WrongState(Planted):
    """The final state is off by a ten-thousandth of the state before it."""

    def forward(self, x, h0, params, saving=True) -> Tape:
        tape = super().forward(x, h0, params, saving)
        return replace(tape, outputs={**tape.outputs, "h_n": tape.h_n + 1e-4 * tape.y[-2]})


class NotANumber(Planted):
    """The gradients overflow."""

    def backward(self, tape, dy=None, dh_n=None) -> Gradients:
        gradients = super().backward(tape, dy, dh_n)
        gradients.params["weight_ih"][:] = np.nan
        return gradients
