r"""Recognising matrix products in index form.

sum_k U[i,k] h[k] is U h, sum_i U[i,k] da[i] is U^T da, da[i] x[j] is the outer product da x^T. Each summed index is
contracted in turn: what carries it on one other index is a matrix, what carries it alone a vector. An equation that
holds anything else (a shifted access, a tensor with three indices in a contraction, a guard) has no matrix form.
"""

from collections.abc import Sequence
from functools import singledispatch

from sympy import Add, Expr, Function, Idx, Indexed, Mul, Number, NumberSymbol, Pow, Sum, Symbol

from grusym.calculus.program import Node
from grusym.emit.matrix_tree import (
    Applied,
    Constant,
    Diagonal,
    Hadamard,
    Indices,
    Leaf,
    Matrix,
    Ones,
    Plus,
    Power,
    Times,
    Transposed,
)
from grusym.emit.order import Order, is_negative
from grusym.equations.cell import Equation
from grusym.equations.tensor import accesses, indices_of, is_access, is_plain, tensor_of


class NoMatrixForm(Exception):
    """Raised inside this module where an expression is no matrix expression."""


def recognise(equation: Equation | Node, order: Order) -> Matrix | None:
    """The matrix expression for the right side of an equation or node, at the indices of its target; None if none."""
    target = indices_of(equation.target)
    if not is_plain(target) or (isinstance(equation, Node) and equation.guards):
        return None
    over = equation.over if isinstance(equation, Node) else ()
    try:
        return _brought_to(target, _contracted(equation.value, over, order))
    except NoMatrixForm:
        return None


@singledispatch
def _form(expression: Expr, order: Order) -> Matrix:
    """The matrix expression of an expression at whatever indices it has."""
    raise NoMatrixForm(expression)


@_form.register(Number)
@_form.register(NumberSymbol)
def _(expression: Expr, order: Order) -> Matrix:
    return Constant(expression)


@_form.register(Symbol)
@_form.register(Indexed)
def _(expression: Expr, order: Order) -> Matrix:
    if not is_access(expression):
        return Constant(expression)
    if not is_plain(indices_of(expression)):
        raise NoMatrixForm(expression)
    return Leaf(tensor_of(expression), indices_of(expression))


@_form.register(Mul)
def _(expression: Expr, order: Order) -> Matrix:
    if is_negative(expression):
        return _total(expression, (), order)
    return _multiplied(_factors(expression, order))


def _factors(expression: Expr, order: Order) -> list[Matrix]:
    """The factors of a product, with its numbers and extents as one."""
    constant, rest = expression.as_independent(*accesses(expression), as_Add=False)
    if constant.has(Idx):  # a number of its own at every position, for which matrices have no word
        raise NoMatrixForm(constant)
    return [Constant(constant), *(_form(factor, order) for factor in order.factors(rest))]


@_form.register(Add)
def _(expression: Expr, order: Order) -> Matrix:
    return _total(expression, (), order)


@_form.register(Pow)
def _(expression: Expr, order: Order) -> Matrix:
    base = _form(expression.base, order)
    if not expression.exp.is_number:
        raise NoMatrixForm(expression)
    return Power(base, expression.exp, base.indices)


@_form.register(Sum)
def _(expression: Expr, order: Order) -> Matrix:
    return _contracted(expression.function, tuple(limit[0] for limit in expression.limits), order)


@_form.register(Function)
def _(expression: Expr, order: Order) -> Matrix:
    indices, arguments = _alike([_form(argument, order) for argument in expression.args])
    return Applied(type(expression), arguments, indices)


def _contracted(value: Expr, over: Indices, order: Order) -> Matrix:
    """The sum of `value` over the indices `over`."""
    if not over:
        return _form(value, order)
    if isinstance(value, Add) or is_negative(value):
        return _total(value, over, order)
    factors = _factors(value, order)
    for index in reversed(over):
        factors = _contract(factors, index)
    return _multiplied(factors)


def _total(value: Expr, over: Indices, order: Order) -> Matrix:
    """The sum of `value` over the indices `over`, term by term, each with its sign."""
    terms = order.terms(value)
    negative = tuple(is_negative(term) for term in terms)
    forms = [_contracted(-t if minus else t, over, order) for t, minus in zip(terms, negative, strict=True)]
    indices, brought = _alike(forms)
    return Plus(brought, negative, indices)


