"""Layouts: every element of every array belongs to exactly one tensor, and what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest
from sympy import Integer

from grusym.conventions.blocks import Packed
from grusym.conventions.library import layout_of
from grusym.conventions.packing import Layout, layout, numbers
from grusym.conventions.record import Convention, Form
from grusym.conventions.torch import TORCH
from grusym.equations.axis import Axis
from grusym.equations.cell import Cell
from grusym.equations.library import cell
from grusym.errors import InputError

H, I = Axis("H").extent, Axis("I").extent
SIZES = {"H": 3, "I": 4, "P": 2}
FITTING = [
    *("gru", "gru:biases=none", "lstm", "lstm:biases=none", "lstm:projection=yes", "lstm:projection=yes,biases=none"),
    *("rnn", "rnn:biases=none", "rnn:activation=relu", "rnn:activation=relu,biases=none"),
]


def arrays_of(packing: Layout, fill: float = 0.0) -> dict[str, np.ndarray]:
    return {name: np.full(numbers(shape, SIZES), fill) for name, shape in packing.arrays}


@pytest.mark.parametrize("convention", ["own", "torch"])
@pytest.mark.parametrize("name", FITTING)
def test_every_element_belongs_to_exactly_one_tensor(name, convention):
    packing = layout_of(cell(name), convention)
    arrays = arrays_of(packing)
    views = packing.unpack(arrays, SIZES)
    assert sorted(views) == sorted(tensor.name for tensor in cell(name).parameters)
    for tensor in cell(name).parameters:
        assert views[tensor.name].shape == numbers(tensor.shape, SIZES)
        views[tensor.name][...] += 1
    for array in arrays.values():
        np.testing.assert_array_equal(array, 1)


def test_the_blocks_of_torch_stand_in_its_order():
    packing = layout_of(cell("gru"), "torch")
    weight = np.arange(9.0)[:, None] + np.zeros(4)
    views = packing.unpack(arrays_of(packing) | {"weight_ih": weight}, SIZES)
    assert [views[f"W_{gate}"][:, 0].tolist() for gate in "rzn"] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    starts = {p.tensor: p.starts for p in layout_of(cell("lstm"), "torch").placements}
    assert [starts[f"U_{gate}"] for gate in "ifgo"] == [(n * H, 0) for n in range(4)]


def test_writing_to_a_view_writes_to_the_array():
    packing = layout_of(cell("gru"), "torch")
    arrays = arrays_of(packing)
    views = packing.unpack(arrays, SIZES)
    views["U_z"][1, 2] = 7
    assert arrays["weight_hh"][3 + 1, 2] == 7
    assert all(np.shares_memory(views[p.tensor], arrays[p.buffer]) for p in packing.placements)


def test_a_tensor_without_axes_is_a_view_too():
    packing = layout_of(Cell.parse("a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(alpha x[i] + h[i])"))
    arrays = {"alpha": np.array(2.0)}
    packing.unpack(arrays, SIZES)["alpha"][...] = 5
    assert arrays["alpha"] == 5


@pytest.mark.parametrize("convention", [None, "own"])
def test_the_own_layout_is_one_array_a_tensor(convention):
    packing = layout_of(cell("gru"), convention)
    assert packing.arrays == tuple((t.name, t.shape) for t in cell("gru").parameters)
    assert all(p.tensor == p.buffer for p in packing.placements)


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn"])
def test_without_biases_their_arrays_are_left_out(name):
    names = [array for array, _ in layout_of(cell(f"{name}:biases=none"), "torch").arrays]
    assert names == ["weight_ih", "weight_hh"]


def test_a_size_is_a_whole_number():
    assert numbers((3 * H + 1, Integer(2), I * H), SIZES) == (10, 2, 12)
    with pytest.raises(ValueError, match=r"^H/2 is 3/2 for \{'H': 3, 'I': 4, 'P': 2\}, which is not a whole number$"):
        numbers((H / 2,), SIZES)


OWN = "use the cell's own convention for {} (--convention own)"


def refusal(cell: Cell, convention: Convention) -> str:
    with pytest.raises(InputError) as error:
        layout(cell, convention)
    return str(error.value)


def packing_gru(*packed: Packed, **options: tuple[str, ...]) -> Convention:
    return Convention("odd", "a test", {"gru": (Form(options, packed),)})


TORCH_GRU = TORCH.forms["gru"][0].arrays


def test_a_cell_without_a_packing_is_refused():
    own = Cell.parse("mine(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(w[i] x[i] + h[i])")
    message = "convention torch has no packing for the cell mine; it packs gru, lstm, rnn; "
    assert refusal(own, TORCH) == message + OWN.format("mine")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gru:reset=before", "gru with reset=after, not reset=before"),
        ("gru:update=write", "gru with update=keep, not update=write"),
        ("gru:biases=one", "gru with biases=two or none, not biases=one"),
        ("lstm:peephole=yes", "lstm with peephole=no, not peephole=yes"),
        ("lstm:biases=one", "lstm with biases=two or none, not biases=one"),
        ("rnn:biases=one", "rnn with biases=two or none, not biases=one"),
    ],
)
def test_a_form_that_the_system_does_not_compute_is_refused(name, reason):
    assert refusal(cell(name), TORCH) == f"convention torch has {reason}; {OWN.format(name)}"


def test_the_default_of_a_cell_need_not_be_that_of_the_system():
    odd = packing_gru(*TORCH_GRU, update=("write",))
    assert (
        refusal(cell("gru"), odd) == f"convention odd has gru with update=write, not update=keep; {OWN.format('gru')}"
    )
    layout(cell("gru:update=write"), odd)


def test_an_incomplete_stack_is_refused():
    odd = packing_gru(Packed("W", ("W_r", "W_q", "W_z")))
    expected = f"convention odd packs W_r, W_q, W_z into W, but the cell has no W_q; {OWN.format('gru')}"
    assert refusal(cell("gru"), odd) == expected


def test_a_parameter_without_a_place_is_refused():
    odd = packing_gru(*TORCH_GRU[:2])
    expected = f"convention odd has no place for b_r, c_r, b_z, c_z, c_n, b_n of gru; {OWN.format('gru')}"
    assert refusal(cell("gru"), odd) == expected


@pytest.mark.parametrize(
    ("stack", "shapes"),
    [(("W_r", "U_r"), "W_r (H, I) and U_r (H, H)"), (("U_r", "b_r"), "U_r (H, H) and b_r (H,)")],
)
def test_tensors_that_do_not_fit_together_are_refused(stack, shapes):
    expected = f"convention odd stacks {shapes} into all, but they do not agree in all axes after the first; "
    assert refusal(cell("gru"), packing_gru(Packed("all", stack))) == expected + OWN.format("gru")


def test_a_user_cell_of_a_known_name_with_other_axes_is_refused():
    text = """rnn(x[j], h[k]) -> h'[i]  axes j: I  i, k: H
        h'[i] = tanh(W[i,j] x[j] + U[i,k] h[k] + b c[i])"""
    with pytest.raises(InputError, match=r"^convention torch stacks b \(\) and b \(\) into bias_ih, but they do not"):
        layout_of(Cell.parse(text), "torch")


# Planted bugs: the test that arrays are tiled sees a gap and an overlap.


@pytest.mark.parametrize("starts", [(Integer(0), Integer(0)), (2 * H, Integer(0))])
def test_a_block_in_the_wrong_place_is_seen(starts):
    packing = layout_of(cell("gru"), "torch")
    places = tuple(replace(p, starts=starts) if p.tensor == "W_z" else p for p in packing.placements)
    arrays = arrays_of(packing)
    for view in replace(packing, placements=places).unpack(arrays, SIZES).values():
        view += 1
    with pytest.raises(AssertionError, match="not equal"):
        np.testing.assert_array_equal(arrays["weight_ih"], 1)
