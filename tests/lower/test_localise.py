"""What becomes a scalar: only what is written once and read afterwards, within one iteration."""

import pytest

from grusym.conventions.packing import Placement
from grusym.lower.ir import Kernel, Kind
from grusym.lower.localise import localise
from tests.lower.by_hand import BUFFERS, ZERO, H, K, add, assert_same, at, i, j, kernel, over, put, saving

LOCAL = {
    "written and read": [over(i, put(at("s", i), at("x", i)), put(at("a", i), at("s", i)))],
    "read in a loop inside": [
        over(i, put(at("s", i), at("x", i)), over(j, put(at("o", i, j), at("s", i)))),
    ],
    "read under a condition": [over(i, put(at("s", i), at("x", i)), saving(put(at("a", i), at("s", i))))],
    "a sum": [over(i, put(at("s", i), at("m", i, j), over=(j,)), put(at("a", i), at("s", i)))],
}

LASTING = {
    "read in another loop": [over(i, put(at("s", i), at("x", i))), over(i, put(at("a", i), at("s", i)))],
    "read in a later iteration": [
        over(i, put(at("s", i), 0)),
        over(i, put(at("a", i), at("s", i)), put(at("s", i), at("x", i))),
    ],
    "read in the iteration before it is written": [
        over(j, put(at("s", j), 0)),
        over(i, over(j, put(at("o", i, j), at("s", j)), put(at("s", j), at("x", i)))),
    ],
    "another element is read": [
        over(i, put(at("s", i), at("x", i))),
        over(i, put(at("t", i), at("s", H - 1 - i)), put(at("s", i), at("t", i)), put(at("a", i), at("s", i))),
    ],
    "summed over": [over(i, put(at("s", i), at("x", i)), put(at("a", i), at("s", j), over=(j,)))],
    "added to": [over(i, put(at("s", i), 0), add(at("s", i), at("x", i)), put(at("a", i), at("s", i)))],
    "written under a condition only": [
        over(i, put(at("s", i), 0)),
        over(i, saving(put(at("s", i), at("x", i))), put(at("a", i), at("s", i))),
    ],
    "the caller's": [over(i, put(at("b", i), at("x", i)), put(at("a", i), at("b", i)))],
}


def local(made) -> list[str]:
    return [buffer.name for buffer in localise(made).of_kind(Kind.SCALAR)]


@pytest.mark.parametrize("name", LOCAL)
def test_what_lives_within_one_iteration_becomes_a_scalar(name):
    before = kernel(*LOCAL[name])
    assert local(before) == ["s"]
    assert_same(before, localise(before))


@pytest.mark.parametrize("name", LASTING)
def test_what_lives_longer_stays_in_memory(name):
    before = kernel(*LASTING[name])
    assert "s" not in local(before)
    assert_same(before, localise(before))


def test_a_buffer_that_has_parts_stays_in_memory():
    body = (over(i, put(at("s", i), at("x", i)), put(at("a", i), at("piece", i))),)
    made = Kernel("forward", (H, K), BUFFERS, (Placement("piece", "s", (ZERO,), (H,)),), body)
    assert local(made) == []
