"""The transposed access map: gathers where it can be solved, scatters otherwise, the same numbers either way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grusym.calculus.program import Guard, Node
from grusym.calculus.transpose import Contribution, Part, transpose
from grusym.equations.axis import Axis, extent_of
from grusym.equations.tensor import access
from tests.calculus.evaluate import run_node

SIZES = {"P": 4, "Q": 3, "K": 2}
P, Q, K = map(Axis, SIZES)
p, q, u, v = P.index("p"), Q.index("q"), K.index("u"), P.index("v")


def contribution(*indices):
    """A[indices] received g[p,q,u], wherever the access lies inside A, which has the axes P and Q."""
    guards = tuple(Guard(i, a.extent) for i, a in zip(indices, (P, Q), strict=False))
    outside = tuple(guard for guard in guards if not guard.always_holds)
    return Contribution(indices, access("g", (p, q, u)), (p, q, u), outside)


def shown(part: Part) -> str:
    over = tuple(i for i in part.over if not any(position.has(i) for position in part.target))
    return str(Node(access("dA", part.target), part.term, over, part.guards))


@pytest.mark.parametrize(
    ("indices", "result"),
    [
        ((p, q), "dA[v, q] = sum[u] g[v, q, u]"),
        ((p + u - 1, q), "dA[v, q] = sum[u] g[-u + v + 1, q, u]  where 0 <= -u + v + 1 < P"),
        ((P.extent - 1 - p, q), "dA[v, q] = sum[u] g[P - v - 1, q, u]  where 0 <= P - v - 1 < P"),
        ((2 * p + u, q), "dA[v, q] = sum[p] g[p, q, -2*p + v]  where 0 <= -2*p + v < K"),
        ((2 * p, q), "dA[2*p, q] += sum[u] g[p, q, u]  where 0 <= 2*p < P"),
        ((p, p), "dA[p, p] += sum[q,u] g[p, q, u]  where 0 <= p < Q"),
        ((0, q), "dA[0, q] += sum[p,u] g[p, q, u]"),
        ((p + u, q - u), "dA[v, q] = sum[u] g[-u + v, q + u, u]  where 0 <= -u + v < P and 0 <= q + u < Q"),
        ((p, q + p), "dA[v, q] = sum[u] g[v, q - v, u]  where 0 <= q - v < Q"),
    ],
)
def test_what_becomes_of_an_access(indices, result):
    indices = tuple(i if hasattr(i, "args") else P.extent * 0 + i for i in indices)
    assert shown(transpose(contribution(*indices), (v, q))) == result


coefficient = st.integers(-2, 2)
position = st.tuples(coefficient, coefficient, coefficient, st.integers(-2, 3))


@given(position, position)
@settings(max_examples=150, deadline=None)
def test_a_gather_adds_up_what_the_scatter_does(first, second):
    indices = tuple(a * p + b * q + c * u + d + 0 * P.extent for a, b, c, d in (first, second))
    sent = contribution(*indices)
    # The definition: dA[f(p,q,u)] += g[p,q,u], one by one.
    scattered = np.zeros((SIZES["P"], SIZES["Q"]), complex)
    g = np.random.default_rng(0).uniform(-1, 1, tuple(SIZES.values())).astype(complex)
    for here in np.ndindex(*g.shape):
        there = tuple(a * here[0] + b * here[1] + c * here[2] + d for a, b, c, d in (first, second))
        if all(0 <= at < extent for at, extent in zip(there, scattered.shape, strict=True)):
            scattered[there] += g[here]
    part = transpose(sent, (v, q))
    over = tuple(i for i in part.over if not any(position.has(i) for position in part.target))
    node = Node(access("dA", part.target), part.term, over, part.guards)
    got = run_node(node, {"g": g}, scattered.shape, SIZES)
    np.testing.assert_allclose(got, scattered, atol=1e-14)


def test_a_summed_index_takes_back_a_name_that_has_become_free():
    # h[k] in U[i,k] h[k]: the sum over i is called i, not i_.
    i, k = P.index("i"), P.index("k")
    part = transpose(Contribution((k,), access("U", (i, k)) * access("dy", (i,)), (i, k), ()), (k,))
    assert shown(part) == "dA[k] = sum[i] U[i, k]*dy[i]"
    # the same, written in i: the roles of i and k change
    part = transpose(Contribution((k,), access("U", (i, k)) * access("dy", (i,)), (i, k), ()), (i,))
    assert shown(part) == "dA[i] = sum[k] U[k, i]*dy[k]"
    assert extent_of(part.over[0]) == P.extent
