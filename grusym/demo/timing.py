"""How long one forward and backward pass takes: generated kernels beside PyTorch, on one thread each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from grusym.demo.classifier import GRU, Weights
from grusym.demo.digits import Floats
from grusym.demo.optional import need
from grusym.demo.pytorch import one_thread, torch_gru
from grusym.runtime.kernel import Kernel

ROUNDS = 50
WARM_UP = 3


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one pass: the median, and the quartiles around it."""

    median: float
    low: float
    high: float


def interleaved(
    rivals: Mapping[str, Callable[[], Any]],
    rounds: int = ROUNDS,
    on_round: Callable[[int], None] = lambda done: None,
) -> dict[str, Timing]:
    """Time every rival once a round, in turn, so that what else the machine does meets all of them alike."""
    for rival in rivals.values():
        for _ in range(WARM_UP):
            rival()
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for done in range(rounds):
        for name, rival in rivals.items():
            start = perf_counter()
            rival()
            seconds[name].append(perf_counter() - start)
        on_round(done + 1)
    quartiles = {name: 1e3 * np.quantile(times, (0.5, 0.25, 0.75)) for name, times in seconds.items()}
    return {name: Timing(*map(float, figures)) for name, figures in quartiles.items()}


def time_gru(
    kernels: Mapping[str, Kernel],
    x: Floats,
    weights: Weights,
    on_round: Callable[[int], None] = lambda done: None,
) -> dict[str, Timing]:
    """Forward and backward of one GRU layer in float64, all gradients included, those of x and h0 too.

    The kernels pack their weights every time, as training must: they have just changed.
    """
    params = {name: weights[name] for name in GRU}
    state = np.zeros((x.shape[1], weights["weight_hh"].shape[1]))
    cotangent = np.ones_like(state)

    def passes(kernel: Kernel) -> Callable[[], Any]:
        return lambda: kernel.backward(kernel.forward(x, state, params), None, cotangent)

    rivals = {name: passes(kernel) for name, kernel in kernels.items()}
    rivals["PyTorch"] = _torch_passes(x, state, cotangent, params)
    with one_thread():
        return interleaved(rivals, on_round=on_round)


def _torch_passes(x: Floats, state: Floats, cotangent: Floats, params: Weights) -> Callable[[], Any]:
    torch: Any = need("torch")
    gru = torch_gru(params)
    inputs = torch.from_numpy(x).clone().requires_grad_()
    h0 = torch.from_numpy(state).clone()[None].requires_grad_()
    dh_n = torch.from_numpy(cotangent)[None]
    wanted = [inputs, h0, *gru.parameters()]
    return lambda: torch.autograd.grad(gru(inputs, h0)[1], wanted, dh_n)
