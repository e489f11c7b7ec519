"""PyTorch: a one-layer GRU, LSTM and RNN by its state dict; more of it in tests/verify."""

import numpy as np
import pytest

from grusym.conventions.library import CONVENTIONS
from grusym.equations.library import settings_of
from tests.systems.agreement import SIZES, System, check_arrays_as_they_are, check_conversion_in, check_conversion_out
from tests.systems.presence import require

require("torch", "torch")
pytestmark = pytest.mark.systems

FIRST_LAYER = "_l0"


def layer(cell, wide, hidden, dtype):
    import torch

    peer, arguments = CONVENTIONS["torch"].peers[cell.name], {}
    for option, value in settings_of(cell).items():
        arguments |= peer.arguments.get(option, {}).get(value, {})
    return getattr(torch.nn, peer.module)(wide, hidden, dtype=getattr(torch, dtype), **arguments)


def initial(cell, sizes, dtype, seed):
    import torch

    torch.manual_seed(seed)  # PyTorch draws biases too
    state = layer(cell, sizes["I"], sizes["H"], dtype).state_dict()
    return {name.removesuffix(FIRST_LAYER): array.numpy() for name, array in state.items()}


def run(cell, arrays, given, cotangents):
    import torch

    module = layer(cell, given["x"].shape[2], given["h0"].shape[1], given["x"].dtype.name)
    module.load_state_dict({name + FIRST_LAYER: torch.from_numpy(array) for name, array in arrays.items()})
    leaves = {name: torch.from_numpy(array).requires_grad_() for name, array in given.items()}
    start = [leaves[f"{state.name}0"][None] for state in cell.states]
    y, end = module(leaves["x"], tuple(start) if len(start) > 1 else start[0])
    ends = end if len(start) > 1 else (end,)
    results = {"y": y} | {f"{state.name}_n": last[0] for state, last in zip(cell.states, ends, strict=True)}
    if cotangents:
        sum((results[name[1:]] * torch.from_numpy(array)).sum() for name, array in cotangents.items()).backward()
        results |= {f"d{name}": leaf.grad for name, leaf in leaves.items()}
        results |= {f"d{name.removesuffix(FIRST_LAYER)}": p.grad for name, p in module.named_parameters()}
    return {name: value.detach().numpy() for name, value in results.items()}


TORCH = System("torch", initial, run)
CELLS = ["gru", "lstm", "rnn", "rnn:activation=relu"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spelling", CELLS)
def test_the_state_dict_is_read_as_it_is(spelling, dtype):
    for seed, sizes in enumerate(SIZES):
        check_arrays_as_they_are(TORCH, spelling, sizes, dtype, seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spelling", CELLS)
def test_converted_both_ways_it_computes_the_same(spelling, dtype):
    for seed, sizes in enumerate(SIZES):
        check_conversion_out(TORCH, spelling, "own", sizes, dtype, seed)
        check_conversion_in(TORCH, spelling, spelling, sizes, dtype, seed)


def test_update_that_writes_is_converted_into_one_that_keeps():
    for seed, sizes in enumerate(SIZES):
        check_conversion_in(TORCH, "gru", "gru:update=write", sizes, "float64", seed)


def test_a_wrong_order_of_gates_is_seen():
    def swapped(cell, arrays, given, cotangents):
        r, z, n = np.split(arrays["weight_hh"], 3)
        return run(cell, arrays | {"weight_hh": np.concatenate([z, r, n])}, given, cotangents)

    with pytest.raises(AssertionError, match=r"torch as it is: Deviation"):
        check_arrays_as_they_are(System("torch", initial, swapped), "gru", SIZES[1], "float32", 0)
