"""The interpreter: what each statement means, judged by a run element by element."""

import mpmath
import numpy as np
import pytest
from sympy import Idx, Integer

from grusym.calculus.program import Guard
from grusym.equations.axis import Axis
from grusym.equations.functions import FUNCTIONS
from grusym.equations.tensor import access
from grusym.lower.interpret import run, run_both
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Loop, WhenSaving
from tests.lower.judges import assert_close
from tests.lower.layers import ALL, lowered, of_kinds, random_arrays, some_sizes
from tests.lower.one_by_one import run_one_by_one

T, H, K = (Axis(name).extent for name in "THK")
ZERO = Integer(0)
t, i, j, k = Idx("t", T), Idx("i", H), Idx("j", H), Idx("k", K)
LASTING = (Kind.OUTPUT, Kind.SAVED, Kind.GRADIENT)
SIZES = {"T": 3, "H": 4, "K": 2}


def x(*at):
    return access("x", at)


def y(*at):
    return access("y", at)


def kernel(*body, y_shape=(H,)):
    buffers = (Buffer("x", (H,), Kind.INPUT), Buffer("m", (H, K), Kind.INPUT), Buffer("y", y_shape, Kind.OUTPUT))
    return Kernel("forward", (T, H, K), buffers, (), body)


SET = Assign(y(i), Integer(1), (i,))
STATEMENTS = {
    "a pointwise value": Assign(y(i), 2 * x(i) ** 3 - x(i) / (1 + x(i) ** 2), (i,)),
    "an index as a number": Assign(y(i), x(i) * (i - H) + i**2, (i,)),
    "an index as a number in a sum": Assign(y(i), access("m", (i, k)) * (k + 1) / (i + 1), (i,), (k,)),
    "an index of a loop as a number": (SET, Loop(k, (Assign(y(i), y(i) * x(i) + k * i, (i,)),))),
    "a value without an access": Assign(y(i), H / Integer(3), (i,)),
    "a transposed sum": Assign(y(i), access("m", (j, k)) * x(i) + x(j), (i,), (j, k)),
    "a sum without a product": Assign(y(i), access("m", (i, k)), (i,), (k,)),
    "a sum of a constant": Assign(y(i), Integer(1), (i,), (j, k)),
    "an accumulation": (SET, Assign(y(i), access("m", (i, k)), (i,), (k,), accumulate=True)),
    "a guard on a shift": Assign(y(i), x(i + 1), (i,), (), (Guard(i + 1, H),)),
    "a guard to the left": Assign(y(i), x(i - 2), (i,), (), (Guard(i - 2, H),)),
    "a guard in a sum": Assign(y(i), x(i + k) * access("m", (i, k)), (i,), (k,), (Guard(i + k, H),)),
    "a guard that never holds": Assign(y(i), x(i), (i,), (), (Guard(i + H, H),)),
    "a guard on no index": Assign(y(i), x(i), (i,), (), (Guard(K, H),)),
    "two guards": Assign(y(i), x(i + k) * x(i - k), (i,), (k,), (Guard(i + k, H), Guard(i - k, H))),
    "a scatter": (SET, Assign(y(2 * i - 1), x(i), (i,), (), (Guard(2 * i - 1, H),), accumulate=True)),
    "a stride that is a product of a sum": Assign(y(i), x(K * (i + k) - 1), (i,), (k,), (Guard(K * (i + k) - 1, H),)),
    "a loop": (SET, Loop(t, (Assign(y(i), y(i) * x(i), (i,)),))),
    "a loop whose order matters": (SET, Loop(i, (Assign(y(ZERO), y(ZERO) / 2 + x(i)),))),
    "a descending loop": (SET, Loop(i, (Assign(y(ZERO), y(ZERO) / 2 + x(i)),), descending=True)),
    "nested loops": (SET, Loop(t, (Loop(i, (Assign(y(i), y(i) + x(H - 1 - i)),)),), descending=True)),
    "what is saved": WhenSaving((SET,)),
}


@pytest.mark.parametrize("saving", [True, False])
@pytest.mark.parametrize("body", STATEMENTS.values(), ids=list(STATEMENTS))
def test_a_statement_means_what_it_says(body, saving):
    whole = kernel(*(body if isinstance(body, tuple) else (body,)))
    random = np.random.default_rng(5)
    given = {"x": random.normal(size=4), "m": random.normal(size=(4, 2))}
    got = run(whole, SIZES, given, saving=saving)["y"]
    np.testing.assert_allclose(got, run_one_by_one(whole, SIZES, given, saving)["y"], rtol=1e-15, atol=1e-15)


def test_several_values_may_meet_in_one_element():
    body = (Assign(y(), ZERO), Assign(y(), access("m", (i, k)), (), (i, k), accumulate=True))
    m = np.arange(8.0).reshape(4, 2)
    assert run(kernel(*body, y_shape=()), SIZES, {"m": m})["y"] == 28
    meet = (SET, Assign(y(i - j), access("x", (i,)), (i, j), (), (Guard(i - j, H),), accumulate=True))
    got = run(kernel(*meet), SIZES, {"x": np.array([1.0, 10, 100, 1000])})["y"]
    assert got.tolist() == [1112, 1111, 1101, 1001]


