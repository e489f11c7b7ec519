"""The parameters of a torch module by the names of a convention, after any prefix and before any `_l0`.

`gru.weight_ih_l0` is `weight_ih`. Those of other names may be `assigned`; they then may lack axes of one element.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from grusym.conventions.library import layout_of
from grusym.conventions.packing import Layout, numbers, solve
from grusym.equations.cell import Cell
from grusym.errors import InputError

LAYER = "_l0"


@dataclass(frozen=True)
class Parameters:
    """What a module called `target` has to have for a cell under a convention."""

    target: str
    cell: Cell
    convention: str | None
    assigned: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _layout(self) -> Layout:
        return layout_of(self.cell, self.convention)

    @property
    def layout(self) -> Layout:
        return self._layout

    @property
    def _hint(self) -> str:
        names = ", ".join(self._layout.key(name) for name, _ in self._layout.arrays) or "none"
        return f"{self.cell.spelling} has {names} in the convention {self.convention or 'own'}"

    def of(self, module: Any) -> dict[str, Any]:
        """The module's parameters by the convention's names. Raises InputError unless these are all that it has."""
        own, found = dict(module.named_parameters()), {}
        if self.assigned:
            return {key: own[name] for key, name in self.assigned.items()}
        for key in (self._layout.key(name) for name, _ in self._layout.arrays):
            names = [name for name in own if f".{name.removesuffix(LAYER)}".endswith(f".{key}")]
            if len(names) != 1:
                many = f"{len(names)} parameters" if names else "no parameter"
                raise InputError(f"{self.target} has {many} {key}; it has {', '.join(own) or 'none'}; {self._hint}")
            found[key] = own.pop(names[0])
        if own:
            raise InputError(
                f"{self.target} has the parameters {', '.join(own)} beside those of the cell; {self._hint}"
            )
        return found

    def sizes(self, module: Any) -> dict[str, int]:
        """The extents that a module has, by name. Raises InputError for shapes that do not fit."""
        shapes = {self._layout.key(name): shape for name, shape in self._layout.arrays}
        own = {name: tuple(parameter.shape) for name, parameter in self.of(module).items()}
        sizes: dict[str, int] = {}
        for _ in shapes:  # what one shape leaves open, another may tell
            for name, shape in shapes.items():
                for extent, number in zip(shape, own[name], strict=False):
                    solve(extent, number, sizes)
        for name, shape in shapes.items():
            known = all(symbol.name in sizes for extent in shape for symbol in extent.free_symbols)
            if not known or numbers(shape, sizes) != own[name]:
                raise self._misshapen(name, own[name], f"({', '.join(map(str, shape))})")
        return sizes

    def write(self, module: Any, tensors: Mapping[str, Any]) -> None:
        """Give the module these values, where it has others: calls of one case may run beside each other."""
        import torch

        with torch.no_grad():
            for name, parameter in self.of(module).items():
                value = tensors[name]
                if self.assigned:
                    value = value.reshape(parameter.shape)
                if parameter.shape != value.shape:
                    raise self._misshapen(name, tuple(parameter.shape), str(tuple(value.shape)))
                if not torch.equal(parameter, value):
                    parameter.copy_(value)

    def _misshapen(self, name: str, own: tuple[int, ...], wanted: str) -> InputError:
        return InputError(f"{name} of {self.target} has shape {own}, but {wanted} is wanted; {self._hint}")
