"""The summation convention: which indices are summed, over what, and what is refused as ambiguous."""

import pytest

from tests.equations.refusal import HEAD, assert_refused, equation_of

K = "(k, 0, H - 1)"


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("W[i,k] h[k]", f"Sum(W[i, k]*h[k], {K})"),
        ("W[i,k] h[k] + V[i,k] h[k]", f"Sum(V[i, k]*h[k], {K}) + Sum(W[i, k]*h[k], {K})"),
        ("W[i,k] (r[k] h[k])", f"Sum(W[i, k]*h[k]*r[k], {K})"),
        ("sum[k](W[i,k] (r[k] h[k] + b[k]))", f"Sum((b[k] + h[k]*r[k])*W[i, k], {K})"),
        ("h[k] h[k]", f"Sum(h[k]**2, {K})"),
        ("h[i] h[i]", "h[i]**2"),
        ("A[k,k]", f"Sum(A[k, k], {K})"),
        ("A[k,k] A[l,l]", f"Sum(A[k, k]*A[l, l], {K}, (l, 0, H - 1))"),
        ("A[k,k]^2", f"Sum(A[k, k], {K})**2"),
        ("h[i] A[k,k]", f"Sum(A[k, k]*h[i], {K})"),
        ("A[i,k] V[k,l] h[l]", f"Sum(A[i, k]*V[k, l]*h[l], {K}, (l, 0, H - 1))"),
        ("tanh(W[i,k] h[k])", f"tanh(Sum(W[i, k]*h[k], {K}))"),
        ("h[i] tanh(W[i,k] h[k])", f"tanh(Sum(W[i, k]*h[k], {K}))*h[i]"),
        ("W[i,k] tanh(h[k])", f"Sum(tanh(h[k])*W[i, k], {K})"),
        ("W[i,k] h[k]^2", f"Sum(W[i, k]*h[k]**2, {K})"),
        ("(W[i,k] h[k])^2", f"Sum(W[i, k]*h[k], {K})**2"),
        ("W[i,k] / h[k]", f"Sum(W[i, k]/h[k], {K})"),
        ("1 / (W[i,k] h[k])", f"1/Sum(W[i, k]*h[k], {K})"),  # a divisor in brackets is closed by itself
        ("h[i] / (h[k] h[k])", f"h[i]/Sum(h[k]**2, {K})"),
        ("sum[k](h[k])", f"Sum(h[k], {K})"),
        ("sum[k](h[k]) / H", f"Sum(h[k], {K})/H"),
        ("sum[k](h[k] - h[i])", f"Sum(-h[i] + h[k], {K})"),
        ("sum[k](h[k] h[k])", f"Sum(h[k]**2, {K})"),
        ("sum[k](W[k,l] h[l])", f"Sum(W[k, l]*h[l], (l, 0, H - 1), {K})"),
        ("sum[k,l](h[k] + h[l])", f"Sum(h[k] + h[l], {K}, (l, 0, H - 1))"),
        ("sum[k]((1 - h[k]) h[k])", f"Sum((1 - h[k])*h[k], {K})"),
        ("sum[k](h[k])^2", f"Sum(h[k], {K})**2"),
        ("sum[k](1)", f"Sum(1, {K})"),
        ("sum[k](h[i] - h[i])", "0"),
        ("w[k] h[i+k-1]", f"Sum(h[i + k - 1]*w[k], {K})"),
        ("w[k] h[2 (i + k) - H]", f"Sum(h[-H + 2*i + 2*k]*w[k], {K})"),
        ("i h[i]", "i*h[i]"),
        ("W[i,k] h[k] k", f"Sum(k*W[i, k]*h[k], {K})"),
        ("W[i,k] h[k] (k - 1/2)", f"Sum((k - 1/2)*W[i, k]*h[k], {K})"),
        ("W[i,k] (h[k] + k)", f"Sum((k + h[k])*W[i, k], {K})"),
        ("W[i,k] h[k] tanh(k)", f"Sum(tanh(k)*W[i, k]*h[k], {K})"),
        ("W[i,k] h[k] / (k + 1)", f"Sum(W[i, k]*h[k]/(k + 1), {K})"),
        ("k^2 h[k] h[k] + i", f"i + Sum(k**2*h[k]**2, {K})"),
        ("sum[k](k)", f"Sum(k, {K})"),
        ("sum[k](k h[k])", f"Sum(k*h[k], {K})"),
        ("w[k] h[i+k-1] k", f"Sum(k*h[i + k - 1]*w[k], {K})"),
        ("h[H-1-i]", "h[H - i - 1]"),
        ("h[0]", "h[0]"),
        ("w[k] h[i + k - (H-1)/2]", f"Sum(h[-H/2 + i + k + 1/2]*w[k], {K})"),
    ],
)
def test_what_is_summed(value, meaning):
    assert equation_of(value) == meaning


