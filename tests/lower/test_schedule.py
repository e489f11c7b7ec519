"""Schedules: after every transformation the kernel computes what it computed before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grusym.errors import InputError, LoweringError
from grusym.lower.check import check
from grusym.lower.interpret import run
from grusym.lower.ir import Kernel, Kind
from grusym.lower.schedule import SCHEDULES, apply
from grusym.lower.serialise import serialise
from grusym.lower.traverse import assigns
from tests.lower.layers import ALL, lowered, random_arrays, some_sizes
from tests.lower.more_cells import MORE, layer

REFERENCE = SCHEDULES["reference"]
AFTER_SERIALISE = [t for t in REFERENCE if t is not serialise]
CELLS = [*ALL, *MORE]


def results(kernel: Kernel, sizes, arrays, saving: bool = True) -> dict[str, np.ndarray]:
    kinds = (Kind.OUTPUT, Kind.GRADIENT, *((Kind.SAVED,) if saving and kernel.name == "forward" else ()))
    after = run(kernel, sizes, arrays, saving)
    return {b.name: after[b.name] for b in kernel.of_kind(*kinds)}


def assert_same(got, want) -> None:
    assert list(got) == list(want)
    for name, array in want.items():
        np.testing.assert_allclose(got[name], array, rtol=1e-11, atol=1e-12, err_msg=name)


def passes(low, sizes, seed: int = 0):
    """Forward and backward before any schedule, with arrays to run them on and what they give."""
    arrays = random_arrays(low, sizes, seed)
    ahead = run(low.forward, sizes, arrays)
    tape = arrays | {b.name: ahead[b.name] for b in low.forward.of_kind(Kind.SAVED)}
    return [(k, tape, results(k, sizes, tape)) for k in (low.forward, low.backward)]


@pytest.mark.parametrize("name", CELLS)
def test_every_transformation_keeps_what_the_kernel_computes(name):
    low = layer(name)
    sizes = some_sizes(low.forward, 2, 2, 3, 2, 2, 3, 2)
    for kernel, arrays, want in passes(low, sizes):
        for transformation in REFERENCE:
            kernel = check(transformation(kernel))
            assert_same(results(kernel, sizes, arrays), want)
        assert_same(results(kernel, sizes, arrays, saving=False), {n: v for n, v in want.items() if "saved_" not in n})


@pytest.mark.parametrize("transformation", AFTER_SERIALISE, ids=lambda t: t.__name__)
@pytest.mark.parametrize("name", ["gru", "lstm", "conv.cell", "strided channels", "scalar parameter"])
def test_every_transformation_applies_alone(name, transformation):
    low = layer(name)
    sizes = some_sizes(low.forward, 2, 2, 3, 2, 2, 3)
    for kernel, arrays, want in passes(low, sizes, seed=1):
        assert_same(results(check(transformation(serialise(kernel))), sizes, arrays), want)


@pytest.mark.parametrize(
    "name", ["gru", "lstm", "three_states.cell", "conv.cell", "layer_norm.cell", "strided channels"]
)
def test_schedules_keep_results_for_all_sizes(name):
    low = layer(name)
    scheduled = [apply("reference", kernel) for kernel in (low.forward, low.backward)]
    axes = len(low.forward.sizes) - 2

    @settings(max_examples=12, deadline=None, derandomize=True)
    @given(st.tuples(st.integers(0, 3), st.integers(0, 2), *[st.integers(1, 4)] * axes), st.integers(0, 99))
    def check_sizes(extents, seed):
        sizes = some_sizes(low.forward, *extents)
        for after, (_, arrays, want) in zip(scheduled, passes(low, sizes, seed), strict=True):
            assert_same(results(after, sizes, arrays), want)

    check_sizes()


@pytest.mark.parametrize("transformation", AFTER_SERIALISE, ids=lambda t: t.__name__)
def test_a_transformation_that_needs_a_serialised_kernel_says_so(transformation):
    kernel = lowered("gru").forward
    with pytest.raises(LoweringError) as caught:
        transformation(kernel)
    assert str(caught.value) == (
        f"{transformation.__name__} does not apply to kernel forward, which runs over a domain here: "
        "h[b, k] = h0[b, k]  for all b, k; apply serialise first"
    )


def test_serialising_twice_changes_nothing_more():
    for kernel in (lowered("gru").forward, lowered("gru").backward):
        assert serialise(serialise(kernel)) == serialise(kernel)


def test_the_reference_schedule_leaves_scalar_statements_and_sums_in_scalars_only():
    for name in ("gru", "lstm", "conv.cell"):
        for kernel in (layer(name).forward, layer(name).backward):
            after = apply("reference", kernel)
            scalars = {b.name for b in after.of_kind(Kind.SCALAR)}
            for assign in assigns(after.body):
                assert not assign.free
                assert not assign.over or assign.target.name in scalars


def test_states_that_are_carried_stay_in_memory():
    after = apply("reference", lowered("gru").forward)
    assert [b.name for b in after.of_kind(Kind.WORKSPACE)] == ["h", "h_next"]


def test_an_unknown_schedule_is_named():
    with pytest.raises(InputError, match=r"^unknown schedule 'quick'; known are reference$"):
        apply("quick", lowered("gru").forward)
