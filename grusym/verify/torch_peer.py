"""PyTorch as a judge: the module that computes a cell, and its outputs and gradients by autograd."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from grusym.conventions.library import CONVENTIONS
from grusym.conventions.packing import Layout
from grusym.conventions.record import Peer
from grusym.equations.cell import Cell
from grusym.equations.library import settings_of
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.equations.transformations import is_transformed
from grusym.lower.lowered import Lowered
from grusym.verify.problem import Problem

CONVENTION = "torch"
LAYER = "_l0"  # PyTorch's parameters carry the number of the layer: weight_ih_l0


def missing() -> str:
    """Why PyTorch cannot judge here; empty if it can."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        return f"PyTorch cannot be imported ({error}); install grusym[torch]"
    return ""


def peer_of(cell: Cell, layout: Layout) -> Peer | None:
    """What PyTorch computes a cell by, where the cell is one that it knows and its parameters are packed its way."""
    if layout.convention != CONVENTION or is_transformed(cell):
        return None
    return CONVENTIONS[CONVENTION].peers.get(cell.name)


def by_torch(lowered: Lowered, peer: Peer, problem: Problem, dtype: str = "float64") -> dict[str, Any]:
    """Outputs and gradients by the names of the kernels' buffers, computed in `dtype`."""
    import torch

    arrays, layer = problem.arrays, lowered.layer

    def tensor(name: str) -> Any:
        return torch.from_numpy(arrays[name].astype(dtype))

    module = _module(lowered, peer, problem.sizes, getattr(torch, dtype))
    for name, parameter in module.named_parameters():
        parameter.data = tensor(name.removesuffix(LAYER))
    (given,) = lowered.cell.inputs
    x = tensor(given.name).requires_grad_()
    states = [state.name for state in lowered.cell.states]
    start = [tensor(initial_name(name))[None].requires_grad_() for name in states]
    y, end = module(x, tuple(start) if len(start) > 1 else start[0])
    finals = zip(states, end if len(states) > 1 else [end], strict=True)
    (series,) = layer.series
    outputs = {series.name: y} | {final_name(name): final[0] for name, final in finals}
    loss = sum((value * tensor(cotangent_name(name))).sum() for name, value in outputs.items())
    loss.backward()
    gradients = {given.name: x.grad}
    gradients |= {initial_name(name): initial.grad[0] for name, initial in zip(states, start, strict=True)}
    gradients |= {name.removesuffix(LAYER): parameter.grad for name, parameter in module.named_parameters()}
    results = outputs | {cotangent_name(name): gradient for name, gradient in gradients.items()}
    return {name: value.detach().numpy().astype(np.float64) for name, value in results.items()}


def _module(lowered: Lowered, peer: Peer, sizes: Mapping[str, int], dtype: Any) -> Any:
    """The module at these sizes, with the arguments that the cell's options become."""
    import torch

    cell = lowered.cell
    arguments: dict[str, Any] = {}
    for option, value in settings_of(cell).items():
        arguments |= peer.arguments.get(option, {}).get(value, {})
    arguments |= {name: sizes[axis] for name, axis in peer.sizes.items() if axis in sizes}
    return getattr(torch.nn, peer.module)(dtype=dtype, **arguments)
