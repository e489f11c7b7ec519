"""Layers of any cell against the same kernels, composed by hand, and against sequences that run alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import grusym
from grusym.conventions.library import CONVENTIONS
from grusym.equations.library import BUILT_IN
from grusym.runtime import layer_run, stack
from tests.runtime.layer_data import SIZES, Data, all_close, by_hand, close, gradients_by_hand

CELLS = Path(__file__).parents[1] / "cells"
SOME = ["gru", "lstm:projection=yes", "augru", "lngru", "convgru", str(CELLS / "three_states.cell")]
BOTH = [("concat", "bidirectional"), ("sum", "bidirectional"), ("concat", "forward"), ("concat", "reverse")]
ROUNDING = 1e-12  # of the largest element: sums of the same terms in another order, in float64
LENGTHS = np.array([3, 0, 5, 1])


def stem(value):
    return Path(value).stem if isinstance(value, str) else None


def checked_by_hand(layers, dropout=None):
    """Outputs and gradients are those of kernels called one after the other."""
    data = Data(layers)
    mask = None
    if dropout is not None:
        shape = layers.forward(data.x, data.h0, data.params).y.shape
        mask = grusym.dropout_mask((layers.layers - 1, *shape), dropout, seed=3, dtype=layers.kernel.dtype)
    tape = layers.forward(data.x, data.h0, data.params, dropout=mask)
    outputs, tapes = by_hand(data, mask)
    all_close(tape.outputs, outputs, 0)
    dy, dfinals = data.cotangents(tape)
    found = layers.backward(tape, dy, dfinals)
    outer, params = gradients_by_hand(data, tapes, dy, dfinals, mask)
    all_close({name: found.outer[name] for name in outer}, outer, ROUNDING)
    assert list(found.params) == list(data.params)
    all_close(found.params, params, 0)
    return data, tape, found


@pytest.mark.parametrize(
    ("cell", "merge", "direction"),
    [*(("gru", *form) for form in BOTH), *((cell, *BOTH[0]) for cell in SOME[1:])],
    ids=lambda value: Path(value).stem,
)
def test_layers_are_kernels_one_after_the_other(layer, cell, merge, direction):
    checked_by_hand(layer(cell, layers=2, direction=direction, merge=merge))


@pytest.mark.parametrize(("merge", "direction"), BOTH)
def test_dropout_multiplies_what_goes_from_layer_to_layer(layer, merge, direction):
    _, tape, _ = checked_by_hand(layer("lstm", layers=3, direction=direction, merge=merge), dropout=0.5)
    assert tape.y.all(), "the outputs of the last layer are not dropped"


@pytest.mark.parametrize("convention", sorted(CONVENTIONS))
def test_parameters_are_named_and_put_together_as_the_convention_has_them(layer, convention):
    """Also where all layers stand in one array; gradients come back in the same arrays."""
    cell = next(name for name in ("gru", "lstm") if name in CONVENTIONS[convention].forms)
    layers = layer(cell, convention=convention, layers=2, direction="forward")
    sizes = SIZES | {"I": SIZES["H"]}
    data = Data(layers, sizes=sizes)
    tape = layers.forward(data.x, data.h0, data.params)
    outputs, tapes = by_hand(data)
    all_close(tape.outputs, outputs, 0)
    dy, dfinals = data.cotangents(tape)
    _, params = gradients_by_hand(data, tapes, dy, dfinals)
    found = layers.backward(tape, dy, dfinals).params
    assert [(k, a.shape) for k, a in found.items()] == [(k, a.shape) for k, a in data.params.items()]
    all_close(found, params, 0)


def test_one_layer_takes_the_plain_names_of_its_cell_too(layer):
    layers = layer("gru", convention="torch")
    data = Data(layers)
    plain = {name.removesuffix("_l0"): array for name, array in data.params.items()}
    tape = layers.forward(data.x, data.h0, plain)
    np.testing.assert_array_equal(tape.y, layers.forward(data.x, data.h0, data.params).y)
    assert list(layers.backward(tape, np.ones_like(tape.y)).params) == list(plain)
    kernel = grusym.build("gru", "numpy", "float64", "torch").forward(data.x, data.h0["h0"][0], plain)
    np.testing.assert_array_equal(tape.y, kernel.y)


# Lengths: every sequence by itself.


def alone(layers, data, lengths, dy, dfinals):
    """Outputs and gradients of layers over every sequence by itself, and so of masks that are not there."""
    batch, time = (0, 1) if layers.batch_first else (1, 0)

    def part(array, sample, length=None):
        taken = np.take(array, [sample], batch)
        return np.ascontiguousarray(taken if length is None else np.take(taken, range(length), time))

    outputs, outer, params = {}, {}, {}
    whole = layers.forward(data.x, data.h0, data.params)
    for name, array in whole.outputs.items():
        outputs[name] = np.zeros_like(array)
    for sample, length in enumerate(map(int, lengths)):
        x = {name: part(array, sample, length) for name, array in data.x.items()}
        h0 = {name: np.ascontiguousarray(array[:, [sample]]) for name, array in data.h0.items()}
        tape = layers.forward(x, h0, data.params)
        for name, array in tape.outputs.items():
            where = [slice(None)] * array.ndim
            where[1 if name in whole_states(layers) else batch] = slice(sample, sample + 1)
            if name not in whole_states(layers):
                where[time] = slice(length)
            outputs[name][tuple(where)] = array
        ends = {name: np.ascontiguousarray(array[:, [sample]]) for name, array in dfinals.items()}
        found = layers.backward(tape, {name: part(array, sample, length) for name, array in dy.items()}, ends)
        for name, array in found.outer.items():
            like = data.x[name] if name in data.x else data.h0[name]
            outer.setdefault(name, np.zeros_like(like))
            where = [slice(None)] * array.ndim
            where[batch if name in data.x else 1] = slice(sample, sample + 1)
            if name in data.x:
                where[time] = slice(length)
            outer[name][tuple(where)] = array
        for name, array in found.params.items():
            params[name] = params.get(name, 0) + array
    return outputs, outer, params


def whole_states(layers):
    return [f"{state.name}_n" for state in layers.cell.states]


def checked_alone(layers, lengths=LENGTHS):
    """With lengths, NaN in the padding and NaN for the outputs there, all is as if each sequence were alone."""
    data = Data(layers)
    dy, dfinals = data.cotangents(layers.forward(data.x, data.h0, data.params))
    outputs, outer, params = alone(layers, data, lengths, dy, dfinals)
    for sample, length in enumerate(lengths):
        at = (sample, slice(length, None)) if layers.batch_first else (slice(length, None), sample)
        for array in (*data.x.values(), *dy.values()):
            array[at] = np.nan
    kept = {name: array.copy() for name, array in data.x.items()}
    tape = layers.forward(data.x, data.h0, data.params, lengths=lengths)
    all_close(tape.outputs, outputs, ROUNDING)
    found = layers.backward(tape, dy, dfinals)
    all_close(found.outer, outer, ROUNDING)
    all_close(found.params, params, ROUNDING)
    for name, array in kept.items():
        np.testing.assert_array_equal(data.x[name], array, "what was given is left as it was")
    for sample, length in enumerate(lengths):
        at = (sample, slice(length, None)) if layers.batch_first else (slice(length, None), sample)
        for array in (*(v for k, v in tape.outputs.items() if k not in whole_states(layers)), found.x):
            np.testing.assert_array_equal(array[at], 0)
    return data, tape, found, dfinals


@pytest.mark.parametrize(
    ("cell", "direction"), [("gru", "reverse"), *((cell, "bidirectional") for cell in SOME)], ids=stem
)
def test_a_sequence_among_others_is_as_if_it_were_alone(layer, cell, direction):
    checked_alone(layer(cell, layers=2, direction=direction, merge="sum"))


@pytest.mark.parametrize(
    "cell", [c for c in (*BUILT_IN, *map(str, sorted(CELLS.glob("*.cell")))) if c not in SOME], ids=stem
)
def test_every_cell_takes_lengths(layer, cell):
    checked_alone(layer(cell))


@pytest.mark.parametrize("target", ["numpy", "c"])
def test_a_sequence_without_a_step_leaves_its_state_as_it_was(layer, target):
    layers = layer("lstm", target, layers=2, direction="bidirectional", batch_first=True)
    data, tape, found, dfinals = checked_alone(layers)
    for state in layers.cell.states:
        name = state.name
        np.testing.assert_array_equal(tape.outputs[f"{name}_n"][:, 1], data.h0[f"{name}0"][:, 1])
        np.testing.assert_array_equal(found.outer[f"{name}0"][:, 1], dfinals[f"d{name}_n"][:, 1])


@pytest.mark.parametrize("lengths", [[0, 0, 0, 0], [5, 5, 5, 5]])
def test_all_sequences_may_have_no_step_or_all(layer, lengths):
    checked_alone(layer("gru", direction="bidirectional"), lengths)


def test_a_batch_may_have_no_step_at_all(layer):
    layers = layer("gru", layers=2)
    data = Data(layers, sizes=SIZES | {"T": 0})
    for lengths in (None, [0, 0, 0, 0]):
        tape = layers.forward(data.x, data.h0, data.params, lengths=lengths)
        np.testing.assert_array_equal(tape.h_n, data.h0["h0"])
        assert tape.y.shape == (0, SIZES["B"], SIZES["H"])


def test_packed_sequences_are_padded_ones_with_lengths(layer):
    """Length 0 too, which PyTorch's cannot have."""
    layers = layer("gru", layers=2, direction="bidirectional")
    data = Data(layers)
    x = grusym.pack_padded(data.x["x"], LENGTHS, enforce_sorted=False)
    packed, padded = (
        layers.forward(v, data.h0, data.params, **k) for v, k in ((x, {}), (data.x, {"lengths": LENGTHS}))
    )
    y, lengths = grusym.pad_packed(packed.y)
    np.testing.assert_array_equal(y, padded.y)
    np.testing.assert_array_equal(lengths, LENGTHS)
    np.testing.assert_array_equal(packed.h_n, padded.h_n)
    dy, dfinals = data.cotangents(padded)
    got = layers.backward(packed, grusym.pack_padded(dy["dy"], LENGTHS, enforce_sorted=False), dfinals)
    want = layers.backward(padded, dy, dfinals)
    np.testing.assert_array_equal(grusym.pad_packed(got.x)[0], want.x)
    all_close({**got.params, "h0": got.h0}, {**want.params, "h0": want.h0}, 0)


