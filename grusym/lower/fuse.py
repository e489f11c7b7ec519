"""Transformation `fuse`: loops over the same extent become one where no iteration then sees another's unfinished work.

A loop moves up to an earlier one past statements that it does not interfere with. Two loops fuse if all memory that
one writes and the other touches is accessed, in both, at the loop's own index along one axis: then iteration m of the
second only meets what iteration m of the first left.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sympy import Expr, Idx

from grusym.equations.axis import extent_of
from grusym.equations.tensor import accesses, tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import Assign, Kernel, Loop, Statement, WhenSaving
from grusym.lower.memory import Memory
from grusym.lower.serialise import require_serialised
from grusym.lower.traverse import Body, assigns, bound_in, swap_indices, with_body


def fuse(kernel: Kernel) -> Kernel:
    """The kernel with its loops fused, inside other loops too. Raises LoweringError unless it is serialised."""
    require_serialised(kernel, "fuse")
    return replace(kernel, body=_fused(kernel.body, Memory.of(kernel)))


@dataclass(frozen=True)
class _Footprint:
    """A statement, and the elements that it touches by tensor: read, stored, and added to."""

    statement: Statement
    read: dict[str, list[Expr]]
    stored: dict[str, list[Expr]]
    added: dict[str, list[Expr]]

    @staticmethod
    def of(statement: Statement) -> "_Footprint":
        footprint = _Footprint(statement, {}, {}, {})
        for assign in assigns((statement,)):
            written = footprint.added if assign.accumulate else footprint.stored
            written.setdefault(tensor_of(assign.target), []).append(assign.target)
            for element in accesses(assign.value):
                footprint.read.setdefault(tensor_of(element), []).append(element)
        return footprint

    def elements(self, tensor: str) -> list[Expr]:
        return [e for touched in (self.read, self.stored, self.added) for e in touched.get(tensor, ())]


def _fused(body: Body, memory: Memory) -> Body:
    done: list[_Footprint] = []
    for statement in body:
        footprint = _Footprint.of(statement)
        position = _partner(done, footprint, memory)
        if position is None:
            done.append(footprint)
        else:
            done[position] = _Footprint.of(_merge(done[position].statement, statement))
    fused = (footprint.statement for footprint in done)
    return tuple(s if isinstance(s, Assign) else with_body(s, _fused(s.body, memory)) for s in fused)


def _partner(done: list[_Footprint], footprint: _Footprint, memory: Memory) -> int | None:
    """The place of an earlier loop or condition that this one can join, moving past what lies between."""
    if isinstance(footprint.statement, Assign):
        return None
    for position in reversed(range(len(done))):
        shared = _shared(done[position], footprint, memory)
        if _can_merge(done[position], footprint, shared, memory):
            return position
        if shared:
            return None
    return None


def _can_merge(first: _Footprint, second: _Footprint, shared: Iterable[tuple[str, str]], memory: Memory) -> bool:
    one, other = first.statement, second.statement
    if isinstance(one, WhenSaving) and isinstance(other, WhenSaving):
        return True
    if not isinstance(one, Loop) or not isinstance(other, Loop):
        return False
    if one.descending != other.descending or extent_of(one.index) != extent_of(other.index):
        return False
    if one.index.name != other.index.name and one.index.name in {index.name for index in bound_in(other.body)}:
        return False  # the index would be bound twice
    for tensors in shared:
        accessed = [
            (memory.whereabouts(element), footprint_index)
            for footprint, footprint_index in ((first, one.index), (second, other.index))
            for tensor in dict.fromkeys(tensors)
            for element in footprint.elements(tensor)
        ]
        if not _aligned(accessed):
            return False
    return True


def _merge(first: Statement, second: Statement) -> Statement:
    if isinstance(first, Loop) and isinstance(second, Loop):
        renamed = swap_indices(second.body, second.index, first.index)
        return Loop(first.index, (*first.body, *renamed), first.descending)
    if isinstance(first, WhenSaving) and isinstance(second, WhenSaving):
        return WhenSaving((*first.body, *second.body))
    raise LoweringError(f"{type(first).__name__} and {type(second).__name__} do not merge")


def _shared(one: _Footprint, other: _Footprint, memory: Memory) -> list[tuple[str, str]]:
    """Pairs of names for one memory that one piece writes and the other touches, unless both only add to it."""
    pairs = []
    for writer, toucher in ((one, other), (other, one)):
        for written, touched in (
            (writer.stored, (*toucher.read, *toucher.stored, *toucher.added)),
            (writer.added, (*toucher.read, *toucher.stored)),
        ):
            pairs += [(w, t) for w in written for t in touched if memory.overlap(w, t)]
    return list(dict.fromkeys(pairs))


def _aligned(accessed: list[tuple[tuple[Expr, ...], Idx]]) -> bool:
    """Whether along some axis everything is accessed at the index of the loop that it stands in."""
    axes = min(len(indices) for indices, _ in accessed)
    return any(all(indices[axis] == index for indices, index in accessed) for axis in range(axes))
