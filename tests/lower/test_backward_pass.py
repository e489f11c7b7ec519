"""The backward kernel: judged by PyTorch, by differences, by forward mode; and the judges, by planted bugs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Add

from grusym.calculus.bptt import step_program
from grusym.calculus.forward import tangent_cell
from grusym.conventions.packing import own_layout
from grusym.equations.layer import Layer
from grusym.equations.tensor import access, indices_of, tensor_of
from grusym.lower.backward_pass import lower_backward
from grusym.lower.check import check
from grusym.lower.forward_pass import lower_forward
from grusym.lower.interpret import run, run_both
from grusym.lower.ir import Assign, Kind
from grusym.lower.lowered import Lowered
from grusym.lower.traverse import assigns, map_assigns, rename_accesses
from tests.lower.judges import judge_by_differences, judge_by_torch
from tests.lower.layers import ALL, cell_named, inputs, loss, lowered, random_arrays, some_sizes

IN_TORCH = [
    *("gru", "gru:biases=none", "lstm", "lstm:biases=none"),
    *("rnn", "rnn:biases=none", "rnn:activation=relu", "rnn:activation=relu,biases=none"),
]
SIZE = st.integers(1, 5)


@pytest.mark.parametrize("name", IN_TORCH)
@settings(max_examples=12, deadline=None)
@given(T=SIZE, B=SIZE, I=SIZE, H=SIZE, seed=st.integers(0, 2**16))
def test_all_outputs_and_gradients_are_those_of_torch(name, T, B, I, H, seed):
    judge_by_torch(lowered(name, "torch"), T, B, I, H, seed=seed)


@pytest.mark.parametrize("name", IN_TORCH)
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (40, 1, 1, 2)])
def test_torch_agrees_at_the_ends_of_the_range(name, sizes):
    judge_by_torch(lowered(name, "torch"), *sizes)


@pytest.mark.parametrize("name", ALL)
def test_all_gradients_are_what_differences_say(name):
    judge_by_differences(lowered(name))


@pytest.mark.parametrize("name", [n for n in ALL if "one" not in n and "none" not in n])
def test_forward_mode_over_time_and_backward_agree(name):
    layer = lowered(name)
    tangent = Layer(tangent_cell(cell_named(name)))
    kernel = check(lower_forward(tangent, step_program(tangent), own_layout(tangent.cell)))
    sizes = some_sizes(layer.forward, 4, 3)
    arrays, random = random_arrays(layer, sizes, seed=1), np.random.default_rng(2)
    directions = {name: random.normal(size=arrays[name].shape) for name in inputs(layer)}
    jvp = run(kernel, sizes, arrays | {f"v_{name}": value for name, value in directions.items()})
    tangents = {b.name: jvp[f"v_{b.name}"] for b in layer.forward.of_kind(Kind.OUTPUT)}
    gradients = run_both(layer, sizes, arrays)
    ahead = loss(layer, tangents, arrays)
    back = sum(float(np.vdot(gradients[f"d{name}"], value)) for name, value in directions.items())
    scale = sum(float(np.abs(gradients[f"d{name}"] * value).sum()) for name, value in directions.items())
    assert abs(ahead - back) <= 1e-12 * scale


@pytest.mark.parametrize("name", ALL)
def test_without_a_step_cotangents_pass_through(name):
    layer = lowered(name)
    sizes = some_sizes(layer.forward, 0)
    arrays = random_arrays(layer, sizes, seed=1)
    result = run_both(layer, sizes, arrays)
    for state in layer.cell.states:
        np.testing.assert_array_equal(result[f"d{state.name}0"], arrays[f"d{state.name}_n"])
    for buffer in layer.backward.of_kind(Kind.GRADIENT):
        assert not result[buffer.name].any()


def test_gradients_are_overwritten():
    layer = lowered("gru", "torch")
    sizes = some_sizes(layer.forward)
    arrays = random_arrays(layer, sizes, seed=1)
    assert all(np.isnan(array).all() for array in run(layer.backward, sizes | {"T": 0}, {})["dx"])
    first, second = (run_both(layer, sizes, arrays) for _ in range(2))
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array)


def test_a_cheap_product_is_computed_again():
    layer = lowered("gru:reset=before")
    assert "saved_h_r" not in layer.forward.shapes
    assert "h_r[b, k] = saved_h[t, b, k]*saved_r[t, b, k]" in str(layer.backward)


def test_an_update_that_is_saved_anyway_is_not_computed_again():
    backward = lowered("explicit output").backward
    assert "saved_h[t + 1, b, i]" in str(backward)
    assert "h_next" not in backward.shapes


def test_an_update_whose_state_is_not_saved_is_computed_again():
    backward = lowered("update computed again").backward
    assert [b.name for b in backward.of_kind(Kind.SAVED)] == []
    assert "h_next[b, i] = w[i]*x[t, b, i]" in str(backward)


@pytest.mark.parametrize(("name", "buffer"), [("scatter into the input", "dx"), ("scatter into the state", "dh")])
def test_a_scatter_adds_into_zeros(name, buffer):
    into = [a for a in assigns(lowered(name).backward.body) if tensor_of(a.target) == buffer and a.free]
    zero = next(n for n, a in enumerate(into) if a.value == 0)
    assert into[zero + 1].accumulate
    assert into[zero + 1].guards


# Planted bugs: each judge must see each of them.


def changed(layer: Lowered, which: str, change: Callable[[Assign], Assign]) -> Lowered:
    """The layer with a kernel's statements changed; the change must change something."""
    kernel = getattr(layer, which)
    body = map_assigns(kernel.body, change)
    assert body != kernel.body
    return replace(layer, **{which: check(replace(kernel, body=body))})


