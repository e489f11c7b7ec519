"""Cells of every shape, lowered once, and layers run through the interpreter."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from grusym.conventions.packing import numbers
from grusym.equations.cell import Cell
from grusym.equations.library import cell
from grusym.lower.interpret import run
from grusym.lower.ir import Kernel, Kind
from grusym.lower.lowered import Lowered, lower
from tests.variants import variants

CELLS = Path(__file__).parents[1] / "cells"

TEXTS = {
    "scalar parameter": "a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(alpha x[i] + beta h[i] + h[i]/H)",
    "explicit output": """a(x[j], h[k]) -> y[o], h'[k]  axes j: I  i, k: H  o: O
        z[i] = sigmoid(W[i,j] x[j])
        h'[i] = (1 - z[i]) tanh(V[i,j] x[j]) + z[i] h[i]
        y[o] = Q[o,i] h'[i]""",
    "output of the same shape": """a(x[i], h[k]) -> y[i], h'[k]  axes i, k: H
        h'[i] = tanh(w[i] x[i] + U[i,k] h[k])
        y[i] = x[i] + h'[i] h[i]""",
    "output read by the update": """a(x[i], h[i]) -> y[i], h'[i]  axes i: H
        y[i] = tanh(w[i] x[i] + h[i])
        h'[i] = y[i] + 1/2 h[i]""",
    "states that change places": """a(x[i], p[i], q[i]) -> p'[i], q'[i]  axes i: H
        p'[i] = q[i]
        q'[i] = tanh(w[i] x[i]) + p[i]""",
    "update that ignores the state": "a(x[i], h[i]) -> h'[i], y[i]  axes i: H\n h'[i] = x[i] w[i]\n y[i] = h'[i] h[i]",
    "update computed again": """a(x[i], h[i]) -> h'[i], y[i]  axes i: H
        h'[i] = x[i] w[i]
        y[i] = q[i] h'[i] + h[i]""",
    "names of time and batch": "a(x[t], h[b]) -> h'[b]  axes t: I  b: H\n h'[b] = tanh(w[b,t] x[t] + h[b])",
    "parameter used thrice": "a(x[j], h[k]) -> h'[i]  axes j,i,k: H\n h'[i] = tanh(W[i,j] x[j] + W[k,i] h[k] + W[i,i])",
    "powers and quotients": "a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(w[i]^3 x[i]^2/(1 + h[i]^2) - 1/2 h[i])",
    "strided": "a(x[d,p], h[q]) -> h'[q]  axes d: D p: P q: Q u: K\n h'[q] = tanh(w[d,u] x[d,2*q+u] + h[q])",
    "scatter into the input": "a(x[p], h[q]) -> h'[q]  axes p: P q: Q\n h'[q] = tanh(w[q] x[2*q-1] + h[q])",
    "scatter into the state": "a(x[i], h[p]) -> h'[p]  axes i, p: H\n h'[p] = tanh(w[p] h[2*p] + x[p])",
    "stride of a symbol": "a(x[p], h[q]) -> h'[q]  axes p: P q: Q u: K\n h'[q] = tanh(w[u] x[K*(q+u)-1] + h[q])",
    "reversed": "a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(w[i] x[H-1-i] + h[H-1-i])",
    "indices as numbers": """a(x[i], h[k]) -> h'[i]  axes i, k: H
        h'[i] = tanh((i + 1/2) w[i] x[i] + U[i,k] h[k] k) + i h[i] + sum[k](k^2) / H + abs(i - 2) x[i]""",
    "every function": """a(x[i], h[i]) -> h'[i]  axes i: H
        s[i] = erf(w[i] x[i]) + cos(h[i]) + sin(x[i]) + softplus(h[i]) + log(1 + h[i]^2) + sqrt(1 + h[i]^2)
        h'[i] = sigmoid(s[i]) + relu(h[i] - x[i]) + abs(x[i]) + max(h[i], x[i]) min(h[i], w[i]) + exp(-x[i]^2) exp(1)
        """,
}


BUILT_IN = [spelling for name in ("gru", "lstm", "rnn") for spelling in variants(name)]
FILES = sorted(path.name for path in CELLS.glob("*.cell"))
ALL = [*BUILT_IN, *TEXTS, *FILES]


@cache
def cell_named(name: str) -> Cell:
    if name in TEXTS:
        return Cell.parse(TEXTS[name], source=name)
    return cell(str(CELLS / name) if name.endswith(".cell") else name)


@cache
def lowered(name: str, convention: str | None = None) -> Lowered:
    return lower(cell_named(name), convention)


def some_sizes(kernel: Kernel, *first: int) -> dict[str, int]:
    """Sizes that differ from each other: T, B and then the extents of the cell."""
    values = (*first, *(3, 2, 4, 5, 2, 3, 4, 2, 5)[len(first) :])
    return {size.name: value for size, value in zip(kernel.sizes, values, strict=False)}


def random_arrays(lowered: Lowered, sizes: Mapping[str, int], seed: int) -> dict[str, np.ndarray]:
    """Everything that the caller of forward and backward gives."""
    random = np.random.default_rng(seed)
    given = [b for k in (lowered.forward, lowered.backward) for b in k.of_kind(Kind.INPUT, Kind.PARAMETER)]
    return {b.name: random.normal(size=numbers(b.shape, sizes)) for b in given}


def of_kinds(kernel: Kernel, buffers: Mapping[str, np.ndarray], *kinds: Kind) -> dict[str, np.ndarray]:
    return {b.name: buffers[b.name] for b in kernel.of_kind(*kinds)}


def forward(lowered: Lowered, sizes: Mapping[str, int], given: Mapping[str, np.ndarray], **settings):
    """Outputs by name."""
    result = run(lowered.forward, sizes, given, **settings)
    return of_kinds(lowered.forward, result, Kind.OUTPUT)


def loss(lowered: Lowered, outputs: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> float:
    """The sum of all outputs, each weighted by its cotangent."""
    return sum(float(np.vdot(given[f"d{name}"], value)) for name, value in outputs.items())


def inputs(lowered: Lowered) -> Iterator[str]:
    """What a gradient is taken with respect to."""
    for buffer in lowered.forward.of_kind(Kind.INPUT, Kind.PARAMETER):
        yield buffer.name
