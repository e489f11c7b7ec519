"""Sums in scalars: the same sums, and nothing stored where a guard said not to."""

from sympy import Idx

from grusym.calculus.program import Guard
from grusym.equations.tensor import tensor_of
from grusym.lower.check import check
from grusym.lower.ir import Buffer, Kernel, Kind
from grusym.lower.scalar_sums import scalar_sums
from grusym.lower.traverse import assigns
from tests.lower.by_hand import BUFFERS, PARTS, H, K, add, assert_same, at, i, j, kernel, over, put


def test_a_sum_into_memory_stores_once():
    before = kernel(over(i, put(at("a", i), at("m", i, j), over=(j,))))
    after = check(scalar_sums(before))
    total, store = assigns(after.body)
    assert (tensor_of(total.target), total.over, store.over) == ("a_sum", (j,), ())
    assert_same(before, after)


def test_a_sum_that_may_fall_outside_its_array_keeps_its_guard():
    # Scatter: a[2*i - 1] += sum_j m[i, j], for the i at which that element is there.
    guard = Guard(2 * i - 1, H)
    before = kernel(
        over(i, put(at("a", i), 0)), over(i, add(at("a", 2 * i - 1), at("m", i, j), over=(j,), guards=(guard,)))
    )
    after = check(scalar_sums(before))
    assert [assign.guards for assign in assigns(after.body)] == [(), (guard,), (guard,)]
    assert_same(before, after)


def test_a_guard_on_the_summed_index_stays_with_the_sum():
    guard = Guard(i + j - 1, H)
    before = kernel(over(i, put(at("a", i), 1), add(at("a", i), at("x", i + j - 1), over=(j,), guards=(guard,))))
    after = check(scalar_sums(before))
    assert [assign.guards for assign in assigns(after.body)] == [(), (guard,), ()]
    assert_same(before, after)


def test_a_sum_into_an_array_without_axes_is_one_too():
    before = kernel(put(at("total"), 2), add(at("total"), at("x", i), over=(i,)))
    after = check(scalar_sums(before))
    assert [b.name for b in after.of_kind(Kind.SCALAR)] == ["total_sum"]
    assert_same(before, after)


def test_names_of_scalars_are_free():
    index = Idx("a_sum2", H)
    buffers = (*BUFFERS, Buffer("a_sum", (H,), Kind.OUTPUT))
    body = (over(index, put(at("a", index), at("m", index, j), over=(j,))),)
    after = scalar_sums(Kernel("forward", (H, K), buffers, PARTS, body))
    assert [b.name for b in after.of_kind(Kind.SCALAR)] == ["a_sum3"]