# Masks.


@pytest.mark.parametrize("output", ["zero", "hold"])
def test_masks_are_those_of_keras(layer, output):
    """A masked step repeats state and output (keras.layers.GRU), or gives zeros (zero_output_for_mask)."""
    layers = layer("gru", masked=output)
    data = Data(layers)
    x, h = data.x["x"].copy(), data.h0["h0"][0]
    mask = data.random.uniform(size=x.shape[:2]) < 0.6
    mask[0, :2] = (False, True)
    kernel, wanted = layers.kernel, []
    params = {name.split("/")[-1]: array for name, array in data.params.items()}
    for t in range(len(x)):
        new = kernel.forward(x[t : t + 1], h, params).h_n
        h = np.where(mask[t][:, None], new, h)
        wanted.append(h if output == "hold" else np.where(mask[t][:, None], new, 0))
    x[~mask] = np.nan
    for given in (mask, mask.astype("float64")):
        tape = layers.forward(x, data.h0, data.params, mask=given)
        close(tape.y, np.stack(wanted), ROUNDING, "y")
        close(tape.h_n[0], h, ROUNDING, "h_n")
    dy, dfinals = data.cotangents(tape)
    gradients = layers.backward(tape, dy, dfinals)
    step, direction = 1e-6, data.some(*x.shape)
    moved = [layers.forward(np.where(mask[..., None], x + e * direction, np.nan), data.h0, data.params, mask=mask)
             for e in (step, -step)]  # fmt: skip
    sides = [(dy["dy"] * tape.y).sum() + (dfinals["dh_n"] * tape.h_n).sum() for tape in moved]
    np.testing.assert_allclose((gradients.x * direction).sum(), (sides[0] - sides[1]) / (2 * step), rtol=1e-6)