def value_of(target: str, change: Callable[[Assign], Assign]) -> Callable[[Assign], Assign]:
    """A change of the statements that write a tensor."""
    return lambda a: change(a) if tensor_of(a.target) == target else a


def without(tensor: str) -> Callable[[Assign], Assign]:
    """A change that drops the terms that read a tensor."""

    def change(a: Assign) -> Assign:
        terms = [t for t in Add.make_args(a.value) if tensor not in map(tensor_of, t.atoms(type(a.target)))]
        return replace(a, value=Add(*terms))

    return change


def times(factor: int) -> Callable[[Assign], Assign]:
    return lambda a: replace(a, value=factor * a.value)


def shifted(tensor: str, steps: int) -> Callable[[Assign], Assign]:
    """A change that reads the trajectory of a state at another step."""

    def element(name, where):
        return access(name, (where[0] + steps, *where[1:]) if name == tensor else where)

    return lambda a: replace(a, value=rename_accesses(a.value, element))


def moved(tensor: str, steps: int) -> Callable[[Assign], Assign]:
    """A change that stores at another step."""

    def change(a: Assign) -> Assign:
        first, *rest = indices_of(a.target)
        return a if first == 0 else replace(a, target=access(tensor, (first + steps, *rest)))

    return change


def transposed(tensor: str) -> Callable[[Assign], Assign]:
    def element(name, where):
        return access(name, where[::-1] if name == tensor else where)

    return lambda a: replace(a, value=rename_accesses(a.value, element))


def reading(source: str, instead: str) -> Callable[[Assign], Assign]:
    """A change that reads another tensor at the same indices."""

    def element(name, where):
        return access(instead if name == source else name, where)

    return lambda a: replace(a, value=rename_accesses(a.value, element))


def swapped(layer: Lowered, one: str, other: str) -> Lowered:
    """The layer with two blocks of the packed parameters exchanged, in both kernels."""
    new = {one: other, other: one, f"d{one}": f"d{other}", f"d{other}": f"d{one}"}
    kernels = {}
    for which in ("forward", "backward"):
        kernel = getattr(layer, which)
        places = tuple(replace(p, tensor=new.get(p.tensor, p.tensor)) for p in kernel.placements)
        kernels[which] = check(replace(kernel, placements=places))
    return replace(layer, **kernels)


def without_seed(layer: Lowered) -> Lowered:
    """The layer whose recurrence forgets that y_t has a cotangent."""
    recurrence = layer.derivation.bptt
    seeds = tuple(replace(n, value=access("dh", indices_of(n.target))) for n in recurrence.seeds)
    derivation = replace(layer.derivation, bptt=replace(recurrence, seeds=seeds))
    backward = lower_backward(layer.layer, derivation.forward, layer.layout, derivation.bptt)
    return replace(layer, derivation=derivation, backward=check(backward))


BUGS: dict[str, Callable[[Lowered], Lowered]] = {
    "the carry dh is forgotten": lambda n: changed(n, "backward", value_of("dh_next", without("dh"))),
    "the seed dy is missing": without_seed,
    "dh_n is not read": lambda n: changed(n, "backward", value_of("dh", without("dh_n"))),
    "dh is not carried past the gate": lambda n: changed(n, "backward", value_of("dh", without("dh_next"))),
    "the recurrent product is missing": lambda n: changed(n, "backward", value_of("dh", without("dh_sum"))),
    "dc_n is dropped": lambda n: changed(n, "backward", value_of("dc_n", times(0))),
    "the state in dU is one step late": lambda n: changed(n, "backward", value_of("dU_n", shifted("saved_h", 1))),
    "the state is saved a step early": lambda n: changed(n, "forward", value_of("saved_h", moved("saved_h", -1))),
    "dz has the wrong sign": lambda n: changed(n, "backward", value_of("dz", times(-1))),
    "dtanh is wrong": lambda n: changed(n, "backward", value_of("da_n", reading("saved_n", "saved_z"))),
    "U_n is transposed": lambda n: changed(n, "backward", transposed("U_n")),
    "parameter gradients are not summed over time": lambda n: changed(
        n, "backward", value_of("dW_r", lambda a: replace(a, accumulate=False))
    ),
    "the state is not carried": lambda n: changed(n, "forward", value_of("h", reading("h_next", "h"))),
    "a bias is dropped": lambda n: changed(n, "forward", value_of("a_r", without("b_r"))),
}
# Both kernels are wrong alike, so that differences are none the wiser.
PACKING_BUGS: dict[str, Callable[[Lowered], Lowered]] = {
    "blocks z and r of W are swapped": lambda n: swapped(n, "W_z", "W_r"),
    "blocks z and n of c are swapped": lambda n: swapped(n, "c_z", "c_n"),
}


@pytest.mark.parametrize("judge", [judge_by_torch, judge_by_differences])
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bug, judge):
    with pytest.raises(AssertionError, match=r"is off by|the slope along"):
        judge(BUGS[bug](lowered("gru", "torch")))


@pytest.mark.parametrize("bug", PACKING_BUGS)
def test_a_planted_bug_in_the_packing_is_seen(bug):
    with pytest.raises(AssertionError, match="is off by"):
        judge_by_torch(PACKING_BUGS[bug](lowered("gru", "torch")))


@pytest.mark.parametrize("judge", [judge_by_torch, judge_by_differences])
def test_without_a_bug_both_judges_agree(judge):
    judge(lowered("gru", "torch"))
