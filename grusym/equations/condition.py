"""Conditions on sizes: which extents the equations leave out, because they have no value there."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from operator import eq, ge, gt, le, lt, ne

from sympy import Expr, Integer

from grusym.errors import InputError

NONZERO, POSITIVE, NONNEGATIVE = "!=", ">", ">="  # what an operand has to be, compared with zero
_COMPARE = {"!=": ne, ">": gt, ">=": ge, "==": eq, "<=": le, "<": lt}
_OPPOSITE = {NONZERO: "==", POSITIVE: "<=", NONNEGATIVE: "<"}
_REACH = {1: 100, 2: 20, 3: 5}  # how far extents are moved to meet conditions, by how many there are to move
_LEAST_REACH = 2


@dataclass(frozen=True)
class Condition:
    """A polynomial in sizes, with whole coefficients, that has to stand in this relation to zero.

    `operation` is what has no value otherwise: "divide by Q - 1".
    """

    polynomial: Expr
    relation: str
    operation: str

    @property
    def sizes(self) -> tuple[str, ...]:
        """The names of the sizes that it speaks of."""
        return tuple(sorted(symbol.name for symbol in self.polynomial.free_symbols))

    @property
    def excluded(self) -> int | None:
        """The one extent that is left out, where the condition is that: 1 for Q - 1 != 0."""
        if self.relation != NONZERO or len(self.sizes) != 1:
            return None
        (size,) = self.polynomial.free_symbols
        value = size - self.polynomial
        return int(value) if value.is_Integer else None

    @property
    def opposite(self) -> "Condition":
        """What holds where this does not."""
        return replace(self, relation=_OPPOSITE[self.relation])

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Whether it holds for these sizes by name."""
        if self.excluded is not None:
            return sizes[self.sizes[0]] != self.excluded
        value = self.polynomial.xreplace({s: Integer(sizes[s.name]) for s in self.polynomial.free_symbols})
        return bool(_COMPARE[self.relation](value, 0))

    @property
    def remedy(self) -> str:
        """What sizes do."""
        if self.excluded == 1:
            return f"the axis {self.sizes[0]} needs at least 2 elements"
        if self.excluded is not None:
            return f"the axis {self.sizes[0]} needs more or fewer elements than {self.excluded}"
        return f"choose sizes with {self}"

    def refusal(self, sizes: Mapping[str, int]) -> str:
        """Why sizes at which it does not hold are refused, and what to do."""
        named = " and ".join(f"{name} is {sizes[name]}" for name in self.sizes)
        return f"{named}, but the equations {self.operation}, which then has no value; {self.remedy}"

    def __str__(self) -> str:
        if self.excluded is not None:
            return f"{self.sizes[0]} != {self.excluded}"
        return f"{self.polynomial} {self.relation} 0"


def unmet(conditions: Iterable[Condition], sizes: Mapping[str, int]) -> Condition | None:
    """The first condition that does not hold, among those that speak of these sizes alone."""
    known = (condition for condition in conditions if sizes.keys() >= set(condition.sizes))
    return next((condition for condition in known if not condition.holds(sizes)), None)


def nearest(sizes: Mapping[str, int], conditions: Collection[Condition], fixed: Collection[str] = ()) -> dict[str, int]:
    """These sizes where conditions hold, else the nearest where they do, the larger of two; `fixed` ones stay.

    Raises InputError where there are none nearby.
    """
    found = nearby(sizes, conditions, fixed)
    if found is None:
        wanted = " and ".join(map(str, conditions))
        raise InputError(f"the cell needs sizes with {wanted}, and none near {dict(sizes)} are; scale its equations")
    return found


def nearby(
    sizes: Mapping[str, int], conditions: Collection[Condition], fixed: Collection[str] = ()
) -> dict[str, int] | None:
    """The same, and None where there are none nearby."""
    if unmet(conditions, sizes) is None:
        return dict(sizes)
    names = sorted({name for condition in conditions for name in condition.sizes if name not in fixed})
    reach = _REACH.get(len(names), _LEAST_REACH)
    steps = product(range(-reach, reach + 1), repeat=len(names))
    for step in sorted(steps, key=lambda step: (sum(map(abs, step)), [-n for n in step])):
        moved = {**sizes, **{name: sizes[name] + n for name, n in zip(names, step, strict=True)}}
        if all(moved[name] >= 1 for name in names) and unmet(conditions, moved) is None:
            return moved
    return None