def test_a_mask_and_lengths_count_together(layer):
    layers = layer("gru", direction="bidirectional", batch_first=True)
    data = Data(layers)
    mask = data.random.uniform(size=data.x["x"].shape[:2]) < 0.5
    both = mask & (np.arange(SIZES["T"]) < LENGTHS[:, None])
    one, other = (
        layers.forward(data.x, data.h0, data.params, **given)
        for given in ({"mask": mask, "lengths": LENGTHS}, {"mask": both})
    )
    all_close(one.outputs, other.outputs, 0)


# Directions.


def test_in_reverse_a_layer_reads_from_the_end(layer):
    forward, reverse = (layer("gru", direction=word) for word in ("forward", "reverse"))
    data = Data(reverse)
    got = reverse.forward(data.x, data.h0, data.params)
    want = forward.forward(np.ascontiguousarray(data.x["x"][::-1]), data.h0, data.params)
    np.testing.assert_array_equal(got.y, want.y[::-1])
    np.testing.assert_array_equal(got.h_n, want.h_n)


def test_the_sum_of_both_directions_is_the_sum_of_the_halves(layer):
    """oneDNN's bidirectional_sum beside bidirectional_concat."""
    concat, added = (layer("gru", direction="bidirectional", merge=word) for word in ("concat", "sum"))
    data = Data(added)
    halves, one = (layers.forward(data.x, data.h0, data.params) for layers in (concat, added))
    width = SIZES["H"]
    np.testing.assert_array_equal(one.y, halves.y[..., :width] + halves.y[..., width:])
    dy = data.some(*one.y.shape)
    got, want = added.backward(one, dy), concat.backward(halves, np.concatenate([dy, dy], 2))
    np.testing.assert_array_equal(got.x, want.x)
    all_close(got.params, want.params, 0)


