"""Which names mean the same memory: a placed tensor is part of its buffer, two parts of one buffer are apart."""

from dataclasses import dataclass, field

from sympy import Expr

from grusym.conventions.packing import Placement
from grusym.equations.tensor import indices_of, tensor_of
from grusym.lower.ir import Kernel


@dataclass(frozen=True)
class Memory:
    """The memory of one kernel. `parts` are the tensors that go by another name than their buffer's."""

    parts: dict[str, Placement] = field(default_factory=dict)

    @staticmethod
    def of(kernel: Kernel) -> "Memory":
        return Memory({place.tensor: place for place in kernel.placements if place.tensor != place.buffer})

    def overlap(self, one: str, other: str) -> bool:
        """Whether two names can mean the same element: one tensor, or a buffer and a part of it.

        The checker has seen to it that two parts of a buffer have no element in common.
        """
        if one == other:
            return True
        if one in self.parts and other in self.parts:
            return False
        return self.buffer(one) == self.buffer(other)

    def buffer(self, tensor: str) -> str:
        return self.parts[tensor].buffer if tensor in self.parts else tensor

    def whereabouts(self, element: Expr) -> tuple[Expr, ...]:
        """The indices of an access in the buffer that holds it."""
        indices, part = indices_of(element), self.parts.get(tensor_of(element))
        if part is None:
            return indices
        return part.element(indices)
