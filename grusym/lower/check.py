"""The IR's checker: a kernel that passes names only what exists, reads only what is defined, and stays in bounds."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations

from sympy import Basic, Dummy, Expr, Idx, Integer

from grusym.calculus.program import Guard
from grusym.conventions.packing import Placement
from grusym.equations.axis import extent_of, indices_in, spans
from grusym.equations.tensor import accesses, indices_of, tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import READABLE, Assign, Kernel, Kind, Loop, Statement
from grusym.lower.show import show_assign

ZERO = Integer(0)


def check(kernel: Kernel) -> Kernel:
    """The kernel, if it is well formed. Raises LoweringError naming the statement and what is wrong with it.

    Checked: every size and buffer declared, once, and every index bound once; every tensor whole inside its array, and
    no two names for the same element; every access with as many indices as axes, each in bounds or behind its guard;
    nothing read before it is written; nothing the caller owns written; nothing read that the same statement overwrites.
    """
    _check_declarations(kernel)
    _check_placements(kernel)
    given = {buffer.name for buffer in kernel.of_kind(Kind.INPUT, Kind.PARAMETER)}
    given |= {buffer.name for buffer in kernel.of_kind(Kind.SAVED) if kernel.name == "backward"}
    given |= {place.tensor for place in kernel.placements if place.buffer in given}
    _Checker(kernel).body(kernel.body, (), given)
    return kernel


def _check_declarations(kernel: Kernel) -> None:
    buffers = [buffer.name for buffer in kernel.buffers]
    placed = [place.tensor for place in kernel.placements if place.tensor != place.buffer]
    names = (*map(str, kernel.sizes), *buffers, *placed)
    for name in names:
        if names.count(name) > 1:
            raise LoweringError(f"{name} is declared twice in kernel {kernel.name}")
    for place in kernel.placements:
        if place.buffer not in buffers:
            raise LoweringError(f"{place.tensor} lies in {place.buffer}, which kernel {kernel.name} does not declare")


def _check_placements(kernel: Kernel) -> None:
    shapes = {buffer.name: buffer.shape for buffer in kernel.buffers}
    for place in kernel.placements:
        shape = shapes[place.buffer]
        if len(place.starts) != len(shape) or (place.axes is None and len(place.shape) != len(shape)):
            raise LoweringError(f"{place.tensor} does not have the {len(shape)} axes of {place.buffer}, where it lies")
        if not _is_injective(place.along, len(place.shape), len(shape)):
            raise LoweringError(
                f"{place.tensor} lies along the axes {place.along} of {place.buffer}, which are not {len(place.shape)} "
                f"different ones of {len(shape)}"
            )
        for start, extent, whole in zip(place.starts, place.extents, shape, strict=True):
            if not (start.is_nonnegative and (whole - start - extent).expand().is_nonnegative):
                raise LoweringError(f"{place.tensor} leaves {place.buffer}: {start} + {extent} may exceed {whole}")
    for one, other in combinations(kernel.placements, 2):
        if one.buffer == other.buffer and not _disjoint(one, other):
            raise LoweringError(
                f"{one.tensor} and {other.tensor} overlap in {one.buffer}; a kernel may not alias tensors"
            )


def _is_injective(along: tuple[int, ...], axes: int, whole: int) -> bool:
    """Whether each of a tensor's axes has an axis of the array to itself."""
    return len(along) == axes == len(set(along)) and all(0 <= axis < whole for axis in along)


def _disjoint(one: Placement, other: Placement) -> bool:
    """Whether along some axis one part ends before the other begins, for all sizes."""
    axes = zip(one.starts, one.extents, other.starts, other.extents, strict=True)
    return any(
        (start - (begin + extent)).expand().is_nonnegative or (begin - (start + length)).expand().is_nonnegative
        for begin, extent, start, length in axes
    )


@dataclass(frozen=True)
class _Where:
    """A statement, written out only if there is something to say of it."""

    assign: Assign

    def __str__(self) -> str:
        return show_assign(self.assign)


