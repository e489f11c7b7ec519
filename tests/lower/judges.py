"""Two judges of a layer that know nothing of how it was derived: PyTorch, and differences of its own outputs."""

from collections.abc import Mapping

import numpy as np
import torch

from grusym.lower.interpret import run_both
from grusym.lower.lowered import Lowered
from tests.lower.layers import forward, inputs, loss, random_arrays, some_sizes


def assert_close(got: Mapping[str, np.ndarray], want: Mapping[str, np.ndarray], tolerance: float) -> None:
    """The same names, shapes and, relative to the largest element of each array, values."""
    assert sorted(got) == sorted(want)
    for name, array in want.items():
        assert got[name].shape == array.shape, name
        error = np.max(np.abs(got[name] - array), initial=0)
        assert error <= tolerance * max(1e-3, np.max(np.abs(array), initial=0)), f"{name} is off by {error}"


def torch_layer(lowered: Lowered, sizes: Mapping[str, int], dtype: torch.dtype) -> torch.nn.RNNBase:
    """PyTorch's layer for a cell in its convention."""
    cell, settings = lowered.cell, dict(lowered.cell.options)
    activation = {"nonlinearity": settings.get("activation", "tanh")} if cell.name == "rnn" else {}
    kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}[cell.name]
    return kind(sizes["I"], sizes["H"], bias=settings.get("biases") != "none", dtype=dtype, **activation)


def by_torch(lowered: Lowered, sizes: Mapping[str, int], given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs and gradients by name, as PyTorch computes them."""
    layer = torch_layer(lowered, sizes, torch.float64)
    for name, parameter in layer.named_parameters():
        parameter.data = torch.from_numpy(given[name.removesuffix("_l0")].copy())
    states = [state.name for state in lowered.cell.states]
    x = torch.from_numpy(given["x"].copy()).requires_grad_()
    start = [torch.from_numpy(given[f"{s}0"][None].copy()).requires_grad_() for s in states]
    y, end = layer(x, tuple(start) if len(start) > 1 else start[0])
    outputs = {"y": y} | {f"{s}_n": e[0] for s, e in zip(states, end if len(states) > 1 else [end], strict=True)}
    total = sum((value * torch.from_numpy(given[f"d{name}"])).sum() for name, value in outputs.items())
    total.backward()
    gradients = {"dx": x.grad} | {f"d{s}0": value.grad[0] for s, value in zip(states, start, strict=True)}
    gradients |= {f"d{name.removesuffix('_l0')}": p.grad for name, p in layer.named_parameters()}
    return {name: value.detach().numpy() for name, value in (outputs | gradients).items()}


def judge_by_torch(lowered: Lowered, *sizes: int, seed: int = 0) -> None:
    """Raises AssertionError unless all outputs and gradients are PyTorch's, for T, B, I, H."""
    extents = some_sizes(lowered.forward, *sizes)
    given = random_arrays(lowered, extents, seed)
    assert_close(run_both(lowered, extents, given), by_torch(lowered, extents, given), 1e-12)


def judge_by_differences(lowered: Lowered, *sizes: int, seed: int = 0) -> None:
    """Raises AssertionError unless every gradient is, along a random direction, what central differences say."""
    extents = some_sizes(lowered.forward, *sizes)
    given = random_arrays(lowered, extents, seed)
    result = run_both(lowered, extents, given)
    random, step = np.random.default_rng(seed + 1), 1e-5
    for name in inputs(lowered):
        direction = random.normal(size=given[name].shape)
        ahead, behind = (
            loss(lowered, forward(lowered, extents, {**given, name: given[name] + sign * direction}), given)
            for sign in (step, -step)
        )
        slope, want = np.vdot(result[f"d{name}"], direction), (ahead - behind) / (2 * step)
        assert abs(slope - want) <= 1e-7 * max(1, abs(want)), f"the slope along d{name} is {slope}, not {want}"
