"""Keras layers on PyTorch, set to given arrays and run."""

import pytest

from grusym.equations.library import settings_of
from tests.systems.agreement import with_random_biases

KINDS = {"gru": "GRU", "lstm": "LSTM", "rnn": "SimpleRNN"}
# Keras, in get_weights.
WARNING = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"


def import_on_torch():
    """Import Keras, which reads once and for all on which backend it runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        import keras

    assert keras.config.backend() == "torch", "Keras was imported before, on another backend"


def layer(cell, wide, hidden, dtype, **arguments):
    """The layer of a cell, built; it returns outputs over time, and its final states."""
    import keras

    options = settings_of(cell)
    arguments = {"return_sequences": True, "return_state": True, "use_bias": options["biases"] != "none"} | arguments
    if cell.name == "gru":
        arguments["reset_after"] = options["reset"] == "after"
    if cell.name == "rnn":
        arguments["activation"] = options["activation"]
    made = getattr(keras.layers, KINDS[cell.name])(hidden, dtype=dtype, **arguments)
    made.build((None, None, wide))
    return made


def initial(cell, sizes, dtype, seed):
    """The weights of a new layer by name, with random biases."""
    import keras

    keras.utils.set_random_seed(seed)
    made = layer(cell, sizes["I"], sizes["H"], dtype)
    weights = dict(zip((weight.name for weight in made.weights), made.get_weights(), strict=True))
    return with_random_biases(weights, dtype, seed)


def run(cell, arrays, given, cotangents, mask=None, **arguments):
    """Outputs and gradients by grusym's names; a mask (T, B) says which steps count."""
    import torch

    made = layer(cell, given["x"].shape[2], given["h0"].shape[1], given["x"].dtype.name, **arguments)
    made.set_weights(list(arrays.values()))
    leaves = {name: torch.from_numpy(array).requires_grad_() for name, array in given.items()}
    start = [leaves[f"{state.name}0"] for state in cell.states]
    kept = {} if mask is None else {"mask": torch.from_numpy(mask.swapaxes(0, 1).copy())}
    y, *ends = made(leaves["x"].swapaxes(0, 1), initial_state=start, **kept)
    results = {"y": y.swapaxes(0, 1)} | {f"{s.name}_n": end for s, end in zip(cell.states, ends, strict=True)}
    if cotangents:
        sum((results[name[1:]] * torch.from_numpy(array)).sum() for name, array in cotangents.items()).backward()
        results |= {f"d{name}": leaf.grad for name, leaf in leaves.items()}
        results |= {f"d{weight.name}": weight.value.grad for weight in made.weights}
    return {name: value.detach().numpy() for name, value in results.items()}
