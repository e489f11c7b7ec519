"""The arithmetics in which programs are run: derived bounds, or plain float64 for a first look at many of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from grusym.equations.cell import Cell, Equation
from grusym.equations.tensor import Tensor
from grusym.oracle import bounds, floats
from grusym.oracle.bounds import Bounds, Estimate
from grusym.oracle.floats import Float, Floats
from grusym.oracle.profile import Profile
from grusym.oracle.program import Program
from grusym.oracle.quick import quick_jacobian, quick_step
from grusym.oracle.step import Values, jacobian, step

REST = {"sigmoid": 0.5}
Sizes = Mapping[str, int]
Equations = tuple[Equation, ...]
Slopes = dict[tuple[str, str], Any]


class Engine(Protocol):
    """An arithmetic with what goes with it."""

    @property
    def arithmetic(self) -> Any: ...

    @property
    def zero(self) -> Any: ...

    def exactly(self, array: Any) -> Any:
        """Numbers as they are."""

    def settled(self, number: Any) -> Any:
        """A sum as the one number that is kept of it."""

    def step(self, cell: Cell, sizes: Sizes, given: Values, apart: bool = False) -> Values:
        """The values of every tensor of a step; `apart` where every sample has parameters of its own."""

    def jacobian(self, cell: Cell, sizes: Sizes, values: Values, tangents: Equations, only: Iterable[Tensor]) -> Slopes:
        """The derivative of every result by these arguments, at values of a step."""


class Quick:
    """Plain float64: values without bounds."""

    arithmetic = Floats()
    zero = floats.ZERO

    def exactly(self, array: Any) -> Float:
        return floats.exactly(array)

    def settled(self, number: Any) -> Any:
        return number

    def step(self, cell: Cell, sizes: Sizes, given: Values, apart: bool = False) -> Values:
        found = quick_step(cell, sizes, {name: number.value for name, number in given.items()}, apart)
        return {name: Float(value) for name, value in found.items()}

    def jacobian(self, cell: Cell, sizes: Sizes, values: Values, tangents: Equations, only: Iterable[Tensor]) -> Slopes:
        raw = {name: number.value for name, number in values.items()}
        return {key: Float(value) for key, value in quick_jacobian(cell, sizes, raw, tangents, only).items()}


@dataclass(frozen=True)
class Bounded:
    """Values with derived bounds."""

    arithmetic: Bounds
    zero: Any = bounds.ZERO

    def exactly(self, array: Any) -> Estimate:
        return bounds.exactly(array)

    def settled(self, number: Any) -> Any:
        return self.arithmetic.settled(number, stored=True)

    def step(self, cell: Cell, sizes: Sizes, given: Values, apart: bool = False) -> Values:
        assert not apart, "bounds are walked for one set of parameters"
        return step(cell, sizes, given, self.arithmetic, self.zero)

    def jacobian(self, cell: Cell, sizes: Sizes, values: Values, tangents: Equations, only: Iterable[Tensor]) -> Slopes:
        return jacobian(cell, sizes, values, self.arithmetic, self.zero, self.exactly, only, tangents)


@dataclass(frozen=True)
class LooseBounds(Bounds):
    """Bounds where some functions may be off by more, in parts of their distance from rest.

    Factors of matrix products may be rounded to `operands`, where they have more bits.
    """

    looser: Mapping[str, float]
    operands: float = 0.0

    def apply(self, function: str, arguments: Any) -> Estimate:
        found = super().apply(function, arguments)
        if function not in self.looser:
            return found
        own = self.looser[function] * np.abs(found.value - REST.get(function, 0.0))
        return replace(found, carried=found.carried + own, size=found.size + own)

    def total(self, value: Estimate, shape: tuple[int, ...], added: int) -> Estimate:
        """Products that are summed are those of matrices: their factors are what is rounded."""
        if not self.operands or value is bounds.ZERO:
            return super().total(value, shape, added)
        scaled = np.frexp(np.asarray(value.value))[0] / (2 * self.operands) ** 2
        own = np.where(np.round(scaled) == scaled, 0.0, 4 * self.operands * value.size)
        return super().total(replace(value, carried=value.carried + own, size=value.size + own), shape, added)


QUICK = Quick()


def bounded(profile: Profile, program: Program) -> Bounded:
    """Bounds of a profile, as loose as the program wants them."""
    loose = bool(program.looser or program.operands)
    return Bounded(LooseBounds(profile, program.looser, program.operands) if loose else Bounds(profile))
