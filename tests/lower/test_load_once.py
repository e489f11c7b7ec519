"""Loads by a name: never across a store to the same memory, nor out of a guard or a condition."""

from dataclasses import replace

import pytest
from sympy import Idx

from grusym.calculus.program import Guard
from grusym.lower.check import check
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Loop
from grusym.lower.load_once import load_once
from tests.lower.by_hand import BUFFERS, PARTS, H, K, add, assert_same, at, i, j, k, kernel, over, put, saving

X = at("x", i)
NAMED = {
    "read twice": [over(i, put(at("a", i), X), put(at("b", i), 2 * X))],
    "squared": [over(i, put(at("a", i), X**2))],
    "read in a loop inside": [over(i, over(j, put(at("o", i, j), X * at("m", i, j))))],
    "read in a sum": [over(i, put(at("a", i), X * at("m", i, j), over=(j,)))],
}
LEFT = {
    "read once": [over(i, put(at("a", i), X))],
    "behind a guard": [over(i, *(put(at(a, i), at("x", i + 1), guards=(Guard(i + 1, H),)) for a in "ab"))],
    "under a condition": [over(i, saving(put(at("a", i), X)), saving(put(at("b", i), X)))],
    "stored to in between": [
        over(i, put(at("a", i), X), put(at("b", i), at("a", i)), put(at("a", i), at("b", i) + at("a", i)))
    ],
    "stored to by a part's name": [
        over(i, put(at("first", i), X), put(at("a", i), at("w", i)), put(at("b", i), at("w", i))),
    ],
    "a part, stored to by the buffer's name": [
        over(i, put(at("w", i), X), put(at("a", i), at("first", i)), put(at("b", i), at("first", i))),
    ],
    "added to in a loop inside": [
        over(i, put(at("b", i), X), over(j, add(at("b", i), at("m", i, j))), put(at("a", i), at("b", i) ** 2)),
    ],
}


@pytest.mark.parametrize("name", NAMED)
def test_an_element_read_several_times_gets_a_name(name):
    before = kernel(*NAMED[name])
    after = check(load_once(before))
    assert [b.name for b in after.of_kind(Kind.SCALAR)] == ["x_i"]
    assert_same(before, after)


@pytest.mark.parametrize("name", LEFT)
def test_what_may_change_or_may_not_be_there_is_read_where_it_stands(name):
    before = kernel(*LEFT[name])
    after = load_once(before)
    assert after == before
    assert_same(before, after)


def test_a_load_stands_inside_the_loop_that_binds_its_index():
    before = kernel(over(i, over(k, add(at("a", i), 0)), over(j, put(at("o", i, j), at("x", j) ** 2))))
    after = load_once(before)
    (outer,) = after.body
    assert not any(isinstance(s, Assign) for s in outer.body)
    inner = [s for s in outer.body if isinstance(s, Loop)][-1]
    assert inner.body[0] == Assign(at("x_j"), at("x", j))


def test_names_of_scalars_are_free():
    index = Idx("x_n", H)
    buffers = (*BUFFERS, Buffer("x_x_n", (H,), Kind.WORKSPACE))
    made = Kernel("forward", (H, K), buffers, PARTS, (over(index, put(at("a", index), at("x", index) ** 2)),))
    assert [b.name for b in load_once(made).of_kind(Kind.SCALAR)] == ["x_x_n2"]
    saved = replace(made, buffers=(*BUFFERS, Buffer("saved_n", (H,), Kind.SAVED)))
    n = Idx("n", H)
    after = load_once(replace(saved, body=(over(n, put(at("a", n), at("saved_n", n) ** 2)),)))
    assert [b.name for b in after.of_kind(Kind.SCALAR)] == ["saved_n_n"]