@pytest.mark.parametrize("name", ALL)
def test_the_kernels_of_every_cell_mean_what_they_say(name):
    layer = lowered(name)
    sizes = some_sizes(layer.forward, 2, 2, 2, 3, 2)
    given = random_arrays(layer, sizes, seed=3)
    for kernel in (layer.forward, layer.backward):
        results = run(kernel, sizes, given)
        lasting = of_kinds(kernel, results, *LASTING)
        assert_close(lasting, of_kinds(kernel, run_one_by_one(kernel, sizes, given), *LASTING), 1e-13)
        assert not any(np.isnan(array).any() for array in lasting.values())
        given |= of_kinds(kernel, results, Kind.SAVED)


@pytest.mark.parametrize("name", [*FUNCTIONS, "gru", "every function", "scatter into the state", "scalar parameter"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_a_type_of_numbers_stays(name, dtype):
    if name in FUNCTIONS:
        function = FUNCTIONS[name]
        whole = kernel(Assign(y(i), function(*(x(i), x(i) / 3)[: 2 if name in ("max", "min") else 1]), (i,)))
        results = [run(whole, SIZES, {"x": np.arange(1, 5)}, dtype=dtype)]
    else:
        layer = lowered(name)
        sizes = some_sizes(layer.forward)
        results = [run_both(layer, sizes, random_arrays(layer, sizes, 0), dtype)]
    for result in results:
        for array in result.values():
            assert array.dtype == dtype


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_its_value_in_floats_and_in_many_digits(name):
    arguments = (x(i), 1 - x(i))[: 2 if name in ("max", "min") else 1]
    whole = kernel(Assign(y(i), FUNCTIONS[name](*arguments), (i,)))
    positive = name in ("log", "sqrt")
    at = np.array([0.25, 0.5, 3, 20] if positive else [-20, -0.5, 0, 2.5])
    with mpmath.workdps(40):
        exact = run(whole, SIZES, {"x": at}, dtype=object)["y"]
    assert all(isinstance(value, mpmath.mpf) for value in exact)
    np.testing.assert_allclose(run(whole, SIZES, {"x": at})["y"], exact.astype(float), rtol=1e-15)


@pytest.mark.parametrize(
    "name", ["gru", "lstm", "gru:reset=before", "every function", "strided", "scatter into the input"]
)
def test_many_digits_give_the_same(name):
    layer = lowered(name)
    sizes = some_sizes(layer.forward, 2, 2, 2, 3, 2)
    given = random_arrays(layer, sizes, seed=4)
    with mpmath.workdps(30):
        exact = run_both(layer, sizes, given, object)
    want = {name: np.array(array, dtype=np.float64) for name, array in exact.items()}
    assert_close(run_both(layer, sizes, given), want, 1e-14)


def test_given_floats_are_computed_with_in_many_digits():
    whole = kernel(Assign(y(i), x(i) * x(i), (i,)))
    with mpmath.workdps(40):
        for given in (np.full(4, 0.1), np.full(4, 0.1, dtype=np.float32), np.full(4, mpmath.mpf("0.1"))):
            product = run(whole, SIZES, {"x": given}, dtype=object)["y"][0]
            assert abs(product - mpmath.mpf(given[0].item() if given.dtype != object else given[0]) ** 2) < 1e-40


def test_constants_have_as_many_digits_as_the_numbers():
    whole = kernel(Assign(y(i), x(i) * FUNCTIONS["exp"](Integer(1)) / 3, (i,)))
    with mpmath.workdps(40):
        exact = run(whole, SIZES, {"x": np.ones(4)}, dtype=object)["y"]
        assert abs(exact[0] - mpmath.e / 3) < 1e-38


def test_what_is_read_before_it_is_written_shows_as_nan():
    got = run(kernel(Assign(y(ZERO), x(ZERO))), SIZES, {"x": np.ones(4)})["y"]
    assert got[0] == 1
    assert np.isnan(got[1:]).all()
    assert np.isnan(run(kernel(Assign(y(i), x(i) + y(i), (i,))), SIZES, {"x": np.ones(4)})["y"]).all()


def test_an_array_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"^x has shape \(3,\), not \(4,\)$"):
        run(kernel(SET), SIZES, {"x": np.ones(3)})


def test_what_is_given_is_left_alone():
    layer = lowered("gru")
    sizes = some_sizes(layer.forward)
    tape = run(layer.forward, sizes, random_arrays(layer, sizes, 0))
    before = {name: array.copy() for name, array in tape.items()}
    run(layer.forward, sizes, tape | {"x": np.zeros_like(tape["x"])})
    for name, array in before.items():
        np.testing.assert_array_equal(tape[name], array)


def test_no_samples_give_empty_outputs():
    layer = lowered("every function")
    sizes = some_sizes(layer.forward, 3, 0)
    result = run_both(layer, sizes, random_arrays(layer, sizes, 0))
    assert result["y"].shape == (3, 0, 4)
    assert not result["dw"].any()
