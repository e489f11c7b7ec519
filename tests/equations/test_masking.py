"""Masked cells: held states, zero or held outputs, in cells with any states, outputs and axes."""

from pathlib import Path

import numpy as np
import pytest

import grusym
from grusym.equations.cell import Cell
from grusym.equations.library import BUILT_IN, cell
from grusym.equations.masking import mask_of, masked
from grusym.equations.zoneout import zoneout
from grusym.errors import InputError

CELLS = sorted(map(str, (Path(__file__).parents[1] / "cells").glob("*.cell")))
EVERY = [*BUILT_IN, *CELLS]
SOME = ["gru", "lstm:projection=yes", CELLS[0], CELLS[-1]]


@pytest.mark.parametrize("name", EVERY, ids=lambda name: Path(name).stem)
def test_every_cell_can_be_masked(name):
    plain = cell(name)
    for output in ("zero", "hold") if not plain.outputs else ("zero",):
        found = masked(plain, output)
        assert found.parameters == plain.parameters
        assert [state.tensor for state in found.states] == [state.tensor for state in plain.states]
        assert found.inputs[:-1] == plain.inputs
        assert found.inputs[-1].shape == ()
        assert Cell.parse(found.text).equations == found.equations
        assert derived(found)


def derived(found):
    return str(grusym.derive(found).bptt)


def test_equations_of_a_mask():
    found = masked("lstm:biases=none")
    assert str(found).splitlines()[0].startswith("lstm(x[j], h[l], c[k], m) -> h'[k], c'[k], y[k] ")
    assert [str(equation) for equation in found.equations[-3:]] == [
        "h'[k] = m*h_new[k] + (1 - m)*h[k]",
        "c'[k] = m*c_new[k] + (1 - m)*c[k]",
        "y[k] = m*h_new[k]",
    ]
    assert "h_new[k] = tanh(c_new[k])*o[k]" in map(str, found.equations), "the step reads its own new states"


def test_names_that_are_taken_are_left_alone():
    assert mask_of(masked("gru_d")) == "mask"
    text = "odd(x[j], mask[j], h[i], h_new[i]) -> h'[i], h_new'[i]  axes m, j: I  i: H\n"
    text += "  h_new'[i] = tanh(W[i,m] x[m] + h[i])\n  h'[i] = h_new'[i] + V[i,j] mask[j] + h_new[i]"
    found = masked(Cell.parse(text))
    assert mask_of(found) == "m2"
    assert [str(equation) for equation in found.equations[-3:]] == [
        "h'[i] = m2*h_new2[i] + (1 - m2)*h[i]",
        "h_new'[i] = m2*h_new_new[i] + (1 - m2)*h_new[i]",
        "y[i] = m2*h_new2[i]",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "axes(axes[k], h[(k)]) -> axes_out[k], h'[k]\n\n axes k: H # h' is kept\n h'[k] = axes[k] + h[k]; ",
        "a(h[k])->h'[k] axes k:H\nh'[k]=w[k]\th[k]",
        "a(h[k]) -> h'[k]  axes k: H\n  h'[k] = w[k] (\n h[k] + 1)\n# the end: h'[k]",
    ],
)
def test_any_layout_of_a_text_is_rewritten(text):
    text = text.replace("; ", "\n axes_out[k] = h'[k] ")
    found = masked(Cell.parse(text))
    assert str(found.equations[-1]).endswith("h_new[k]") or "axes_out_new" in str(found.equations[-1])
    for comment in ("# h' is kept", "# the end: h'[k]"):
        assert (comment in text) == (comment in found.text)


@pytest.mark.parametrize("output", ["zero", "hold"])
@pytest.mark.parametrize("target", ["numpy", "c"])
@pytest.mark.parametrize(
    "name", ["gru", "lstm:projection=yes", *CELLS[-1:], CELLS[0]], ids=lambda name: Path(name).stem
)
def test_zeros_and_ones_choose_between_the_very_bits(name, output, target):
    """Steps of a mask of ones are those of the cell; a step of a mask of zeros is as if it were not there."""
    plain, random = cell(name), np.random.default_rng(3)
    first, both = (grusym.build(c, target=target, dtype="float32") for c in (plain, masked(plain, output)))
    sizes = {axis.name: 3 for axis in plain.axes} | {"P": 2}

    def some(tensor, *lead):
        shape = (*lead, *(sizes[axis.name] for axis in tensor.axes))
        return random.uniform(-1, 1, shape).astype(np.float32)

    x = {tensor.name: some(tensor, 5, 2) for tensor in plain.inputs}
    h0 = {f"{state.name}0": some(state.tensor, 2) for state in plain.states}
    params = {tensor.name: some(tensor) for tensor in plain.parameters}
    mask = np.ones((5, 2), np.float32)
    wanted = first.forward(x, h0, params)
    got = both.forward({**x, mask_of(both.cell): mask}, h0, params)
    for key, array in wanted.outputs.items():
        np.testing.assert_array_equal(got.outputs[key], array)
    mask[[1, 4]] = 0
    kept = {key: np.ascontiguousarray(array[[0, 2, 3]]) for key, array in x.items()}
    wanted, got = first.forward(kept, h0, params), both.forward({**x, mask_of(both.cell): mask}, h0, params)
    for state in plain.states:
        np.testing.assert_array_equal(got.outputs[f"{state.name}_n"], wanted.outputs[f"{state.name}_n"])
    y, there = (tape.outputs[both.lowered.layer.series[0].name] for tape in (wanted, got))
    np.testing.assert_array_equal(there[[0, 2, 3]], y)
    held = {"zero": (0 * y[0], 0 * y[0]), "hold": (there[0], there[3])}[output]
    np.testing.assert_array_equal(there[[1, 4]], held)


def test_a_convention_packs_a_masked_cell_as_it_packs_the_cell():
    for convention in ("torch", "keras", "haiku"):
        plain, found = (grusym.build(name, "numpy", convention=convention) for name in ("gru", "gru:mask=zero"))
        assert found.lowered.layout.arrays == plain.lowered.layout.arrays
        assert found.cell.spelling.replace(":mask=zero", "").replace(",mask=zero", "") == plain.cell.spelling


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: masked("gru", "keep"), "output='keep' is unknown; what is masked is one of zero, hold"),
        (lambda: masked(masked("gru")), "gru:mask=zero has a mask already; mask the cell without it"),
        (
            lambda: masked(CELLS[[Path(c).stem for c in CELLS].index("scalar_gates")], "hold"),
            "scalar_gates has the output g, which has no value before the first step to hold; make it a state, or mask "
            "with output=zero (mask=zero)",
        ),
        (
            lambda: zoneout(masked("gru")),
            "gru:mask=zero is masked already; apply zoneout first and mask what comes out",
        ),
        (lambda: zoneout(zoneout("gru")), "gru:zoneout=train has zoneout already; apply it to the cell without"),
        (lambda: zoneout("gru", "test"), "mode='test' is unknown; zoneout is one of train, inference"),
        (
            lambda: zoneout("lstm", states=("h", "m")),
            "states=('h', 'm'), but lstm has the states h, c; choose some of these",
        ),
        (lambda: zoneout("lstm", states=1), "states is a int; pass the names of states, as in states=['h']"),
        (lambda: zoneout("lstm", states=()), "states=(), but lstm has the states h, c; choose some of these"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message
