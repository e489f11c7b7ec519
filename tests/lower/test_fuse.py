"""Fusing loops: where it is exact, and where one iteration would meet another's unfinished work."""

import pytest
from sympy import Idx

from grusym.calculus.program import Guard
from grusym.lower.fuse import fuse
from grusym.lower.ir import Loop, WhenSaving
from grusym.lower.traverse import bound_in
from tests.lower.by_hand import H, K, add, assert_same, at, i, j, k, kernel, over, put, saving

EXACT = {
    "independent": [over(i, put(at("a", i), at("x", i))), over(j, put(at("b", j), at("x", j)))],
    "the element just written": [over(i, put(at("a", i), at("x", i))), over(j, put(at("b", j), 2 * at("a", j)))],
    "its own row": [
        over(i, over(j, put(at("o", i, j), at("m", i, j)))),
        over(i, put(at("a", i), at("o", i, j), over=(j,))),
    ],
    "a part of a buffer and the same element by the buffer's name": [
        over(i, put(at("first", i), at("x", i))),
        over(j, put(at("a", j), at("w", j))),
    ],
    "two parts of one buffer": [
        over(i, put(at("first", i), at("x", i))),
        over(j, put(at("second", j), at("x", H - 1 - j))),
    ],
    "both add to one element": [
        put(at("total"), 0),
        over(i, add(at("total"), at("x", i))),
        over(j, add(at("total"), at("m", j, j))),
    ],
    "past what does not matter": [
        over(i, put(at("a", i), at("x", i))),
        over(k, put(at("q", k), 1)),
        over(j, put(at("b", j), at("a", j))),
    ],
    "an index that stands as a number": [
        over(i, put(at("a", i), i * at("x", i))),
        over(j, put(at("b", j), j * at("a", j) + at("x", j))),
    ],
    "both downwards": [
        over(i, put(at("a", i), at("x", i)), descending=True),
        over(j, put(at("b", j), at("a", j)), descending=True),
    ],
}

WRONG = {
    "reads the next element": [
        over(i, put(at("a", i), at("x", i))),
        over(j, put(at("b", j), at("a", j + 1), guards=(Guard(j + 1, H),))),
    ],
    "overwrites what the next iteration reads": [
        over(i, put(at("a", i), 1)),
        over(i, put(at("b", i), at("a", H - 1 - i))),
        over(j, put(at("a", j), at("x", j))),
    ],
    "reads the last element first": [
        over(i, put(at("a", i), at("x", i))),
        over(j, put(at("b", j), at("a", H - 1 - j))),
    ],
    "sums over what the loop writes": [
        over(i, put(at("a", i), at("x", i))),
        over(j, put(at("b", j), at("a", i), over=(i,))),
    ],
    "reads a sum that the loop adds up": [
        put(at("total"), 0),
        over(i, add(at("total"), at("x", i))),
        over(j, put(at("b", j), at("total"))),
    ],
    "reads the transpose": [
        over(i, over(j, put(at("o", i, j), at("m", i, j)))),
        over(i, put(at("a", i), at("o", j, i), over=(j,))),
    ],
    "writes the same elements in another order": [
        over(i, put(at("a", i), at("x", i))),
        over(j, put(at("a", H - 1 - j), 2 * at("x", j))),
    ],
    "runs the other way": [
        over(i, put(at("a", i), at("x", i))),
        over(j, put(at("b", j), at("a", j)), descending=True),
    ],
    "runs further": [over(i, put(at("a", i), at("x", i))), over(k, put(at("q", k), 1))],
    "reads another element by the buffer's name": [
        over(i, put(at("first", i), at("x", i))),
        over(j, put(at("a", j), at("w", H - 1 - j), guards=())),
    ],
    "writes a part in which another name reads another element": [
        over(j, put(at("second", j), 1)),
        over(i, put(at("first", i), at("x", i))),
        over(j, put(at("a", j), at("w", H + j) + at("w", H - 1 - j))),
    ],
}


def loops(made) -> int:
    return sum(isinstance(statement, Loop) for statement in made.body)


@pytest.mark.parametrize("name", EXACT)
def test_loops_fuse_where_that_is_exact(name):
    before = kernel(*EXACT[name])
    after = fuse(before)
    assert loops(after) == loops(before) - 1, str(after)
    assert_same(before, after)


@pytest.mark.parametrize("name", WRONG)
def test_loops_stay_apart_where_fusing_is_wrong(name):
    before = kernel(*WRONG[name])
    after = fuse(before)
    assert_same(before, after)
    assert loops(after) >= 2, str(after)


def test_a_loop_does_not_move_over_the_zeroing_of_a_buffer_whose_part_it_adds_to():
    # The names differ (w, and its half `second`), the memory does not.
    whole = Idx("n", 2 * H)
    before = kernel(
        over(i, put(at("a", i), at("x", i))),
        over(whole, put(at("w", whole), 0)),
        over(j, add(at("second", j), at("x", j))),
    )
    after = fuse(before)
    assert loops(after) == 3
    assert_same(before, after)


def test_a_loop_does_not_move_over_a_statement_that_reads_what_it_overwrites():
    before = kernel(
        over(i, put(at("a", i), at("x", i))),
        over(k, put(at("q", k), at("a", i), over=(i,))),
        over(j, put(at("a", j), 0)),
    )
    after = fuse(before)
    assert loops(after) == 3
    assert_same(before, after)


def test_conditions_join_only_over_what_does_not_matter_to_them():
    apart = kernel(
        over(i, saving(put(at("a", i), at("x", i))), put(at("b", i), 2), saving(put(at("c", i), at("b", i))))
    )
    (loop,) = fuse(apart).body
    assert [type(s) for s in loop.body].count(WhenSaving) == 2
    together = kernel(
        over(i, put(at("b", i), 2), saving(put(at("a", i), at("x", i))), saving(put(at("c", i), at("b", i))))
    )
    (loop,) = fuse(together).body
    assert [type(s) for s in loop.body].count(WhenSaving) == 1


def test_an_index_is_not_bound_twice():
    # The second loop's inner index has the name, though not the extent, of the first loop's.
    other = Idx("i", K)
    before = kernel(
        over(i, put(at("a", i), at("x", i))),
        over(j, put(at("b", j), 0), over(other, add(at("b", j), at("x", j)))),
    )
    after = fuse(before)
    names = [index.name for index in bound_in(after.body)]
    assert names.count("i") == 2
    assert loops(after) == 2
    assert_same(before, after)


def test_inner_loops_fuse_too():
    before = kernel(
        over(i, put(at("a", i), 0)),
        over(i, over(j, put(at("o", i, j), at("m", i, j)))),
        over(i, over(j, add(at("a", i), at("o", i, j)))),
    )
    after = fuse(before)
    assert len(list(bound_in(after.body))) == 2
    assert_same(before, after)
