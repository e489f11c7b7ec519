"""The order in which terms and factors are read: W x + U h + b, and not the order in which SymPy keeps them.

Addition and multiplication commute, so this changes no meaning; it depends on names and roles only, never on hashes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sympy import Add, Expr, Function, Idx, Mul, Pow, Sum

from grusym.calculus.program import Program
from grusym.equations.cell import Cell
from grusym.equations.tensor import accesses, is_access, tensor_of

NUMBER, PARAMETER, COTANGENT, WEIGHT, VALUE, STATE, INPUT, COMPOUND, APPLIED = range(9)
Key = tuple[int, int, str]


@dataclass(frozen=True)
class Order:
    """Reading order for the expressions of one cell and what is derived from it."""

    cell: Cell
    forward: Program

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """Role and place of definition of every tensor of the forward pass."""
        places = {name: (VALUE, number) for number, name in enumerate(self.forward.defined)}
        for role, tensors in (
            (PARAMETER, self.cell.parameters),
            (STATE, [state.tensor for state in self.cell.states]),
            (INPUT, self.cell.inputs),
        ):
            places |= {tensor.name: (role, number) for number, tensor in enumerate(tensors)}
        return places

    def role(self, name: str) -> int:
        """The role of a tensor; what the forward pass does not know is a cotangent."""
        return self._places.get(name, (COTANGENT, 0))[0]

    def _place(self, name: str) -> int:
        if name in self._places:
            return self._places[name][1]
        return self._places.get(name[1:], (VALUE, -1))[1]  # a cotangent stands where its tensor does

    def terms(self, expression: Expr) -> tuple[Expr, ...]:
        """The terms of a sum: numbers, contractions, products, single accesses, parameters; the negative ones last."""
        return tuple(sorted(Add.make_args(expression), key=self._term_key))

    def factors(self, expression: Expr) -> tuple[Expr, ...]:
        """The factors of a product: W x, (1 - z) n; a cotangent before what it is multiplied with."""
        return self.arrange(Mul.make_args(expression))

    def arrange(self, factors: Iterable[Expr]) -> tuple[Expr, ...]:
        """These factors in reading order."""
        listed = tuple(factors)
        adjoint = any(self.role(tensor_of(a)) == COTANGENT for f in listed if is_access(_base(f)) for a in [_base(f)])
        return tuple(sorted(listed, key=lambda factor: self._factor_key(factor, adjoint)))

    def _factor_key(self, factor: Expr, adjoint: bool) -> Key:
        base = _base(factor)
        if is_access(base):
            name = tensor_of(base)
            return (self.role(name), self._place(name), str(factor))
        if not accesses(factor):
            return (NUMBER, int(factor.has(Idx)), str(factor))
        if isinstance(base, Function | Sum):
            return (APPLIED, 0, str(factor))
        return (COMPOUND if adjoint else WEIGHT, 0, str(factor))

    def _term_key(self, term: Expr) -> tuple[int, int, int, int, list[Key]]:
        factors = [f for f in self.factors(term) if accesses(f)]
        roles = [self.role(tensor_of(a)) for a in accesses(term)]
        keys = [self._factor_key(f, COTANGENT in roles) for f in factors]
        negative = int(is_negative(term))
        if not factors:
            return (3 * negative, 0, 0, 0, [])
        if term.has(Sum):
            return (negative + 1, 1, int(INPUT not in roles), 0, keys)
        if len(factors) > 1:
            weighted = any(isinstance(f, Add) for f in factors)
            return (negative + 1, 2, int(not weighted), int(STATE not in roles), keys)
        return (negative + 1, 4 if roles == [PARAMETER] else 3, 0, 0, keys)


def quotient(expression: Expr) -> tuple[str, list[Expr], list[Expr]]:
    """Sign, and the factors above and below the fraction bar."""
    coefficient, rest = expression.as_coeff_Mul()
    sign = "-" if coefficient.could_extract_minus_sign() else ""
    above, below = [], []
    for factor in (abs(coefficient), *Mul.make_args(rest)):
        if isinstance(factor, Pow) and factor.exp.could_extract_minus_sign():
            below.append(factor.base**-factor.exp)
        elif factor.is_Rational:
            above += [abs(factor.p)] if factor.p != 1 else []
            below += [factor.q] if factor.q != 1 else []
        elif factor != 1:
            above.append(factor)
    return sign, [Add(a) for a in above], [Add(b) for b in below]


def is_negative(term: Expr) -> bool:
    """Whether a term is written with a minus sign: its number is negative."""
    return bool(term.as_coeff_Mul()[0].is_negative)


def _base(factor: Expr) -> Expr:
    return factor.base if isinstance(factor, Pow) else factor
