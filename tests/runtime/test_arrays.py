"""Arrays that callers pass: what is read off them, and what is said of those that do not fit."""

import numpy as np
import pytest
from sympy import Integer, Symbol

from grusym.errors import InputError
from grusym.lower.ir import Buffer, Kind
from grusym.runtime.arrays import check_array, check_small, named, read_sizes

T, B, H = (Symbol(name, integer=True, positive=True) for name in "TBH")
X = Buffer("x", (T, B, H), Kind.INPUT)
H0 = Buffer("h0", (B, H), Kind.INPUT)
W = Buffer("w", (3 * H, H), Kind.PARAMETER)


V = Buffer("v", (H, H + B), Kind.PARAMETER)


def zeros(*shape: int, dtype=np.float64) -> np.ndarray:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("value", "names", "arrays"),
    [
        (1, ["a"], {"a": 1}),
        ((1,), ["a"], {"a": 1}),
        ((1, 2), ["a", "b"], {"a": 1, "b": 2}),
        ([1, 2], ["a", "b"], {"a": 1, "b": 2}),
        ((None, 2), ["a", "b"], {"b": 2}),
        ({"b": 2}, ["a", "b"], {"b": 2}),
        ({"a": None, "b": 2}, ["a", "b"], {"b": 2}),
        ([1, 2], ["a"], {"a": [1, 2]}),
    ],
)
def test_arrays_are_given_alone_in_order_or_by_name(value, names, arrays):
    assert named("the input", value, names) == arrays


def test_none_stands_for_none_of_them_where_that_is_allowed():
    assert named("the state", None, ["h0", "c0"], optional=True) == {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((1, 2, 3), "the state consists of h0, c0: 2 array(s), not 3"),
        (1, "the state consists of h0, c0: 2 array(s), not 1"),
        ({"h1": 1, "z": 2}, "the state has no h1, z; it consists of h0, c0"),
    ],
)
def test_names_and_numbers_that_do_not_fit_are_named(value, message):
    with pytest.raises(InputError) as caught:
        named("the state", value, ["h0", "c0"])
    assert str(caught.value) == message


def test_sizes_are_read_off_shapes():
    arrays = {"x": zeros(4, 2, 3), "h0": zeros(2, 3), "w": zeros(9, 3)}
    assert read_sizes((X, H0, W), arrays, "float64") == {"T": 4, "B": 2, "H": 3}
    assert read_sizes((X, H0), {"h0": zeros(2, 3)}, "float64") == {"B": 2, "H": 3}
    assert read_sizes((Buffer("s", (), Kind.PARAMETER),), {"s": zeros()}, "float64") == {}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": zeros(4, 2, 3), "h0": zeros(2, 5)},
            "h0 (B, H) has shape (2, 5), so H would be 5, but x says H = 3",
        ),
        ({"x": zeros(4, 2)}, "x has shape (4, 2), but (T, B, H) is wanted"),
        ({"w": zeros(8, 3)}, "w has shape (8, 3), but (3*H, H) = (9, 3) is wanted"),
        ({"x": [1.0]}, "x is a list, not a NumPy array; pass np.asarray(x, np.float64)"),
        ({"x": np.float64(1)}, "x is a float64, not a NumPy array; pass np.asarray(x, np.float64)"),
    ],
)
def test_what_does_not_fit_is_refused_with_symbols_and_numbers(arrays, message):
    with pytest.raises(InputError) as caught:
        read_sizes((X, H0, W), arrays, "float64")
    assert str(caught.value) == message


def misaligned() -> np.ndarray:
    return np.zeros(33, np.uint8)[1:].view(np.float64)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (zeros(2, dtype=np.float32), "x is float32, but the kernel computes in float64; pass x.astype(np.float64)"),
        (np.zeros(2, ">f8"), "x is >f8, but the kernel computes in float64; pass x.astype(np.float64)"),
        (np.zeros(2, int), "x is int64, but the kernel computes in float64; pass x.astype(np.float64)"),
        (np.zeros(2, object), "x is object, but the kernel computes in float64; pass x.astype(np.float64)"),
        (
            zeros(3, 2).T,
            "x with strides (8, 16) is not contiguous in row-major order; pass np.ascontiguousarray(x)",
        ),
        (
            zeros(4)[::2],
            "x with strides (16,) is not contiguous in row-major order; pass np.ascontiguousarray(x)",
        ),
        (
            np.broadcast_to(zeros(1), (5,)),
            "x with strides (0,) is not contiguous in row-major order; pass np.ascontiguousarray(x)",
        ),
        (misaligned(), "x does not begin at a multiple of 8 bytes in memory; pass x.copy()"),
    ],
)
def test_what_a_kernel_would_misread_is_refused_and_the_mend_mends_it(array, message):
    with pytest.raises(InputError) as caught:
        check_array("x", array, "float64")
    assert str(caught.value) == message
    mend = str(caught.value).split("pass ")[1]
    check_array("x", eval(mend, {"x": array, "np": np}), "float64")


def test_extents_that_are_missing_or_zero_are_named():
    with pytest.raises(InputError, match=r"^the size H cannot be read off the given arrays; pass the initial states$"):
        check_small({"T": 0, "B": 0}, ["T", "B", "H"])
    with pytest.raises(InputError, match=r"^H is 0, but an axis of the cell needs at least 1 element$"):
        check_small({"T": 0, "B": 0, "H": 0}, ["T", "B", "H"])
    check_small({"T": 0, "B": 0, "H": 1}, ["T", "B", "H"])


def test_an_extent_of_one_number_is_checked():
    with pytest.raises(InputError, match=r"^w has shape \(3,\), but \(2,\) = \(2,\) is wanted$"):
        read_sizes((Buffer("w", (Integer(2),), Kind.PARAMETER),), {"w": zeros(3)}, "float64")


def test_a_size_that_stands_in_a_sum_alone_is_solved_for():
    assert read_sizes([V], {"v": zeros(3, 5)}, "float64") == {"H": 3, "B": 2}
    assert read_sizes([V], {"v": zeros(3, 2)}, "float64") == {"H": 3, "B": -1}


def test_a_size_that_comes_out_negative_is_refused():
    with pytest.raises(InputError, match=r"^H is -1, but an axis of the cell needs at least 1 element$"):
        check_small({"H": -1}, ["H"])
