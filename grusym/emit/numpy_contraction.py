"""Sums of products as NumPy text: a matrix product where it is one, a sum over axes, and np.einsum for the rest."""

from sympy import Expr, Idx, Mul

from grusym.calculus.program import Guard
from grusym.emit.numpy_expression import Expressions, distinct, einsum
from grusym.emit.numpy_operand import MATMUL, POWER, Axes, Operand, transposed, union
from grusym.equations.axis import BATCH, extent_of, indices_in
from grusym.equations.tensor import accesses, indices_of, is_access, tensor_of
from grusym.lower.ir import Assign


def value(printer: Expressions, assign: Assign) -> Operand:
    """The text of what a statement assigns or adds, over the axes of `free` that it varies along."""
    if not assign.over and not assign.guards:
        return printer.whole(assign.value, assign.free)
    terms = [(minus, _summed(printer, term, assign)) for minus, term in printer.terms(assign.value)]
    return printer.total(terms, assign.free)


def _summed(printer: Expressions, term: Expr, assign: Assign) -> Operand:
    """The sum of one term: factors that the sum does not touch, times the contraction of the others and of masks."""
    free, over = assign.free, assign.over
    scope = _natural(term, (*free, *over))
    factors = printer.factors(Mul.make_args(term))
    covered = {guard for factor in factors for guard in _covered(printer, factor, assign.guards)}
    masks = [_mask(printer, guard, scope) for guard in assign.guards if guard not in covered]
    parts = {factor: _factor(printer, factor, scope) for factor in factors}
    reached = {axis for operand in (*parts.values(), *masks) for axis in operand.axes}
    touched = {factor: operand for factor, operand in parts.items() if set(operand.axes) & set(over)}
    above, below = printer.fraction(tuple(factor for factor in factors if factor not in touched))
    outside = [distinct(_factor(printer, factor, scope)) for factor in above]
    outside += [printer.pointwise(extent_of(index), ()) for index in over if index not in reached]
    outside += [mask for mask in masks if not set(mask.axes) & set(over)]
    inside = [*touched.values(), *(mask for mask in masks if set(mask.axes) & set(over))]
    summed = tuple(index for index in over if index in reached)
    if inside and len(inside) == len(touched) and not covered and _alike(inside):
        outside.append(_axis_sum(printer.whole(Mul(*touched), scope), summed))
    elif inside:
        outside.append(_contraction(printer, inside, free, summed))
    return printer.quotient(outside, [_factor(printer, factor, scope) for factor in below], free)


def _natural(term: Expr, scope: Axes) -> Axes:
    """The scope in the order in which most tensors have their axes: those of a sample first, and the larger ones."""
    elements = sorted(
        accesses(term), key=lambda e: (not any(map(_is_batch, indices_of(e))), -len(indices_of(e)), str(e))
    )
    own = [index for element in elements for position in indices_of(element) for index in indices_in(position)]
    return tuple(dict.fromkeys((*(index for index in own if index in scope), *scope)))


def _is_batch(index: Expr) -> bool:
    return isinstance(index, Idx) and extent_of(index) == BATCH.extent


def _factor(printer: Expressions, factor: Expr, scope: Axes) -> Operand:
    return (
        printer.element(factor, scope, filled=True)
        if is_access(factor)
        else printer.whole(factor, _natural(factor, scope))
    )


def _alike(operands: list[Operand]) -> bool:
    """Whether operands have the same axes, each once, so that their product is taken element by element."""
    return all(len(set(o.axes)) == len(o.axes) and set(o.axes) == set(operands[0].axes) for o in operands)


def _covered(printer: Expressions, factor: Expr, guards: tuple[Guard, ...]) -> set[Guard]:
    """The guards that hold wherever this factor is not zero, since it is gathered with zeros outside."""
    if not is_access(factor) or tensor_of(factor) in printer.inlined:
        return set()
    positions = zip(indices_of(factor), printer.shapes[tensor_of(factor)], strict=True)
    return {Guard(index, extent) for index, extent in positions} & set(guards)


def _mask(printer: Expressions, guard: Guard, scope: Axes) -> Operand:
    axes = printer.within(guard.index, scope)
    extent = printer.pointwise(guard.extent, ()).text
    return Operand(f"inside({printer.index(guard.index, axes)}, {extent})", axes)


def _contraction(printer: Expressions, operands: list[Operand], free: Axes, over: Axes) -> Operand:
    """The product of operands, summed over `over`."""
    if all(len(set(operand.axes)) == len(operand.axes) for operand in operands):
        operands = _merged(printer, operands)
        if len(operands) == 1:
            return _axis_sum(operands[0], over)
        product = _matrix_product(operands, free, over)
        if product:
            return product
    elif len(operands) == 1 and len(operands[0].axes) == 2:
        return Operand(f"np.trace({operands[0].text})")
    result = union(operands, free)
    return Operand(einsum(operands, result), result)


def _merged(printer: Expressions, operands: list[Operand]) -> list[Operand]:
    """Operands over the same axes multiplied element by element."""
    groups: dict[frozenset[Idx], list[Operand]] = {}
    for operand in operands:
        groups.setdefault(frozenset(operand.axes), []).append(operand)
    return [printer.product(group, group[0].axes) for group in groups.values()]


def _axis_sum(operand: Operand, over: Axes) -> Operand:
    axes = tuple(axis for axis in operand.axes if axis not in over)
    places = [str(place) for place, axis in enumerate(operand.axes) if axis in over]
    which = places[0] if len(places) == 1 else f"({', '.join(places)})"
    return Operand(f"{operand.within(POWER + 1)}.sum({f'axis={which}' if axes else ''})", axes)


def _matrix_product(operands: list[Operand], free: Axes, over: Axes) -> Operand | None:
    """`left @ right`, if the operands are that: one summed index, and the free ones of left before that of right."""
    if len(operands) != 2 or len(over) != 1:
        return None
    [summed] = over
    found = []
    for left, right in (operands, operands[::-1]):
        rows = tuple(axis for axis in free if axis in left.axes)
        columns = tuple(axis for axis in free if axis in right.axes)
        fits = set(rows).isdisjoint(columns) and union([left, right], free) == rows + columns and len(columns) <= 1
        if not fits or summed not in left.axes or summed not in right.axes:
            continue
        one, other = (*rows, summed), (summed, *columns)
        if left.axes != one and len(one) != 2:
            continue
        first, second = transposed(left, one), transposed(right, other)
        found.append(Operand(f"{first.within(POWER)} @ {second.within(POWER)}", rows + columns, MATMUL))
    return min(found, key=lambda operand: len(operand.text), default=None)