def _contract(factors: Sequence[Matrix], index: Idx) -> list[Matrix]:
    """The factors after summing over one index: those that carry it become one factor without it."""
    rest = [factor for factor in factors if index not in factor.indices]
    vectors = [factor for factor in factors if factor.indices == (index,)]
    matrices: dict[Idx, list[Matrix]] = {}
    for factor in factors:
        if index in factor.indices and len(factor.indices) > 1:
            other = tuple(i for i in factor.indices if i != index)
            if len(other) > 1:
                raise NoMatrixForm(factor)
            matrices.setdefault(other[0], []).append(factor)
    if len(matrices) > 2 or not (vectors or matrices):
        raise NoMatrixForm(index)
    sides = [_elementwise((other, index), group) for other, group in matrices.items()]
    if len(sides) == 2:
        left, right = sides
        middle = (Diagonal(_elementwise((index,), vectors), (index, index)),) if vectors else ()
        ends = (left.indices[0], right.indices[0])
        return [*rest, Times((left, *middle, _transposed(right)), ends)]
    column = _elementwise((index,), vectors[-1:] if not sides else vectors) if vectors else Ones((index,))
    if sides:
        return [*rest, Times((sides[0], column), sides[0].indices[:1])]
    row = _elementwise((index,), vectors[:-1]) if len(vectors) > 1 else Ones((index,))
    return [*rest, Times((_transposed(row), column), ())]


def _multiplied(factors: Sequence[Matrix]) -> Matrix:
    """The product of factors that share their indices, or together span rows and columns."""
    listed = [factor for factor in factors if factor != Constant(Number(1))]
    if len(listed) == 1:
        return listed[0]
    longest = max((factor.indices for factor in listed), key=len, default=())
    union = tuple(dict.fromkeys(index for factor in listed for index in factor.indices))
    if len(union) > len(longest) and len(union) != 2:
        raise NoMatrixForm(union)
    return _elementwise(longest if len(union) == len(longest) else union, listed)


def _elementwise(indices: Indices, factors: Sequence[Matrix]) -> Matrix:
    """The elementwise product at rows and columns `indices`; a column and a row meet in an outer product."""
    full: list[Matrix] = [f for f in factors if not f.indices]
    parts: dict[Idx, list[Matrix]] = {}
    for factor in factors:
        if len(indices) == 2 and len(factor.indices) == 1 and factor.indices[0] in indices:
            parts.setdefault(factor.indices[0], []).append(factor)
        elif factor.indices:
            full.append(_brought_to(indices, factor))
    if parts:
        sides = [_elementwise((i,), parts[i]) if i in parts else Ones((i,)) for i in indices]
        full.append(Times((sides[0], _transposed(sides[1])), indices))
    return full[0] if len(full) == 1 else Hadamard(tuple(full), indices)


def _alike(forms: Sequence[Matrix]) -> tuple[Indices, tuple[Matrix, ...]]:
    """The forms at common indices, numbers as they are."""
    indices = max((form.indices for form in forms), key=len)
    return indices, tuple(form if isinstance(form, Constant) else _brought_to(indices, form) for form in forms)


def _brought_to(indices: Indices, form: Matrix) -> Matrix:
    """The form at exactly these indices: transposed, or a vector spread over rows or columns."""
    if form.indices == indices:
        return form
    if len(indices) == 2 and form.indices == indices[::-1]:
        return _transposed(form)
    if not form.indices:
        return Hadamard((form, *_spread(indices)), indices)
    if len(indices) == 2 and form.indices == indices[:1]:
        return Times((form, Transposed(Ones(indices[1:]), indices[1:])), indices)
    if len(indices) == 2 and form.indices == indices[1:]:
        return Times((Ones(indices[:1]), _transposed(form)), indices)
    raise NoMatrixForm(form)


def _spread(indices: Indices) -> tuple[Matrix, ...]:
    if len(indices) == 1:
        return (Ones(indices),)
    if len(indices) == 2:
        return (Times((Ones(indices[:1]), Transposed(Ones(indices[1:]), indices[1:])), indices),)
    raise NoMatrixForm(indices)


def _transposed(form: Matrix) -> Matrix:
    if isinstance(form, Transposed):
        return form.operand
    if isinstance(form, Times):
        return Times(tuple(_transposed(factor) for factor in reversed(form.factors)), form.indices[::-1])
    if isinstance(form, Hadamard):
        parts = (_transposed(factor) if factor.indices else factor for factor in form.factors)
        return Hadamard(tuple(parts), form.indices[::-1])
    if isinstance(form, Diagonal):
        return form
    return Transposed(form, form.indices[::-1])
