"""Transformation `fuse`: loops over the same extent become one where no iteration then sees another's unfinished work.

A loop moves up to an earlier one past statements that it does not interfere with. Two loops fuse if every tensor that
one writes and the other touches is accessed, in both, at the loop's own index along one axis: then iteration m of the
second only meets what iteration m of the first left.
"""

from dataclasses import replace

from sympy import Expr, Idx

from grusym.equations.tensor import indices_of, tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import Assign, Kernel, Loop, Statement, WhenSaving
from grusym.lower.traverse import Body, assigns, loads, same_range, stores, swap_indices, with_body


def fuse(kernel: Kernel) -> Kernel:
    """The kernel with its loops fused, inside other loops too. Applies to serialised kernels; always applies."""
    return replace(kernel, body=_fused(kernel.body))


def _fused(body: Body) -> Body:
    done: list[Statement] = []
    for statement in body:
        position = _partner(done, statement)
        if position is None:
            done.append(statement)
        else:
            done[position] = _merge(done[position], statement)
    return tuple(s if isinstance(s, Assign) else with_body(s, _fused(s.body)) for s in done)


def _partner(done: list[Statement], statement: Statement) -> int | None:
    """The place of an earlier loop or condition that this one can join, moving past what lies between."""
    if isinstance(statement, Assign):
        return None
    for position in reversed(range(len(done))):
        if _can_merge(done[position], statement):
            return position
        if interferes((done[position],), (statement,)):
            return None
    return None


def _can_merge(first: Statement, second: Statement) -> bool:
    if isinstance(first, WhenSaving) and isinstance(second, WhenSaving):
        return True
    if not isinstance(first, Loop) or not isinstance(second, Loop):
        return False
    if first.descending != second.descending or not same_range(first.index, second.index):
        return False
    renamed = swap_indices(second.body, second.index, first.index)
    return all(
        _aligned([*_elements(first.body, tensor), *_elements(renamed, tensor)], first.index)
        for tensor in _shared(first.body, renamed)
    )


def _merge(first: Statement, second: Statement) -> Statement:
    if isinstance(first, Loop) and isinstance(second, Loop):
        renamed = swap_indices(second.body, second.index, first.index)
        return Loop(first.index, (*first.body, *renamed), first.descending)
    if isinstance(first, WhenSaving) and isinstance(second, WhenSaving):
        return WhenSaving((*first.body, *second.body))
    raise LoweringError(f"{type(first).__name__} and {type(second).__name__} do not merge")


def interferes(one: Body, other: Body) -> bool:
    """Whether the order of two pieces matters: one writes what the other touches."""
    return bool(_shared(one, other))


def _shared(one: Body, other: Body) -> list[str]:
    """Tensors that one piece writes and the other touches, except where both only add to them."""
    tensors = []
    for writer, toucher in ((one, other), (other, one)):
        written, read, rewritten = stores(writer), loads(toucher), stores(toucher)
        for tensor, assignments in written.items():
            if tensor in read:
                tensors.append(tensor)
            elif tensor in rewritten:
                both = (*assignments, *rewritten[tensor])
                if not all(assign.accumulate for assign in both):
                    tensors.append(tensor)
    return list(dict.fromkeys(tensors))


def _elements(body: Body, tensor: str) -> list[Expr]:
    targets = [assign.target for assign in assigns(body) if tensor_of(assign.target) == tensor]
    return targets + loads(body).get(tensor, [])


def _aligned(elements: list[Expr], index: Idx) -> bool:
    """Whether some axis is accessed at the loop's index by all of these."""
    positions = [indices_of(element) for element in elements]
    return any(all(p[axis] == index for p in positions) for axis in range(len(positions[0])))