SUMMED_INSIDE = (
    "index k is summed inside a bracket or function and stands outside it too; give the inner expression an equation "
    "of its own, or write sum[k](...)"
)
LACKS = (
    "index k is summed over this bracket, but one of its terms lacks it; write sum[k](...) around the product to sum "
    "that term too"
)
NO_VALUE = (
    "index {0} has no value here, as it is neither on the left nor summed in its term; "
    "write sum[{0}](...) to sum over it"
)
NEITHER = "index {0} of {1} is neither on the left nor repeated in its term; write sum[{0}](...) to sum it"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("»tanh(W[i,k] h[k]) h[k]", SUMMED_INSIDE),
        ("b[k] (»W[i,k] h[k] + h[i])", SUMMED_INSIDE),
        ("b[k] (»W[i,k] h[k] + h[k])", SUMMED_INSIDE),  # free in one term, summed in the other
        ("b[k] / (»W[i,k] h[k])", SUMMED_INSIDE),
        ("h[k] »sum[k](h[k])", SUMMED_INSIDE),
        ("b[k] »tanh(A[k,k] + h[k])", SUMMED_INSIDE),
        ("W[i,k] (»r[k] h[k] + b[k])", SUMMED_INSIDE),  # the dot product of r and h, or r h + b?
        ("W[i,k] (h[k] + »1)", LACKS),
        ("W[i,k] (»b[i] + h[k])", LACKS),
        ("h[»k]", NEITHER.format("k", "h")),
        ("tanh(W[i,k] h[k] + h[»k])", NEITHER.format("k", "h")),
        ("h[»k] + h[k]", NEITHER.format("k", "h")),
        ("h[i] (x[»j] + 1)", NEITHER.format("j", "x")),
        ("tanh(h[»k])", NEITHER.format("k", "h")),
        ("max(h[»k], b[k])", NEITHER.format("k", "h")),
        ("h[»k]^2", NEITHER.format("k", "h")),
        ("x[»j+j]", NEITHER.format("j", "x")),
        ("h[i + »k]", NEITHER.format("k", "h")),
        ("tanh(W[i,k] h[k]) b[»l]", NEITHER.format("l", "b")),
        ("sum[»i](h[i])", "index i is on the left or summed already; sum over another index of H"),
        ("sum[k,»k](h[k])", "index k is on the left or summed already; sum over another index of H"),
        ("sum[k](sum[»k](h[k]))", "index k is on the left or summed already; sum over another index of H"),
        ("h[i] + »k", NO_VALUE.format("k")),
        ("h[i] »k", NO_VALUE.format("k")),
        ("h[i] tanh(»k)", NO_VALUE.format("k")),
        ("tanh(W[i,k] h[k]) »k", NO_VALUE.format("k")),
        ("(W[i,k] h[k] + 1) »k", NO_VALUE.format("k")),
        ("h[k] h[k] + »k", NO_VALUE.format("k")),  # another term
        ("»k k", NO_VALUE.format("k")),  # a number is no occurrence: k^2 of no k
        ("b[»k] k", NEITHER.format("k", "b")),
        ("b[»k] (h[i] + k)", NEITHER.format("k", "b")),
        ("W[i,k] (h[k] + k + »1)", LACKS),
        ("h[i]»^i", "an exponent must be a whole number or fraction up to 64, not i"),
        ("W[i,k] »sum[k](h[k])", SUMMED_INSIDE),
        ("sum[»q](h[k])", "index q has no axis; add it to the axes clause, as in 'q: I'"),
        ("h[»q]", "index q has no axis; add it to the axes clause, as in 'q: I'"),
    ],
)
def test_what_is_refused(value, message):
    assert_refused(f"{HEAD}h'[i] = {value}", message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("h[»1.5]", "an index is a whole number, at most 1000000, not 1.5"),
        ("h[i + »1e7]", "an index is a whole number, at most 1000000, not 1e7"),
        ("h[»i/2]", "index i moves in whole steps only, not as in i/2"),
        ("h[»i/H]", "index i moves in whole steps only, not as in i/H"),
        ("h[»i i]", "an index expression is linear in its indices"),
        ("h[»1/i]", "an index expression is linear in its indices"),
        ("h[i/»0]", "this divides by zero"),
        ("h[i»^2]", "an index expression holds indices, whole numbers and extents only"),
        ("h[»tanh(i)]", "an index expression holds indices, whole numbers and extents only"),
        ("h[»x[j]]", "an index expression holds indices, whole numbers and extents only"),
        ("»A[i+1]", "the axis of A cannot be read off the index i + 1; declare it in a parameters clause"),
    ],
)
def test_an_index_expression_is_linear_and_whole(value, message):
    assert_refused(f"{HEAD}h'[i] = {value}", message)
