"""The checker: every kernel of every cell passes, and each kind of damage is refused with the reason."""

from dataclasses import replace

import pytest
from sympy import Idx, Integer, Symbol

from grusym.calculus.program import Guard
from grusym.conventions.packing import Placement
from grusym.equations.axis import Axis
from grusym.equations.tensor import access
from grusym.errors import LoweringError
from grusym.lower.check import check
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Loop, WhenSaving
from tests.lower.layers import ALL, BUILT_IN, lowered

T, H, K = (Axis(name).extent for name in "THK")
ONE, ZERO = Integer(1), Integer(0)
t, i, j, k = Idx("t", T), Idx("i", H), Idx("j", H), Idx("k", K)
BUFFERS = (
    Buffer("x", (T, H), Kind.INPUT),
    Buffer("p", (2 * H,), Kind.PARAMETER),
    Buffer("y", (T, H), Kind.OUTPUT),
    Buffer("s", (T + 1, H), Kind.SAVED),
    Buffer("w", (H,), Kind.WORKSPACE),
    Buffer("v", (H,), Kind.WORKSPACE),
    Buffer("m", (H, H), Kind.WORKSPACE),
)
PLACES = (Placement("a", "p", (ZERO,), (H,)), Placement("b", "p", (H,), (H,)))


def x(*at):
    return access("x", at)


def w(*at):
    return access("w", at)


def v(*at):
    return access("v", at)


def kernel(*body, buffers=BUFFERS, placements=PLACES, sizes=(T, H), name="forward"):
    return Kernel(name, sizes, buffers, placements, body)


ZEROED = Assign(w(i), ZERO, (i,))


@pytest.mark.parametrize("name", ALL)
def test_the_kernels_of_every_cell_pass(name):
    for each in (lowered(name).forward, lowered(name).backward):
        assert check(each) is each


UNKNOWN_TO_TORCH = ("one", "candidate", "before", "write", "peephole=yes")


@pytest.mark.parametrize("name", [n for n in BUILT_IN if not any(word in n for word in UNKNOWN_TO_TORCH)])
def test_the_kernels_in_the_convention_of_torch_pass(name):
    for each in (lowered(name, "torch").forward, lowered(name, "torch").backward):
        assert check(each) is each


FINE = {
    "an index that stands as a number": Assign(w(i), i * (H - i) * access("a", (i,)), (i,)),
    "a shift behind its guard": Loop(t, (Assign(w(i), x(t, i + 1), (i,), (), (Guard(i + 1, H),)),)),
    "a mirrored index": Assign(w(i), access("a", (H - 1 - i,)), (i,)),
    "a product of extents": Assign(access("m", (i, i)), access("p", (2 * i + 1,)), (i,)),
    "the last element of a trajectory": Loop(t, (Assign(access("s", (t + 1, i)), x(t, i), (i,)),)),
    "an element computed from itself": (ZEROED, Assign(w(i), 2 * w(i) + access("b", (i,)), (i,))),
    "a whole array read through its parts": Assign(w(i), access("p", (i,)) + access("a", (i,)), (i,)),
    "a scatter behind its guard": (ZEROED, Assign(w(2 * i), x(0, i), (i,), (), (Guard(2 * i, H),), accumulate=True)),
    "a size as a number": Assign(w(i), access("a", (i,)) / H, (i,)),
}


@pytest.mark.parametrize("body", FINE.values(), ids=list(FINE))
def test_what_is_fine_passes(body):
    check(kernel(*(body if isinstance(body, tuple) else (body,))))


