"""Layers against torch.nn: GRU, LSTM (with and without projection) and RNN, outputs and all gradients.

In float64 both round, to 1e-12 of the tensor's largest element as `grusym verify` allows; in float32 the same is
eps(float32) / eps(float64) = 2^29 times coarser.
"""

from itertools import product

import numpy as np
import pytest

import grusym
from grusym.verify.comparison import FLOAT64
from tests.runtime.layer_data import close

torch = pytest.importorskip("torch")
rnn = torch.nn.utils.rnn

TOLERANCE = {"float64": FLOAT64, "float32": FLOAT64 * 2.0**29}
MODULES = {
    "gru": ("GRU", {}),
    "lstm": ("LSTM", {}),
    "lstm:projection=yes": ("LSTM", {"proj_size": 3}),
    "rnn": ("RNN", {}),
    "rnn:activation=relu": ("RNN", {"nonlinearity": "relu"}),
}
T, B, I, H = 6, 4, 3, 5
LENGTHS = (3, 6, 1, 4)  # in no order: enforce_sorted=False
DIRECTIONS = ("forward", "bidirectional")
DEEP = [case for case in product(MODULES, (1, 2, 3), DIRECTIONS) if ":" not in case[0] or case[1] == 2]


class Pair:
    """Layers, PyTorch's module of the same parameters, and data for both."""

    def __init__(self, layer, cell, layers, direction, dtype="float64", target="numpy", batch_first=False, bias=True):
        torch.manual_seed(0)
        name, arguments = MODULES[cell]
        both = {"num_layers": layers, "bidirectional": direction == "bidirectional", "batch_first": batch_first}
        self.module = getattr(torch.nn, name)(I, H, bias=bias, dtype=getattr(torch, dtype), **both, **arguments)
        form = {"layers": layers, "direction": direction, "batch_first": batch_first}
        spelling = cell if bias else f"{cell}{',' if ':' in cell else ':'}biases=none"
        self.layers = layer(spelling, target, dtype, "torch", **form)
        self.random, self.dtype, self.batch_first = np.random.default_rng(1), dtype, batch_first
        self.params = {key: value.numpy() for key, value in self.module.state_dict().items()}
        self.x = self.some(*((B, T) if batch_first else (T, B)), I)
        widths = [arguments.get("proj_size", H), H][: len(self.layers.cell.states)]
        self.h0 = [self.some(self.layers.runs, B, width) for width in widths]

    def some(self, *shape):
        return self.random.uniform(-1, 1, shape).astype(self.dtype)

    def agree(self, theirs, ours, **given):
        """Outputs and gradients: `theirs` from x to what the module takes, `ours` to what the layers take."""
        x, states = torch.tensor(self.x, requires_grad=True), [torch.tensor(h, requires_grad=True) for h in self.h0]
        y, end = self.module(theirs(x), tuple(states) if len(states) > 1 else states[0])
        packed = isinstance(y, rnn.PackedSequence)
        y, finals = (y.data if packed else y), (end if len(states) > 1 else (end,))
        tape = self.layers.forward(
            ours(self.x), tuple(self.h0) if len(self.h0) > 1 else self.h0[0], self.params, **given
        )
        tolerance = TOLERANCE[self.dtype]
        own = tape.y.data if hasattr(tape.y, "batch_sizes") else tape.y
        if packed and not hasattr(tape.y, "batch_sizes"):
            own = theirs(torch.tensor(tape.y)).data.numpy()
        close(own, y.detach().numpy(), tolerance, "y")
        names = [f"{state.name}_n" for state in self.layers.cell.states]
        for name, final in zip(names, finals, strict=True):
            close(tape.outputs[name], final.detach().numpy(), tolerance, name)

        dy, dfinals = self.some(*y.shape), [self.some(*final.shape) for final in finals]
        sums = [(value * torch.tensor(d)).sum() for value, d in zip((y, *finals), (dy, *dfinals), strict=True)]
        sum(sums).backward()
        like = theirs(torch.tensor(self.x))
        if packed:
            dy = grusym.PackedSequence(dy, *(None if a is None else a.numpy() for a in like[1:]))
            if not hasattr(tape.y, "batch_sizes"):
                dy, _ = grusym.pad_packed(dy, self.batch_first, total_length=T)
        found = self.layers.backward(tape, dy, dict(zip((f"d{name}" for name in names), dfinals, strict=True)))
        if hasattr(found.x, "batch_sizes"):
            dx, _ = grusym.pad_packed(found.x, self.batch_first, total_length=T)
        else:
            dx = found.x
        close(dx, x.grad.numpy(), tolerance, "dx")
        for state, initial in zip(self.layers.cell.states, states, strict=True):
            close(found.outer[f"{state.name}0"], initial.grad.numpy(), tolerance, f"d{state.name}0")
        assert list(found.params) == list(self.params)
        for name, parameter in self.module.named_parameters():
            close(found.params[name], parameter.grad.numpy(), tolerance, f"d{name}")