class _Checker:
    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.sizes = frozenset(kernel.sizes)
        self.shapes = kernel.shapes
        self.kinds = kernel.kinds
        self.holds = {place.tensor: place.buffer for place in kernel.placements}

    def body(self, statements: tuple[Statement, ...], bound: tuple[Idx, ...], written: Collection[str]) -> set[str]:
        """Check statements in order; returns what is written after them."""
        known = set(written)
        for statement in statements:
            if isinstance(statement, Assign):
                self.assign(statement, bound, known)
                known.add(tensor_of(statement.target))
            elif isinstance(statement, Loop):
                where = f"loop over {statement.index.name}"
                self.bind(statement.index, bound, where)
                self.known(extent_of(statement.index).free_symbols, where)
                # A loop may run no times at all; what only its body writes still counts as written after it,
                # since every size that makes the writing loop empty makes the buffer empty, or is T.
                known |= self.body(statement.body, (*bound, statement.index), known)
            else:
                self.body(statement.body, bound, known)  # may not run: what it writes is not counted on
        return known

    def bind(self, index: Idx, bound: tuple[Idx, ...], where: object) -> None:
        if index.name in {other.name for other in bound}:
            raise LoweringError(f"index {index.name} is bound twice at: {where}")

    def assign(self, assign: Assign, bound: tuple[Idx, ...], written: set[str]) -> None:
        where = _Where(assign)
        scope = bound
        for index in (*assign.free, *assign.over):
            self.bind(index, scope, where)
            self.known(extent_of(index).free_symbols, where)
            scope = (*scope, index)
        for guard in assign.guards:
            self.indices(guard.index, scope, where)
            self.known(guard.extent.free_symbols, where)
        self.reads(assign, scope, written, where)
        self.writes(assign, scope, written, where)
        self.overwritten(assign, where)

    def reads(self, assign: Assign, scope: tuple[Idx, ...], written: set[str], where: object) -> None:
        for element in accesses(assign.value):
            tensor = tensor_of(element)
            self.element(element, scope, assign.guards, where)
            if not self.is_written(tensor, written):
                raise LoweringError(f"{tensor} is read before it is written at: {where}")
        others = {element: Dummy() for element in accesses(assign.value)}
        named = assign.value.xreplace(others)  # what is left are sizes, and indices that stand as numbers
        self.bound(named, scope, where)
        self.known(named.free_symbols.difference(others.values(), indices_in(named)), where)

    def writes(self, assign: Assign, scope: tuple[Idx, ...], written: set[str], where: object) -> None:
        tensor, used = tensor_of(assign.target), assign.target.atoms(Idx)
        # Only what is added may fall outside, where it adds nothing: an element that is set must be there.
        self.element(assign.target, scope, assign.guards if assign.accumulate else (), where)
        if self.kinds[tensor] in READABLE or (self.kinds[tensor] is Kind.SAVED and self.kernel.name == "backward"):
            raise LoweringError(f"{tensor} belongs to the caller and is written at: {where}")
        if assign.accumulate and not self.is_written(tensor, written):
            raise LoweringError(f"{tensor} is added to before it is written at: {where}")
        for index in assign.over:
            if index in used:
                raise LoweringError(f"index {index.name} is summed and stands in the target at: {where}")
        for index in assign.free:
            if index not in used:
                raise LoweringError(f"index {index.name} is free and does not stand in the target at: {where}")

    def is_written(self, tensor: str, written: set[str]) -> bool:
        return tensor in written or self.holds.get(tensor) in written

    def overwritten(self, assign: Assign, where: object) -> None:
        """Refuse a value that reads elements that the statement itself writes before or after reading them."""
        target = tensor_of(assign.target)
        for element in accesses(assign.value):
            tensor = tensor_of(element)
            shared = self.holds.get(tensor, tensor) == target or self.holds.get(target, target) == tensor
            if (tensor == target and (element != assign.target or assign.over)) or (tensor != target and shared):
                raise LoweringError(f"{tensor} is read while {target} is written at: {where}")

    def element(self, element: Expr, scope: tuple[Idx, ...], guards: tuple[Guard, ...], where: object) -> None:
        tensor, indices = tensor_of(element), indices_of(element)
        if tensor not in self.shapes:
            raise LoweringError(f"{tensor} is not declared at: {where}")
        shape = self.shapes[tensor]
        if len(indices) != len(shape):
            raise LoweringError(f"{tensor} has {len(shape)} axes, not {len(indices)}, at: {where}")
        for index, extent in zip(indices, shape, strict=True):
            self.indices(index, scope, where)
            if Guard(index, extent) not in guards and not _in_bounds(index, extent):
                raise LoweringError(f"index {index} may leave 0 <= {index} < {extent} of {tensor} at: {where}")

    def indices(self, expression: Expr, scope: tuple[Idx, ...], where: object) -> None:
        self.bound(expression, scope, where)
        if not expression.is_integer:
            raise LoweringError(f"index {expression} is not always a whole number at: {where}")
        self.known(expression.xreplace(dict.fromkeys(indices_in(expression), ZERO)).free_symbols, where)

    def bound(self, expression: Expr, scope: tuple[Idx, ...], where: object) -> None:
        for index in indices_in(expression):
            if index not in scope:
                raise LoweringError(f"index {index.name} is not bound at: {where}")

    def known(self, sizes: Collection[Basic], where: object) -> None:
        for size in sorted(set(sizes) - self.sizes, key=str):
            raise LoweringError(f"size {size} is not declared at: {where}")


def _in_bounds(index: Expr, extent: Expr) -> bool:
    """Whether 0 <= index < extent for every value of the indices in it and all sizes of at least one."""
    if spans(index, extent):
        return True
    expanded = index.expand()
    lowest = highest = expanded.xreplace(dict.fromkeys(indices_in(index), ZERO))
    for i in indices_in(index):
        slope, last = expanded.coeff(i), extent_of(i) - 1
        if slope.is_nonnegative:
            highest += slope * last
        elif slope.is_nonpositive:
            lowest += slope * last
        else:
            return False
    return bool(lowest.expand().is_nonnegative) and bool((extent - 1 - highest).expand().is_nonnegative)