REFUSED = {
    "index t is not bound at: w[i] = x[t, i]": Assign(w(i), x(t, i), (i,)),
    "index j is not bound at: w[i] = a[i] where 0 <= j < H": Assign(w(i), access("a", (i,)), (i,), (), (Guard(j, H),)),
    "index j is not bound at: w[i] = j*a[i]": Assign(w(i), j * access("a", (i,)), (i,)),
    "q is not declared at: w[i] = q[i]": Assign(w(i), access("q", (i,)), (i,)),
    "q is not declared at: q = 0": Assign(access("q", ()), ZERO),
    "alpha is not declared at: w[i] = alpha": Assign(w(i), access("alpha", ()), (i,)),
    "size K is not declared at: w[i] = sum[k] a[i]": Assign(w(i), access("a", (i,)), (i,), (k,)),
    "size K is not declared at: w[i] = K*a[i]": Assign(w(i), K * access("a", (i,)), (i,)),
    "size K is not declared at: w[i] = x[0, K + i]": Assign(w(i), x(0, i + K), (i,), (), (Guard(i + K, H),)),
    "size K is not declared at: w[i] = a[i] where 0 <= i < K": Assign(
        w(i), access("a", (i,)), (i,), (), (Guard(i, K),)
    ),
    "size K is not declared at: loop over k": Loop(k, (ZEROED,)),
    "x has 2 axes, not 1, at: w[i] = x[i]": Assign(w(i), x(i), (i,)),
    "w has 1 axes, not 0, at: w = 0": Assign(access("w", ()), ZERO),
    "index i + 1 may leave 0 <= i + 1 < H of w at: w[i + 1] = 0": Assign(w(i + 1), ZERO, (i,)),
    "index i - 1 may leave 0 <= i - 1 < H of a at": Assign(w(i), access("a", (i - 1,)), (i,)),
    "index 2*i may leave 0 <= 2*i < H of a at": Assign(w(i), access("a", (2 * i,)), (i,)),
    "index H - i may leave 0 <= H - i < H of a at": Assign(w(i), access("a", (H - i,)), (i,)),
    "index 1 may leave 0 <= 1 < H of w at: w[1] = 0": Assign(w(ONE), ZERO),
    "index -2*H*(i + j) + H may leave": Assign(w(i), access("p", (H - 2 * H * (i + j),)), (i,), (j,)),
    "index t may leave 0 <= t < H of a at: w[i] = a[t]": Loop(t, (Assign(w(i), access("a", (t,)), (i,)),)),
    "index t + 2 may leave 0 <= t + 2 < T + 1 of s at": Loop(t, (Assign(access("s", (t + 2, i)), ZERO, (i,)),)),
    "index t + 1 may leave 0 <= t + 1 < T of x at": Loop(t, (Assign(w(i), x(t + 1, i), (i,)),)),
    "index i/2 is not always a whole number at": Assign(w(i), access("a", (i / 2,)), (i,), (), (Guard(i / 2, H),)),
    # A guard of another access is no guard of this one, and what is set cannot fall outside.
    "index i + 1 may leave 0 <= i + 1 < H of a at": Assign(
        w(i), access("a", (i + 1,)), (i,), (), (Guard(i + 1, 2 * H),)
    ),
    "index i + 1 may leave 0 <= i + 1 < H of w at: w[i + 1] = x[0, i]": Assign(
        w(i + 1), x(0, i), (i,), (), (Guard(i + 1, H),)
    ),
    "w is read before it is written at: y[0, i] = w[i]": Assign(access("y", (ZERO, i)), w(i), (i,)),
    "s is read before it is written at: w[i] = s[0, i]": Assign(w(i), access("s", (ZERO, i)), (i,)),
    "w is read before it is written at: v[i] = w[i]": (WhenSaving((ZEROED,)), Assign(v(i), w(i), (i,))),
    "w is added to before it is written at: w[i] += 0": Assign(w(i), ZERO, (i,), accumulate=True),
    "x belongs to the caller and is written at: x[0, i] = 0": Assign(x(0, i), ZERO, (i,)),
    "p belongs to the caller and is written at: p[i] = 0": Assign(access("p", (i,)), ZERO, (i,)),
    "b belongs to the caller and is written at: b[i] = 0": Assign(access("b", (i,)), ZERO, (i,)),
    "b belongs to the caller and is written at: b[i] += 0": Assign(access("b", (i,)), ZERO, (i,), accumulate=True),
    "index i is bound twice at: m[i, i] = 0": Assign(access("m", (i, i)), ZERO, (i, i)),
    "index i is bound twice at: w[i] = sum[i]": Assign(w(i), access("a", (i,)), (i,), (i,)),
    "index t is bound twice at: loop over t": Loop(t, (Loop(t, (ZEROED,)),)),
    "index i is bound twice at: w[i] = 0": Loop(i, (ZEROED,)),
    "index j is summed and stands in the target at: w[j] = sum[j] a[j]": Assign(w(j), access("a", (j,)), (), (j,)),
    "index j is free and does not stand in the target at: w[i] = m[i, j]": (
        Assign(access("m", (i, j)), ZERO, (i, j)),
        Assign(w(i), access("m", (i, j)), (i, j)),
    ),
    "w is read while w is written at: w[i] = w[H - i - 1]": (ZEROED, Assign(w(i), w(H - 1 - i), (i,))),
    "w is read while w is written at: w[i] = sum[j] w[i]": (ZEROED, Assign(w(i), w(i), (i,), (j,))),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_wrong_is_refused(message):
    body = REFUSED[message]
    with pytest.raises(LoweringError) as error:
        check(kernel(*(body if isinstance(body, tuple) else (body,))))
    assert str(error.value).startswith(message)


def test_the_tape_belongs_to_the_caller_of_backward():
    store = Assign(access("s", (ZERO, i)), ZERO, (i,))
    check(kernel(WhenSaving((store,))))
    with pytest.raises(LoweringError, match=r"^s belongs to the caller and is written at: s\[0, i\] = 0"):
        check(kernel(store, name="backward"))
    check(kernel(Assign(w(i), access("s", (ZERO, i)), (i,)), name="backward"))


def test_a_part_is_not_read_while_its_array_is_written():
    places = (Placement("part", "w", (ZERO,), (H,)),)
    body = (ZEROED, Assign(w(i), access("part", (i,)), (i,)))
    with pytest.raises(LoweringError, match=r"^part is read while w is written at: w\[i\] = part\[i\]"):
        check(kernel(*body, placements=places))


DECLARED = {
    "w is declared twice in kernel forward": {"buffers": (*BUFFERS, Buffer("w", (H,), Kind.SCALAR))},
    "H is declared twice in kernel forward": {"buffers": (*BUFFERS, Buffer("H", (), Kind.SCALAR))},
    "a is declared twice in kernel forward": {"placements": (*PLACES, Placement("a", "w", (ZERO,), (H,)))},
    "v is declared twice in kernel forward": {"placements": (*PLACES, Placement("v", "w", (ZERO,), (H,)))},
    "c lies in q, which kernel forward does not declare": {"placements": (Placement("c", "q", (ZERO,), (H,)),)},
    "a and c overlap in p; a kernel may not alias tensors": {
        "placements": (*PLACES, Placement("c", "p", (H - 1,), (H,)))
    },
    "c leaves p: H + 1 + H may exceed 2*H": {"placements": (Placement("c", "p", (H + 1,), (H,)),)},
    "c leaves p: -1 + H may exceed 2*H": {"placements": (Placement("c", "p", (-ONE,), (H,)),)},
    "c lies along the axes (0, 0) of m, which are not 2 different ones of 2": {
        "placements": (Placement("c", "m", (ZERO, ZERO), (H, H), (0, 0)),)
    },
    "c lies along the axes (2,) of m, which are not 1 different ones of 2": {
        "placements": (Placement("c", "m", (ZERO, ZERO), (H,), (2,)),)
    },
    "c lies along the axes (0,) of m, which are not 2 different ones of 2": {
        "placements": (Placement("c", "m", (ZERO, ZERO), (H, H), (0,)),)
    },
    "c leaves m: H + 1 may exceed H": {"placements": (Placement("c", "m", (ZERO, H), (H,), (0,)),)},
    "c leaves m: 1 + H may exceed H": {"placements": (Placement("c", "m", (ZERO, ONE), (H, H), (1, 0)),)},
    "c and d overlap in m; a kernel may not alias tensors": {
        "placements": (
            Placement("c", "m", (ZERO, ZERO), (H,), (0,)),
            Placement("d", "m", (ZERO, ZERO), (H,), (1,)),
        )
    },
    "c does not have the 1 axes of p, where it lies": {"placements": (Placement("c", "p", (ZERO, ZERO), (H, H)),)},
}


@pytest.mark.parametrize("message", DECLARED)
def test_a_wrong_declaration_is_refused(message):
    with pytest.raises(LoweringError) as error:
        check(kernel(**DECLARED[message]))
    assert str(error.value) == message


@pytest.mark.parametrize("which", ["forward", "backward"])
def test_a_kernel_without_one_of_its_buffers_or_statements_is_refused(which):
    whole = getattr(lowered("gru", "torch"), which)
    for buffer in whole.buffers:
        with pytest.raises(LoweringError, match="declare"):
            check(replace(whole, buffers=tuple(b for b in whole.buffers if b != buffer)))
    [loop] = [s for s in whole.body if isinstance(s, Loop)]
    used = {s for s in loop.body if isinstance(s, Assign) and s.target.base.name.startswith(("a_", "da_"))}
    assert used
    for statement in used:
        body = tuple(
            replace(s, body=tuple(u for u in s.body if u != statement)) if s is loop else s for s in whole.body
        )
        with pytest.raises(LoweringError, match="is read before it is written"):
            check(replace(whole, body=body))


def test_a_symbol_that_is_no_size_is_no_size():
    assert Symbol("H") != H
    with pytest.raises(LoweringError, match=r"^size H is not declared at: w\[i\] = 0"):
        check(kernel(Assign(w(i), ZERO, (Idx("i", Symbol("H", integer=True)),))))
