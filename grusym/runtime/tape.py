"""What a kernel hands out: packed parameters, the tape of a forward pass, gradients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Packed:
    """Parameters that were checked and packed once, as they were then; `owner` says which kernels can read them."""

    sizes: Mapping[str, int]
    values: Any
    owner: str


@dataclass(frozen=True)
class Outputs:
    """What a forward pass gives: every output as an attribute (y, h_n)."""

    outputs: Arrays

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "outputs" or name not in self.outputs:
            raise AttributeError(f"the tape has no {name}")
        return self.outputs[name]


@dataclass(frozen=True)
class Tape(Outputs):
    """What forward returns: every output as an attribute (y, h_n), and what backward needs.

    The inputs are the caller's arrays, not copies: change them after backward, not before.
    """

    sizes: Mapping[str, int]
    inputs: Arrays
    packed: Packed
    saved: Any


@dataclass(frozen=True)
class Gradients:
    """What backward returns: gradients of inputs and initial states as attributes (x, h0), `params` by name."""

    outer: Arrays
    params: Arrays

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "outer" or name not in self.outer:
            raise AttributeError(f"there is no gradient of {name} here; parameters stand in .params")
        return self.outer[name]
