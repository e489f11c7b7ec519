"""Streams: one step at a time, or in parts, a sequence gives the bits of the whole."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from grusym.equations.library import BUILT_IN
from grusym.errors import InputError
from grusym.runtime import streaming
from tests.runtime.layer_data import Data

CELLS = Path(__file__).parents[1] / "cells"
PARTS = (0, 2, 3, 3, 5)  # of T = 5 steps; one part has none
KINDS = [("numpy", "float64"), ("c", "float32")]
MORE = [("numpy", "float32"), ("c", "float64")]


def checked(layers, seed=0):
    data = Data(layers, seed)
    whole = layers.forward(data.x, data.h0, data.params, saving=False)
    time = 1 if layers.batch_first else 0
    series = [s.name for s in layers.kernel.lowered.layer.series]
    finals = {f"{state.name}0": whole.outputs[f"{state.name}_n"] for state in layers.cell.states}

    def same(stream, parts):
        for name, array in finals.items():
            np.testing.assert_array_equal(stream.state[name], array)
        for name in series:
            own = [part[name] if isinstance(part, dict) else part for part in parts]
            joined = np.stack(own, time) if own[0].ndim < whole.outputs[name].ndim else np.concatenate(own, time)
            np.testing.assert_array_equal(joined, whole.outputs[name])

    def part(where):
        return {name: np.ascontiguousarray(np.take(array, where, time)) for name, array in data.x.items()}

    steps, parts = layers.stream(data.params, data.h0), layers.stream(layers.pack(data.params), data.h0)
    same(steps, [steps.step(part(t)) for t in range(data.sizes["T"])])
    same(parts, [parts.run(part(range(start, end))) for start, end in pairwise(PARTS)])


@pytest.mark.parametrize(("target", "dtype"), KINDS)
@pytest.mark.parametrize("cell", BUILT_IN)
def test_every_cell_gives_the_same_bits_step_by_step(layer, cell, target, dtype):
    checked(layer(cell, target, dtype))


@pytest.mark.parametrize(("target", "dtype"), MORE)
@pytest.mark.parametrize("cell", ["gru", "lstm", str(CELLS / "scalar_gates.cell")], ids=lambda name: Path(name).stem)
def test_other_types_and_cells_of_ones_own(layer, cell, target, dtype):
    checked(layer(cell, target, dtype))


@pytest.mark.parametrize(("target", "dtype"), KINDS)
@pytest.mark.parametrize("cell", ["gru", "lstm:projection=yes", "convgru"])
def test_layers_above_each_other(layer, cell, target, dtype):
    checked(layer(cell, target, dtype, layers=3, batch_first=cell == "gru"))


def test_one_array_is_a_step_and_a_tuple_several_inputs(layer):
    layers = layer("augru")
    data = Data(layers)
    stream, other = layers.stream(data.params), layers.stream(data.params)
    y = stream.step((data.x["x"][0], data.x["a"][0]))
    np.testing.assert_array_equal(y, other.step({"x": data.x["x"][0], "a": data.x["a"][0]}))
    layers = layer("gru")
    data = Data(layers)
    stream = layers.stream(data.params)
    np.testing.assert_array_equal(stream.step(data.x["x"][0]), layers.forward(data.x, None, data.params).y[0])


def test_a_stream_goes_on_from_the_state_of_another(layer):
    layers = layer("lstm", layers=2)
    data = Data(layers)
    first = layers.stream(data.params, data.h0)
    y = [first.step(x) for x in data.x["x"][:3]]
    second = layers.stream(data.params, first.state)
    y += [second.step(x) for x in data.x["x"][3:]]
    np.testing.assert_array_equal(np.stack(y), layers.forward(data.x, data.h0, data.params).y)


@pytest.mark.parametrize("direction", ["reverse", "bidirectional"])
def test_what_begins_at_the_end_cannot_be_streamed(layer, direction):
    layers = layer("gru", direction=direction)
    with pytest.raises(InputError) as caught:
        layers.stream({})
    assert str(caught.value) == (
        f'direction="{direction}" begins at the last step, so that nothing can be said before it is there; '
        'stream layers with direction="forward"'
    )


def test_a_state_that_is_forgotten_is_caught(layer, monkeypatch):
    right = streaming.Stream.run

    def forgetful(self, x):
        kept, y = self.state, right(self, x)
        self.state = kept
        return y

    monkeypatch.setattr(streaming.Stream, "run", forgetful)
    with pytest.raises(AssertionError):
        checked(layer("gru"))
