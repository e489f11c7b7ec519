"""Derived bounds hold for arithmetic as coarse as float16, in every order of summation, and are not far too wide."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Rational

from grusym.equations.library import BUILT_IN, cell
from grusym.oracle import balls, bounds
from grusym.oracle.bounds import Bounds
from grusym.oracle.checks import _cotangents
from grusym.oracle.gate_a import Steps, steps_at
from grusym.oracle.gate_b import Sequence
from grusym.oracle.profile import PROFILES
from grusym.oracle.spec import KINDS, Spec, materialise, rich_sizes
from grusym.oracle.step import arguments_of, jacobian, results_of, step

RANDOM = np.random.default_rng(0)


def shuffled_dot(matrix, vectors, random):
    """vectors @ matrix.T, rounded after every operation, the terms added in some order or pairwise."""
    terms = [vectors[:, None, k] * matrix[None, :, k] for k in range(matrix.shape[1])]
    while len(terms) > 1:
        one = terms.pop(random.integers(len(terms)))
        terms.append(terms.pop(random.integers(len(terms))) + one)
    return terms[0]


def sigmoid(a):
    wide = np.maximum(a.astype(np.float64), -700)
    return (1 / (1 + np.exp(-wide))).astype(a.dtype)


def coarse_gru(x, h, params, random):
    """One step of PyTorch's GRU in the arrays' own arithmetic; two ways to blend."""
    hidden = h.shape[1]
    a = shuffled_dot(params["weight_ih"], x, random) + params["bias_ih"]
    b = shuffled_dot(params["weight_hh"], h, random) + params["bias_hh"]
    r = sigmoid(a[:, :hidden] + b[:, :hidden])
    z = sigmoid(a[:, hidden : 2 * hidden] + b[:, hidden : 2 * hidden])
    n = np.tanh(a[:, 2 * hidden :] + r * b[:, 2 * hidden :])
    return (1 - z) * n + z * h if random.integers(2) else n + z * (h - n)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_bounds_hold_in_any_order_of_summation(dtype):
    profile = {"float16": "fp16", "float32": "fp32", "float64": "fp64"}[dtype]
    worst = 0.0
    for number in range(40):
        spec = Spec((1, 6, 3 + number % 9, 2 + number % 7), number, KINDS[number % len(KINDS)])
        case = materialise(spec, cell("gru"), "torch", dtype)
        found = coarse_gru(case.cast(case.inputs["x"][0]), case.cast(case.initial["h"]), case.params(), RANDOM)
        before = {"h": case.initial["h"][None]}
        ball, bound = steps_at(case, before, PROFILES[profile]).results()["h'"]
        ratio = ball.distance(found) / bound
        assert ratio.max() < 1, (spec, ratio.max())
        worst = max(worst, float(ratio.max()))
    assert worst > 0.02  # a bound a hundred times wider than what rounding does would see little


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_jacobian_is_that_of_differences(name):
    own = cell(name)
    case = materialise(Spec(rich_sizes(own), 3), own, None, "float64")
    sizes, arithmetic = {**case.sizes, "T": 1}, Bounds(PROFILES["fp64"])
    given = {n: a[0] for n, a in case.inputs.items()} | case.initial | case.tensors

    def values(arrays):
        return step(own, sizes, {n: bounds.exactly(a) for n, a in arrays.items()}, arithmetic, bounds.ZERO)

    slopes = jacobian(own, sizes, values(given), arithmetic, bounds.ZERO, bounds.exactly)
    size = 1e-6
    for argument in arguments_of(own):
        lead = () if argument in own.parameters else (slice(None),)
        array = given[argument.name]
        shape = array.shape if argument in own.parameters else array.shape[1:]
        for lane, index in list(enumerate(np.ndindex(shape)))[:: max(1, int(np.prod(shape)) // 3)]:
            ends = []
            for sign in (1, -1):
                moved = np.array(array)
                moved[(*lead, *index)] += sign * size
                ends.append(values({**given, argument.name: moved}))
            for result in results_of(own):
                difference = (ends[0][result.name].value - ends[1][result.name].value) / (2 * size)
                slope = slopes.get((result.name, argument.name))
                expected = (
                    np.zeros_like(difference) if slope is None else np.broadcast_to(slope.value, slope.shape)[lane]
                )
                np.testing.assert_allclose(difference, expected, atol=1e-6, err_msg=f"{result.name} by {argument.name}")


@pytest.mark.parametrize("name", BUILT_IN)
def test_balls_enclose_what_float64_computes(name):
    own = cell(name)
    case = materialise(Spec(rich_sizes(own), 1), own, None, "float64")
    sequence = Sequence(case, PROFILES["fp64"])
    given = {n: a[0] for n, a in case.inputs.items()} | case.initial | case.tensors
    plain = step(
        own,
        {**case.sizes, "T": 1},
        {n: bounds.exactly(a) for n, a in given.items()},
        Bounds(PROFILES["fp64"]),
        bounds.ZERO,
    )
    first = {s.name: balls.Ball(sequence.exact[f"state {s.name}"].array[1]) for s in own.states}
    for state in own.states:
        error = Bounds(PROFILES["fp64"]).error(plain[state.update.name])
        assert (first[state.name].distance(plain[state.update.name].value) <= error).all()
        assert first[state.name].radius().max() < 2.0**-73


@pytest.mark.parametrize("name", ["gru", "lstm", "mingru"])
def test_whole_gradients_are_the_chain_of_single_steps(name):
    """Of one step, both gates say the same."""
    own = cell(name)
    case = materialise(Spec((1, *rich_sizes(own)[1:]), 2), own, None, "float64")
    whole = Sequence(case, PROFILES["fp64"]).gradients()
    given = {n: a[0] for n, a in case.inputs.items()} | case.initial | case.tensors
    single = Steps(own, {**case.sizes, "T": 1}, given, PROFILES["fp64"]).gradients(_cotangents(case))
    for argument in arguments_of(own):
        end_to_end, one = whole[argument.name][0].middle(), single[argument.name][0].middle()
        lanes = one if argument in own.parameters else one.T
        np.testing.assert_allclose(end_to_end.reshape(lanes.shape), lanes, rtol=1e-14)


def test_where_nothing_can_be_said_the_bound_is_infinite():
    terms = bounds.exactly(np.ones(600))
    coarse = Bounds(PROFILES["fp16"])
    few = coarse.error(coarse.total(bounds.exactly(np.ones(100)), (100,), 1))
    assert few == pytest.approx(99 * 2.0**-11 * 100, rel=1e-3)
    many = coarse.total(bounds.exactly(np.ones(4000)), (4000,), 1)
    assert np.isinf(coarse.error(many))  # n u >= 1
    assert np.isfinite(coarse.error(coarse.total(terms, (600,), 1)))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.floats(-4, 4, width=32), min_size=3, max_size=3))
def test_bounds_of_single_operations_hold_in_float32(numbers):
    a, b, c = (np.float32(number) for number in numbers)
    rules = Bounds(PROFILES["fp32"])
    exact = [bounds.exactly(number) for number in (a, b, c)]
    one, other, third = (mpmath.mpf(float(number)) for number in (a, b, c))
    pairs = {
        "sum": (a + b + c, rules.add(exact), one + other + third),
        "product": (a * b * c, rules.multiply(exact), one * other * third),
        "product of a sum": ((a + b) * c, rules.multiply([rules.add(exact[:2]), exact[2]]), (one + other) * third),
        "sum of products": (a * c + b * c, rules.multiply([rules.add(exact[:2]), exact[2]]), (one + other) * third),
        "cube": (a * a * a, rules.power(exact[0], Rational(3)), one**3),
        "tanh": (np.tanh(a), rules.apply("tanh", exact[:1]), mpmath.tanh(one)),
        "exp": (np.exp(a), rules.apply("exp", exact[:1]), mpmath.exp(one)),
    }
    for name, (computed, bounded, true) in pairs.items():
        assert abs(mpmath.mpf(float(computed)) - true) <= float(rules.error(bounded)), name


@pytest.mark.parametrize("distributed", [True, False])
def test_a_sum_that_cancels_counts_with_its_terms_only_where_they_may_be_multiplied_one_by_one(distributed):
    rules = Bounds(PROFILES["fp32"], distributed=distributed)
    difference = rules.add([bounds.exactly(1.0), bounds.exactly(-1.0)])
    square = rules.error(rules.multiply([difference, difference]))
    assert (2.0**-24 < square < 2.0**-20) if distributed else (0 < square < 2.0**-44)


@pytest.mark.parametrize("profile", ["fp32", "fp32-ftz"])
def test_no_more_underflows_than_is_there(profile):
    """Else a step at 0 would be taken for one that may jump, and the slope of a relu that is at rest for unknown."""
    rules = Bounds(PROFILES[profile])
    assert rules.error(bounds.exactly(0.0)) == 0
    rest = rules.apply("relu", [bounds.exactly(-1.0)])
    assert rules.error(rest) == rules.error(rules.apply("step", [rest])) == 0
    subnormal = rules.apply("step", [bounds.exactly(2.0**-140)])  # a number, or zero where it is flushed
    assert (rules.error(subnormal) >= 1) == (profile == "fp32-ftz")


def test_a_whole_number_is_exact_as_far_as_the_type_counts():
    """Every whole number up to 1/u is one of the type, and a larger one is rounded."""
    values = np.array([0, 1, 2**24 - 1, 2**24, 2**24 + 1, 2**25 + 1])
    error = Bounds(PROFILES["fp32"]).error(Bounds(PROFILES["fp32"]).whole(values))
    assert (error[:4] < 2 * PROFILES["fp32"].tiny).all()
    assert (np.abs(values.astype(np.float32).astype(np.float64) - values) <= error).all()
    assert (error[4:] < 3).all()


def test_a_divisor_that_may_be_zero_has_no_bound():
    small = bounds.Estimate(np.float64(1e-9), np.float64(1e-8), np.float64(1.1e-8))
    assert Bounds(PROFILES["fp32"]).power(small, Rational(-1)).carried == np.inf
