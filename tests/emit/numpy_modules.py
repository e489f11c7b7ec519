"""Generated NumPy modules, run as a user runs them, with their results by the names that the IR has for them."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from grusym.emit.numpy_kernel import emit_numpy
from grusym.lower.ir import Kind
from grusym.lower.lowered import Lowered

Arrays = dict[str, np.ndarray]


_TEXTS: dict[tuple[str, str], str] = {}


def text_of(lowered: Lowered) -> str:
    key = (lowered.cell.text, lowered.layout.convention)
    if key not in _TEXTS:
        [_TEXTS[key]] = emit_numpy(lowered).values()
    return _TEXTS[key]


def loaded(text: str) -> SimpleNamespace:
    """The module of a text."""
    names: dict[str, Any] = {}
    exec(compile(text, "generated", "exec"), names)
    return SimpleNamespace(**names)


def names_of(kernel, *kinds: Kind) -> list[str]:
    return [buffer.name for buffer in kernel.of_kind(*kinds)]


def forward(lowered: Lowered, module: SimpleNamespace, given: Mapping[str, np.ndarray], saving: bool = True):
    """Outputs by name, and what is saved."""
    params = {name: given[name] for name, _ in lowered.layout.arrays}
    arguments = [given[name] for name in names_of(lowered.forward, Kind.INPUT)]
    *outputs, saved = module.forward(*arguments, params, saving=saving)
    return dict(zip(names_of(lowered.forward, Kind.OUTPUT), outputs, strict=True)), saved


def train(lowered: Lowered, module: SimpleNamespace, given: Mapping[str, np.ndarray]) -> Arrays:
    """Outputs and gradients by name."""
    outputs, saved = forward(lowered, module, given)
    params = {name: given[name] for name, _ in lowered.layout.arrays}
    arguments = [given[name] for name in names_of(lowered.backward, Kind.INPUT)]
    count = len(lowered.cell.inputs)
    *gradients, grads = module.backward(*arguments[:count], params, saved, *arguments[count:])
    assert list(grads) == list(params)
    gradients = dict(zip(names_of(lowered.backward, Kind.OUTPUT), gradients, strict=True))
    return outputs | gradients | {f"d{name}": value for name, value in grads.items()}
