"""Where equations have values: no divisor is zero, no root or logarithm is taken of what has none.

An operand of sizes and indices is known before any array is there. One that holds an index needs a value at every
position, whatever the sizes, and is refused otherwise; one of sizes alone, such as the divisor Q - 1, may leave some of
them out, and becomes a condition that every kernel checks. What tensors hold is not known, and not asked.
"""

from collections.abc import Iterable, Iterator
from math import ceil, comb

from sympy import Dummy, Expr, Idx, Mul, Pow, Sum, exp, factor_list, fraction, log, together

from grusym.equations.axis import extent_of, indices_in
from grusym.equations.condition import NONNEGATIVE, NONZERO, POSITIVE, Condition
from grusym.equations.functions import absolute, relu, sigmoid, softplus, sqrt
from grusym.equations.tensor import accesses

_MOST_TERMS = 2000  # of a polynomial that is looked at
_WRONG = {NONZERO: "zero", POSITIVE: "zero or negative", NONNEGATIVE: "negative"}


class NoValue(Exception):
    """An operand is not, or not surely, what its operation needs; the message says which, where, and what to write."""


def conditions(values: Iterable[Expr]) -> tuple[Condition, ...]:
    """The conditions on sizes under which these expressions have values, in the order in which they are met.

    >>> from grusym.equations.axis import Axis
    >>> Q = Axis("Q").extent
    >>> print(*conditions([2 / (Q - 1) + 1 / Q, 1 / (2 * Q - 2)]))
    Q != 1

    Raises NoValue for an operand that no sizes make right, or of which that cannot be decided.
    """
    found: dict[tuple[Expr, str], Condition] = {}
    for value in values:
        for operand, relation, operation in _operands(value):
            for condition in _required(operand, relation, operation):
                found.setdefault((condition.polynomial, condition.relation), condition)
    return tuple(found.values())


def require(operand: Expr, relation: str) -> None:
    """Raise NoValue unless this can be an operand that has to stand in this relation to zero."""
    for _ in _required(operand, relation, ""):
        pass


def _operands(value: Expr) -> Iterator[tuple[Expr, str, str]]:
    """Every operand of which an operation wants more than that it is a number: it, the relation, what is done."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, Pow) and not node.exp.is_Integer:
            relation = POSITIVE if node.exp.is_negative else NONNEGATIVE
            yield node.base, relation, f"take {node.base} to the power {node.exp}"
        elif isinstance(node, Pow) and node.exp.is_negative:
            yield node.base, NONZERO, f"divide by {node.base}"
        elif isinstance(node, log):
            yield node.args[0], POSITIVE, f"take the logarithm of {node.args[0]}"
        elif isinstance(node, sqrt):
            yield node.args[0], NONNEGATIVE, f"take the square root of {node.args[0]}"
        pending.extend(reversed(node.args))


def _required(operand: Expr, relation: str, operation: str) -> Iterator[Condition]:
    """The conditions under which an operand of sizes and indices stands in this relation to zero."""
    if operand.is_number or accesses(operand):
        return
    if _terms(operand) > _MOST_TERMS:
        raise NoValue(f"it cannot be told where {operand} is {_WRONG[relation]}; divide it into factors, or scale it")
    if relation == NONZERO and isinstance(operand, Mul):
        for factor in operand.args:
            yield from _required(factor, NONZERO, operation)
    elif isinstance(operand, sqrt):  # has a value, so that it is positive where it is not zero
        if relation != NONNEGATIVE:
            yield from _required(operand.args[0], POSITIVE, operation)
    elif relation == NONZERO and isinstance(operand, Pow):
        yield from _required(operand.base, NONZERO, operation)
    elif not _always(operand, relation):
        yield from _decided(operand, relation, operation)


def _decided(operand: Expr, relation: str, operation: str) -> Iterator[Condition]:
    """The conditions for an operand that is not right for all sizes."""
    wrong = _WRONG[relation]
    if operand.has(Idx) and not operand.has(Sum):
        index = indices_in(operand)[0]
        raise NoValue(
            f"{operand} may be {wrong} at some position, where this has no value; write what never is, "
            f"as {index} + 1 never is zero"
        )
    if not operand.is_rational_function(*operand.free_symbols) or operand.has(Sum):
        raise NoValue(
            f"it cannot be told for which sizes {operand} is {wrong}, where this has no value; "
            f"write it with sums, products and quotients of sizes"
        )
    above, below = fraction(together(operand))
    if relation == NONZERO:
        for factor, _ in factor_list(above)[1]:
            condition = Condition(factor, NONZERO, operation)
            # In one size, only a factor such as Q - 1 has a whole number for a root.
            if (len(condition.sizes) > 1 or condition.excluded is not None) and not _always(factor, NONZERO):
                yield condition
        return
    polynomial = (above * below).expand().primitive()[1]
    if _always(-polynomial, NONNEGATIVE if relation == POSITIVE else POSITIVE):
        raise NoValue(f"{operand} is {wrong} for all sizes, so that this has no value")
    yield Condition(polynomial, relation, operation)


def _terms(operand: Expr) -> int:
    """How many terms an operand may have when it is multiplied out."""
    symbols = len(operand.free_symbols) + len(operand.atoms(Idx))
    return comb(_degree(operand) + symbols, symbols)


def _degree(expression: Expr) -> int:
    if isinstance(expression, Pow):
        return _degree(expression.base) * ceil(abs(expression.exp)) if expression.exp.is_number else _MOST_TERMS
    if not expression.args or isinstance(expression, Idx):
        return int(not expression.is_number)
    degrees = [_degree(argument) for argument in expression.args]
    return sum(degrees) if isinstance(expression, Mul) else max(degrees)


def _always(operand: Expr, relation: str) -> bool:
    """Whether an operand stands in this relation to zero at every position for all sizes, as far as signs tell."""
    signs = {f: Dummy(positive=True) for f in operand.atoms(exp, sigmoid, softplus)}
    signs |= {f: Dummy(nonnegative=True) for f in operand.atoms(sqrt, absolute, relu)}
    plain = operand.xreplace(signs)
    # A size is at least 1, and at least one more than an index that runs to it.
    indices = {index: Dummy(nonnegative=True) for index in indices_in(plain)}
    least = {extent_of(index): 1 + above for index, above in indices.items()}
    symbols = plain.free_symbols.difference(indices, signs.values())
    sizes = {size: least.get(size, 1) + Dummy(nonnegative=True) for size in symbols}
    value = plain.xreplace({**indices, **sizes}).expand()
    if relation == NONZERO:
        return bool(value.is_positive or value.is_negative)
    return bool(value.is_positive if relation == POSITIVE else value.is_nonnegative)
