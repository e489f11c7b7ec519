"""Cells in the symbols of systems: no two names become one, and the renamed cell is the same function."""

from dataclasses import replace

import numpy as np
import pytest

from grusym.conventions.library import CONVENTIONS, cell_in, convention_by_name, layout_of
from grusym.conventions.packing import numbers
from grusym.conventions.symbols import as_written, in_symbols, renamed, renaming
from grusym.equations.cell import Cell
from grusym.equations.library import cell
from grusym.errors import InputError
from tests.calculus.evaluate import run_cell
from tests.conventions.test_records import FORMS

SIZES = {"I": 2, "H": 3, "P": 2, "D": 1, "Q": 2, "K": 1, "L": 1}


@pytest.mark.parametrize(("convention", "name"), FORMS)
def test_renaming_is_injective_and_keeps_the_order_of_parameters(convention, name):
    known, record = cell(name), convention_by_name(convention)
    names = renaming(known, record)
    assert len(set(names.values())) == len(names)
    written = in_symbols(known, record)
    assert [names[tensor.name] for tensor in known.parameters] == [tensor.name for tensor in written.parameters]
    assert written.spelling == known.spelling
    for one, other in zip(layout_of(known, convention).placements, renamed_layout(known, convention), strict=True):
        assert names[one.tensor] == other.tensor


def renamed_layout(known: Cell, convention: str):
    record = convention_by_name(convention)
    return renamed(layout_of(known, convention), known, record).placements


def one_step(known: Cell, names: dict[str, str], sizes: dict[str, int]) -> list[np.ndarray]:
    """What a cell computes from values that go by the names before they were changed."""
    back = {new: old for old, new in names.items()}
    sizes = {names.get(name, name): size for name, size in sizes.items()}
    given = {}
    for tensor in (*known.inputs, *(state.tensor for state in known.states), *known.parameters):
        original = back.get(tensor.name, tensor.name)
        random = np.random.default_rng(sum(map(ord, original)))
        given[tensor.name] = random.normal(size=numbers(tensor.shape, sizes))
    values = run_cell(known, given, sizes)
    return [values[state.update.name] for state in known.states]


@pytest.mark.parametrize(
    ("convention", "family"), [(name, family) for name in CONVENTIONS for family in CONVENTIONS[name].forms]
)
def test_the_renamed_cell_is_the_same_function(convention, family):
    known, record = cell_in(family, convention), convention_by_name(convention)
    names = renaming(known, record)
    wanted = one_step(known, {}, SIZES)
    for one, other in zip(one_step(in_symbols(known, record), names, SIZES), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("convention", "name", "line"),
    [
        ("torch", "gru", "n[i]  = tanh(W_in[i,j] x[j] + b_in[i] + r[i] u[i])"),
        ("torch", "rnn", "h'[i] = tanh(W_ih[i,j] x[j] + W_hh[i,k] h[k] + b_ih[i] + b_hh[i])"),
        (
            "keras",
            "gru:reset=before",
            "hh[i] = tanh(kernel_h[i,j] x[j] + recurrent_kernel_h[i,k] (r[k] h[k]) + bias_h[",
        ),
        ("onnx", "gru", "H'[i] = (1 - z[i]) h[i] + z[i] H[i]"),
        ("onnx", "gru", "r[i]  = sigmoid(W_r[i,j] X[j] + R_r[i,k] H[k] + Wb_r[i] + Rb_r[i])"),
        ("onnx", "lstm", "C'[k] = f[k] C[k] + i[k] c[k]"),
        ("haiku", "gru", "h'[i] = z[i] a[i] + (1 - z[i]) h[i]"),
        ("haiku", "lstm", "f[k]  = sigmoid(W_if[k,j] x[j] + W_hf[k,l] h[l] + b_f[k] + 1)"),
        ("onednn", "gru:reset=after", "h'[i] = (1 - u[i]) o[i] + u[i] h[i]"),
        ("cudnn", "gru", "h'[l]      = (1 - i[l]) h_tilde[l] + i[l] h[l]"),  # i is a gate, so it is no index
        ("coreml_nn", "gru", "h'[i] = (1 - z[i]) o[i] + z[i] h[i]"),
        ("dynet", "gru", "z[i]  = sigmoid(x2z[i,j] x[j] + h2z[i,k] h[k] + bz[i])"),
    ],
)
def test_equations_are_in_the_symbols_of_the_system(convention, name, line):
    written, _ = as_written(cell_in(name, convention), convention)
    assert line in written.text


def test_a_cell_in_its_own_convention_is_as_it_was():
    for convention in (None, "own"):
        assert as_written(cell("lstm"), convention) == (cell("lstm"), layout_of(cell("lstm")))


def test_two_things_of_one_name_are_refused():
    odd = replace(convention_by_name("onnx"), tensors={"x": "X"})  # the candidate h beside the state h
    with pytest.raises(InputError, match=r"^convention onnx would call h and n of gru both h; give one of them a name"):
        in_symbols(cell("gru"), odd)


# Planted bugs: a weight that goes by the name of another changes the function, and that is seen.


def test_exchanged_names_are_seen():
    known, record = cell("gru"), convention_by_name("torch")
    names = renaming(known, record)
    wrong = names | {"W_r": names["W_z"], "W_z": names["W_r"]}
    one, other = one_step(in_symbols(known, record), wrong, SIZES), one_step(known, {}, SIZES)
    assert not np.array_equal(one[0], other[0])
