"""Keras, on PyTorch: GRU with reset_after both ways, its masks and its directions."""

from functools import partial

import pytest

from grusym.equations.library import settings_of
from tests.systems.agreement import (
    SIZES,
    System,
    check_arrays_as_they_are,
    check_conversion_in,
    check_conversion_out,
    with_random_biases,
)
from tests.systems.presence import require

require("keras", "keras")
require("torch", "torch")
pytestmark = [
    pytest.mark.systems,
    # Keras, in get_weights.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _on_torch():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")  # read when Keras is imported first
        import keras

        assert keras.config.backend() == "torch", "Keras was imported by something else, on another backend"


def layer(cell, wide, hidden, dtype, **arguments):
    import keras

    options, kind = settings_of(cell), {"gru": keras.layers.GRU}[cell.name]
    arguments |= {"reset_after": options["reset"] == "after"} if cell.name == "gru" else {}
    arguments = {"return_sequences": True, "return_state": True, "use_bias": options["biases"] != "none"} | arguments
    made = kind(hidden, dtype=dtype, **arguments)
    made.build((None, None, wide))
    return made


def initial(cell, sizes, dtype, seed):
    import keras

    keras.utils.set_random_seed(seed)
    made = layer(cell, sizes["I"], sizes["H"], dtype)
    weights = dict(zip((weight.name for weight in made.weights), made.get_weights(), strict=True))
    return with_random_biases(weights, dtype, seed)


def run(cell, arrays, given, cotangents, **arguments):
    import torch

    made = layer(cell, given["x"].shape[2], given["h0"].shape[1], given["x"].dtype.name, **arguments)
    made.set_weights(list(arrays.values()))
    leaves = {name: torch.from_numpy(array).requires_grad_() for name, array in given.items()}
    y, *ends = made(leaves["x"].swapaxes(0, 1), initial_state=[leaves[f"{state.name}0"] for state in cell.states])
    results = {"y": y.swapaxes(0, 1)} | {f"{s.name}_n": end for s, end in zip(cell.states, ends, strict=True)}
    if cotangents:
        sum((results[name[1:]] * torch.from_numpy(array)).sum() for name, array in cotangents.items()).backward()
        results |= {f"d{name}": leaf.grad for name, leaf in leaves.items()}
        results |= {f"d{weight.name}": weight.value.grad for weight in made.weights}
    return {name: value.detach().numpy() for name, value in results.items()}


KERAS = System("keras", initial, run)
UNROLLED = System("keras", initial, partial(run, unroll=True))  # by Keras's own cell, where the layer would be fused
# Except on TensorFlow, Keras takes an operation on float64 to give float32 (keras.backend.result_type), in a layer of
# float64 too: only the fused layer on PyTorch computes in double precision.
CASES = [
    (KERAS, "gru:reset=after", "float32"),
    (KERAS, "gru:reset=after", "float64"),
    (UNROLLED, "gru:reset=after", "float32"),
    (KERAS, "gru:reset=before", "float32"),
]


@pytest.mark.parametrize("biases", ["", ",biases=none"])
@pytest.mark.parametrize(("system", "spelling", "dtype"), CASES)
def test_its_weights_are_read_as_they_are(system, spelling, dtype, biases):
    for seed, sizes in enumerate(SIZES):
        check_arrays_as_they_are(system, spelling + biases, sizes, dtype, seed)


@pytest.mark.parametrize(("system", "spelling", "dtype"), CASES)
def test_converted_from_it_they_compute_the_same(system, spelling, dtype):
    for seed, sizes in enumerate(SIZES):
        for target in ("own", "onnx", "torch" if spelling == "gru:reset=after" else "haiku"):
            check_conversion_out(system, spelling, target, sizes, dtype, seed)


@pytest.mark.parametrize(("system", "spelling", "dtype"), CASES)
def test_converted_to_it_they_compute_the_same(system, spelling, dtype):
    for seed, sizes in enumerate(SIZES):
        for origin in (spelling, f"{spelling},update=write", f"{spelling},biases=one"):
            if origin != "gru:reset=after,biases=one":  # becomes a form with two biases, one of them zero: seen below
                check_conversion_in(system, spelling, origin, sizes, dtype, seed)
