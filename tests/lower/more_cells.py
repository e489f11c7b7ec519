"""Cells that the built-in ones and the files do not cover, as text, for what comes after lowering."""

from functools import cache

from grusym.equations.cell import Cell
from grusym.lower.lowered import Lowered, lower
from tests.lower.layers import lowered

MORE = {
    "strided channels": "a(x[d,p], h[c,q]) -> h'[c,q]  axes d: D c: C p: P q: Q u: K\n"
    " h'[c,q] = tanh(W[c,d,u] x[d,2*q+u] + h[c,q])",
    "trace": "a(x[i], h[i]) -> h'[i]  axes i,k: H\n h'[i] = tanh(A[k,k] x[i] + h[i])",
    "names of zeroing": "a(x[i1], h[i0]) -> h'[i0]  axes i0: H i1: I\n"
    " h'[i0] = tanh(W[i0,i1] x[i1] + V[i1,i0] x[i1] + h[i0])",
    "no parameters": "a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(x[i] + h[i])",
    "constants of any size": "a(x[i], h[i]) -> h'[i]  axes i: H\n"
    " h'[i] = tanh(0.1 x[i] + 16777217 h[i] * 1e-7 + 1e20 x[i] * 1e-20 + 1/3 h[i] + exp(1) w[i])",
    "names of the C code's own": "a(status[i], h[i]) -> h'[i]  axes i: scratch  j: steps\n"
    " h'[i] = tanh(wrong[i] status[i] + differs[i,j] packed_size[j] + want_y[i] h[i] + elements[i])",
    "sizes that must differ": "a(x[j], h[i]) -> h'[i]  axes j: I  i: H\n"
    " h'[i] = tanh(w[i,j] x[j]/(I - H) + h[i]/(I I - 3 H I + 4.5) + log(3 H - I - 1))",
    "a comment that would end one": "a(x[i], h[i]) -> h'[i]  axes i: H  # */ int /* ??/\n"
    " h'[i] = tanh(w[i] x[i] + h[i])",
}


@cache
def layer(name: str, convention: str | None = None) -> Lowered:
    """A cell lowered, by its spelling, or its name here or in `layers`."""
    return lower(Cell.parse(MORE[name], source=name), convention) if name in MORE else lowered(name, convention)
