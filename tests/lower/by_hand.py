"""Small kernels written by hand, to put a transformation in front of one question at a time."""

import numpy as np
from sympy import Idx, Integer

from grusym.conventions.packing import Placement
from grusym.equations.axis import Axis
from grusym.equations.tensor import access
from grusym.lower.interpret import run
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Loop, Statement, WhenSaving

H, K = Axis("H").extent, Axis("K").extent
i, j, k = Idx("i", H), Idx("j", H), Idx("k", K)
ZERO = Integer(0)
SIZES = {"H": 4, "K": 3}

BUFFERS = (
    Buffer("x", (H,), Kind.INPUT),
    Buffer("m", (H, H), Kind.INPUT),
    *(Buffer(name, (H,), Kind.OUTPUT) for name in "abc"),
    Buffer("o", (H, H), Kind.OUTPUT),
    Buffer("q", (K,), Kind.OUTPUT),
    Buffer("total", (), Kind.OUTPUT),
    Buffer("w", (2 * H,), Kind.GRADIENT),
    *(Buffer(name, (H,), Kind.WORKSPACE) for name in ("s", "t")),
)
# The halves of w.
PARTS = (Placement("first", "w", (ZERO,), (H,)), Placement("second", "w", (H,), (H,)))


def at(name: str, *indices):
    return access(name, tuple(map(Integer, indices)) if all(isinstance(n, int) for n in indices) else indices)


def put(target, value, **rest) -> Assign:
    return Assign(target, Integer(value) if isinstance(value, int) else value, **rest)


def add(target, value, **rest) -> Assign:
    return put(target, value, accumulate=True, **rest)


def over(index: Idx, *body: Statement, descending: bool = False) -> Loop:
    return Loop(index, body, descending)


def saving(*body: Statement) -> WhenSaving:
    return WhenSaving(body)


def kernel(*body: Statement) -> Kernel:
    return Kernel("forward", (H, K), BUFFERS, PARTS, body)


def results(made: Kernel, saving: bool = True) -> dict[str, np.ndarray]:
    """What the kernel leaves in the caller's arrays; NaN where it wrote nothing."""
    random = np.random.default_rng(0)
    given = {"x": random.normal(size=4), "m": random.normal(size=(4, 4))}
    arrays = run(made, SIZES, given, saving)
    return {b.name: arrays[b.name] for b in made.of_kind(Kind.OUTPUT, Kind.GRADIENT)}


def assert_same(one: Kernel, other: Kernel) -> None:
    for is_saving in (True, False):
        want, got = results(one, is_saving), results(other, is_saving)
        for name, array in want.items():
            np.testing.assert_allclose(got[name], array, rtol=1e-13, atol=1e-13, err_msg=name)
