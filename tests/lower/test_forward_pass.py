"""The forward kernel: what it returns, with and without saving, at every size."""

import numpy as np
import pytest
import torch

from grusym.calculus.bptt import step_program
from grusym.conventions.packing import own_layout
from grusym.equations.layer import Layer
from grusym.lower.check import check
from grusym.lower.forward_pass import lower_forward
from grusym.lower.interpret import run
from grusym.lower.ir import Kind, Loop, WhenSaving
from tests.lower.judges import assert_close, torch_layer
from tests.lower.layers import ALL, cell_named, forward, lowered, of_kinds, random_arrays, some_sizes


@pytest.mark.parametrize("name", ALL)
def test_without_saving_it_returns_the_same_and_writes_no_tape(name):
    layer = lowered(name)
    sizes = some_sizes(layer.forward)
    given = random_arrays(layer, sizes, seed=1)
    saved, not_saved = (run(layer.forward, sizes, given, saving=saving) for saving in (True, False))
    for output, array in of_kinds(layer.forward, saved, Kind.OUTPUT).items():
        np.testing.assert_array_equal(not_saved[output], array)
        assert not np.isnan(array).any()
    for tape, array in of_kinds(layer.forward, saved, Kind.SAVED).items():
        assert not np.isnan(array).any()
        assert np.isnan(not_saved[tape]).all()


@pytest.mark.parametrize("name", ALL)
def test_no_step_leaves_the_initial_state(name):
    layer = lowered(name)
    sizes = some_sizes(layer.forward, 0)
    given = random_arrays(layer, sizes, seed=1)
    result = forward(layer, sizes, given)
    for state in layer.cell.states:
        np.testing.assert_array_equal(result[f"{state.name}_n"], given[f"{state.name}0"])
    for series in layer.layer.series:
        assert result[series.name].shape[0] == 0


@pytest.mark.parametrize("name", ["gru", "lstm", "explicit output", "states that change places"])
def test_a_sequence_may_be_cut(name):
    layer = lowered(name)
    sizes = some_sizes(layer.forward, 5)
    given = random_arrays(layer, sizes, seed=1)
    whole = forward(layer, sizes, given)
    first = forward(layer, sizes | {"T": 2}, given | {"x": given["x"][:2]})
    states = {f"{s.name}0": first[f"{s.name}_n"] for s in layer.cell.states}
    second = forward(layer, sizes | {"T": 3}, given | states | {"x": given["x"][2:]})
    for series in layer.layer.series:
        joined = np.concatenate((first[series.name], second[series.name]))
        np.testing.assert_array_equal(joined, whole[series.name])
    for state in layer.cell.states:
        np.testing.assert_array_equal(second[f"{state.name}_n"], whole[f"{state.name}_n"])


@pytest.mark.parametrize("name", ALL)
def test_every_sample_is_on_its_own(name):
    layer = lowered(name)
    sizes = some_sizes(layer.forward, 3, 3)
    given = random_arrays(layer, sizes, seed=1)
    whole = forward(layer, sizes, given)
    alone = {b.name: given[b.name] for b in layer.forward.of_kind(Kind.PARAMETER)}
    for buffer in layer.forward.of_kind(Kind.INPUT):
        axis = [extent.name for extent in buffer.shape].index("B")
        alone[buffer.name] = given[buffer.name].take([1], axis)
    for output, array in forward(layer, sizes | {"B": 1}, alone).items():
        axis = 0 if output.endswith("_n") else 1
        np.testing.assert_allclose(array, whole[output].take([1], axis), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn:activation=relu"])
def test_float32_is_as_close_to_torch_as_float32_can_be(name):
    layer = lowered(name, "torch")
    sizes = some_sizes(layer.forward, 6, 3, 4, 5)
    given = random_arrays(layer, sizes, seed=1)
    peer = torch_layer(layer, sizes, torch.float32)
    for parameter, value in peer.named_parameters():
        value.data = torch.from_numpy(given[parameter.removesuffix("_l0")]).float()
    start = tuple(torch.from_numpy(given[f"{s.name}0"]).float()[None] for s in layer.cell.states)
    with torch.no_grad():
        y, _ = peer(torch.from_numpy(given["x"]).float(), start if len(start) > 1 else start[0])
    result = forward(layer, sizes, given, dtype=np.float32)
    assert result["y"].dtype == np.float32
    assert_close({"y": result["y"]}, {"y": y.numpy()}, 1e-5)


def test_without_an_adjoint_nothing_is_saved():
    layer = Layer(cell_named("gru"))
    kernel = check(lower_forward(layer, step_program(layer), own_layout(layer.cell)))
    assert kernel.of_kind(Kind.SAVED) == ()
    [loop] = [s for s in kernel.body if isinstance(s, Loop)]
    assert not any(isinstance(s, WhenSaving) for s in (*kernel.body, *loop.body))
    sizes = some_sizes(kernel)
    given = random_arrays(lowered("gru"), sizes, seed=1)
    np.testing.assert_array_equal(run(kernel, sizes, given)["y"], forward(lowered("gru"), sizes, given)["y"])


def test_buffers_stand_in_the_order_that_callers_know():
    names = [b.name for b in lowered("lstm", "torch").forward.buffers if b.kind not in (Kind.SAVED, Kind.WORKSPACE)]
    assert names == "x h0 c0 weight_ih weight_hh bias_ih bias_hh y h_n c_n".split()
    kinds = [b.kind for b in lowered("lstm").forward.buffers]
    assert sorted(kinds, key=kinds.index) == kinds


def test_an_update_is_saved_once_in_the_trajectory_of_its_state():
    saved = {b.name for b in lowered("explicit output").forward.of_kind(Kind.SAVED)}
    assert "saved_h" in saved
    assert "saved_h_next" not in saved