# Further inputs.


def test_an_input_is_shared_or_each_run_has_its_own(layer):
    """Zoneout: masks of their own for each layer and direction."""
    layers = layer("gru:zoneout=train", layers=2, direction="bidirectional", batch_first=True)
    data = Data(layers)
    shape = (SIZES["B"], SIZES["T"], SIZES["H"])
    mask = grusym.zoneout_mask(shape, 0.5, seed=1, dtype="float64")
    shared = {"x": data.x["x"], "m_h": mask}
    each = {"x": data.x["x"], "m_h": np.stack([mask] * 4)}
    tapes = [layers.forward(x, data.h0, data.params, lengths=LENGTHS) for x in (shared, each)]
    all_close(tapes[0].outputs, tapes[1].outputs, 0)
    dy, dfinals = data.cotangents(tapes[0])
    one, other = (layers.backward(tape, dy, dfinals) for tape in tapes)
    assert other.m_h.shape == (4, *shape)
    close(one.m_h, other.m_h.sum(axis=0), ROUNDING)
    all_close(one.params, other.params, 0)
    different = {**each, "m_h": grusym.zoneout_mask((4, *shape), 0.5, seed=2, dtype="float64")}
    assert not np.array_equal(layers.forward(different, data.h0, data.params).y, tapes[0].y)


def test_packing_once_is_packing_every_time(layer):
    layers = layer("gru", "c", layers=2, direction="bidirectional", convention="torch")
    data = Data(layers)
    packed, kept = layers.pack(data.params), {name: array.copy() for name, array in data.params.items()}
    for array in data.params.values():
        array[...] = np.nan  # packed are the values that were there
    for lengths in (None, LENGTHS):
        one, other = (layers.forward(data.x, data.h0, params, lengths=lengths) for params in (packed, kept))
        all_close(one.outputs, other.outputs, 0)


def test_states_that_are_not_given_are_zero(layer):
    layers = layer("lstm", layers=2)
    data = Data(layers)
    zeros = {name: np.zeros_like(array) for name, array in data.h0.items()}
    some = {"h0": data.h0["h0"], "c0": zeros["c0"]}
    for given, full in ((None, zeros), ({"h0": some["h0"]}, some)):
        one, other = (layers.forward(data.x, h0, data.params) for h0 in (given, full))
        all_close(one.outputs, other.outputs, 0)


# The checks themselves: bugs are seen.


def test_a_mask_the_wrong_way_round_is_caught(layer, monkeypatch):
    right = stack.read_mask
    monkeypatch.setattr(stack, "read_mask", lambda *given: None if given[0] is None else 1 - right(*given))
    with pytest.raises(AssertionError):
        checked_alone(layer("gru"))


def test_a_final_state_at_the_end_instead_of_the_length_is_caught(layer, monkeypatch):
    """Outputs are as they should be, and the state goes on through the padding."""
    plain = layer("gru")

    def goes_on(cell, output):
        found = grusym.masked(cell, output)
        return grusym.Cell.parse(found.text.replace("m h_new[i] + (1 - m) h[i]", "h_new[i]"))

    assert "+ (1 - m)" not in goes_on(plain.cell, "zero").text
    monkeypatch.setattr(stack, "masked_cell", goes_on)
    with pytest.raises(AssertionError, match=r"h_n: off by"):
        checked_alone(replace(plain))


def test_a_reverse_that_is_not_turned_back_is_caught(layer, monkeypatch):
    monkeypatch.setattr(layer_run, "_turned", lambda array, way: array)
    with pytest.raises(AssertionError, match="off by"):
        checked_by_hand(layer("gru", direction="reverse"))


def test_dropout_of_another_layer_is_caught(layer, monkeypatch):
    right = stack.read_dropout
    monkeypatch.setattr(stack, "read_dropout", lambda *given: None if given[0] is None else right(*given)[::-1])
    with pytest.raises(AssertionError, match="off by"):
        checked_by_hand(layer("gru", layers=3), dropout=0.5)


def test_padding_that_is_read_is_caught(layer, monkeypatch):
    monkeypatch.setattr(stack, "without_padding", lambda array, mask, lead=0: array)
    with pytest.raises(AssertionError):
        checked_alone(layer("gru"))
