"""Walking and rewriting statements."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from sympy import Expr, Idx

from grusym.calculus.program import Guard
from grusym.equations.tensor import access, accesses, indices_of, tensor_of
from grusym.lower.ir import Assign, Kernel, Loop, Statement, WhenSaving

Body = tuple[Statement, ...]


def assigns(body: Body) -> Iterator[Assign]:
    """Every assignment, in order."""
    for statement in body:
        if isinstance(statement, Assign):
            yield statement
        else:
            yield from assigns(statement.body)


def map_assigns(body: Body, change: Callable[[Assign], Assign]) -> Body:
    """The body with every assignment changed."""
    return tuple(change(s) if isinstance(s, Assign) else with_body(s, map_assigns(s.body, change)) for s in body)


def with_body(statement: Loop | WhenSaving, body: Body) -> Loop | WhenSaving:
    """The same loop or condition around another body."""
    if isinstance(statement, Loop):
        return Loop(statement.index, body, statement.descending)
    return WhenSaving(body)


def stores(body: Body) -> dict[str, list[Assign]]:
    """Assignments by the tensor that they write."""
    found: dict[str, list[Assign]] = {}
    for assign in assigns(body):
        found.setdefault(tensor_of(assign.target), []).append(assign)
    return found


def loads(body: Body) -> dict[str, list[Expr]]:
    """Accesses that are read, by tensor."""
    found: dict[str, list[Expr]] = {}
    for assign in assigns(body):
        for element in accesses(assign.value):
            found.setdefault(tensor_of(element), []).append(element)
    return found


def bound_in(body: Body) -> Iterator[Idx]:
    """Every index that a loop or an assignment binds, as often as it is bound."""
    for statement in body:
        if isinstance(statement, Assign):
            yield from (*statement.free, *statement.over)
        else:
            if isinstance(statement, Loop):
                yield statement.index
            yield from bound_in(statement.body)


def names_in(kernel: Kernel) -> set[str]:
    """Every name that means something in a kernel: sizes, buffers, placed tensors, indices."""
    return {*map(str, kernel.sizes), *kernel.shapes, *(index.name for index in bound_in(kernel.body))}


def rename_accesses(
    expression: Expr,
    new: Callable[[str, tuple[Expr, ...]], Expr],
    numbers: Mapping[Expr, Expr] = MappingProxyType({}),
) -> Expr:
    """The expression with every access replaced by new(tensor, indices), and indices that stand as `numbers`."""
    renamed = {e: new(tensor_of(e), indices_of(e)) for e in accesses(expression)}
    return expression.xreplace({**numbers, **{old: changed for old, changed in renamed.items() if old != changed}})


def swap_indices(body: Body, one: Idx, other: Idx) -> Body:
    """The body with two indices exchanged, also where they are bound: a renaming that cannot capture anything."""
    if one == other:
        return body
    mapping = {one: other, other: one}

    def index(i: Idx) -> Idx:
        return mapping.get(i, i)

    def element(tensor: str, indices: tuple[Expr, ...]) -> Expr:
        return access(tensor, tuple(swap(i, mapping) for i in indices))

    def assign(a: Assign) -> Assign:
        return Assign(
            rename_accesses(a.target, element),
            rename_accesses(a.value, element, mapping),
            tuple(map(index, a.free)),
            tuple(map(index, a.over)),
            tuple(Guard(swap(g.index, mapping), g.extent) for g in a.guards),
            a.accumulate,
        )

    def walk(statements: Body) -> Body:
        return tuple(
            assign(s)
            if isinstance(s, Assign)
            else Loop(index(s.index), walk(s.body), s.descending)
            if isinstance(s, Loop)
            else WhenSaving(walk(s.body))
            for s in statements
        )

    return walk(body)


def swap(expression: Expr, mapping: Mapping[Expr, Expr]) -> Expr:
    """An index expression with indices replaced all at once, multiplied out."""
    if isinstance(expression, Idx):
        return mapping.get(expression, expression)
    return expression.xreplace(dict(mapping)).expand()