def packed(lengths=LENGTHS, batch_first=False, enforce_sorted=False):
    return lambda x: rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first, enforce_sorted)


@pytest.mark.parametrize(("cell", "layers", "direction"), DEEP)
def test_whole_sequences(layer, cell, layers, direction):
    Pair(layer, cell, layers, direction).agree(lambda x: x, lambda x: x)


@pytest.mark.parametrize(("cell", "layers", "direction"), DEEP)
def test_packed_sequences(layer, cell, layers, direction):
    pair = Pair(layer, cell, layers, direction)
    pair.agree(packed(), lambda x: grusym.pack_padded(x, LENGTHS, enforce_sorted=False))


@pytest.mark.parametrize(("cell", "direction"), list(product(MODULES, DIRECTIONS)))
def test_lengths_are_what_packing_is(layer, cell, direction):
    """Padded arrays with lengths: what stands in the padding, be it NaN, is not read."""
    pair = Pair(layer, cell, 2, direction, batch_first=True)
    for sample, length in enumerate(LENGTHS):
        pair.x[sample, length:] = np.nan
    pair.agree(packed(batch_first=True), lambda x: x, lengths=LENGTHS)


@pytest.mark.parametrize(("cell", "dtype"), [("gru", "float64"), ("lstm", "float32"), ("rnn", "float64")])
def test_kernels_in_c(layer, cell, dtype):
    pair = Pair(layer, cell, 2, "bidirectional", dtype, "c")
    pair.agree(packed(), lambda x: x, lengths=LENGTHS)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_float32_batch_first_and_no_bias(layer, cell):
    pair = Pair(layer, cell, 3, "bidirectional", "float32", batch_first=True, bias=False)
    pair.agree(lambda x: x, lambda x: x)


def test_packed_sequences_that_are_sorted_and_batch_first(layer):
    pair = Pair(layer, "gru", 2, "bidirectional", batch_first=True)
    lengths = (6, 4, 4, 1)
    pair.agree(packed(lengths, True, True), lambda x: grusym.pack_padded(x, lengths, batch_first=True))


def test_a_packed_sequence_of_pytorch_is_taken_as_it_is(layer):
    """With its data as a NumPy array."""
    pair = Pair(layer, "lstm", 1, "bidirectional")
    theirs = packed()(torch.tensor(pair.x))
    tape = pair.layers.forward(theirs._replace(data=theirs.data.numpy()), None, pair.params)
    y, _ = pair.module(packed()(torch.tensor(pair.x)))
    close(tape.y.data, y.data.detach().numpy(), FLOAT64)
    np.testing.assert_array_equal(tape.y.sorted_indices, y.sorted_indices)


def test_it_is_seen_when_a_module_has_other_parameters(layer):
    pair = Pair(layer, "gru", 1, "forward")
    pair.params = {name: array.copy() for name, array in pair.params.items()}
    pair.params["weight_hh_l0"][0, 0] += 1e-9
    with pytest.raises(AssertionError, match="y: off by"):
        pair.agree(lambda x: x, lambda x: x)
