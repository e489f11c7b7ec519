"""The IR's checker: a kernel that passes names only what exists, reads only what is defined, and stays in bounds."""

from collections.abc import Collection
from itertools import combinations

from sympy import Expr, Idx

from grusym.conventions.packing import Placement
from grusym.equations.axis import extent_of
from grusym.equations.tensor import accesses, indices_of, tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import READABLE, Assign, Kernel, Kind, Loop, Statement
from grusym.lower.show import show_assign


def check(kernel: Kernel) -> Kernel:
    """The kernel, if it is well formed. Raises LoweringError naming the statement and what is wrong with it.

    Checked: every buffer declared once and every index bound once; every access with as many indices as axes, each in
    bounds or behind its guard; nothing read before it is written; nothing the caller owns written; no two names for the
    same element of an array.
    """
    _check_declarations(kernel)
    for buffer, group in _by_buffer(kernel.placements).items():
        for one, other in combinations(group, 2):
            if not _disjoint(one, other):
                raise LoweringError(
                    f"{one.tensor} and {other.tensor} overlap in {buffer}; a kernel may not alias tensors"
                )
    given = {buffer.name for buffer in kernel.of_kind(Kind.INPUT, Kind.PARAMETER)}
    given |= {buffer.name for buffer in kernel.of_kind(Kind.SAVED) if kernel.name == "backward"}
    given |= {place.tensor for place in kernel.placements if place.buffer in given}
    _Checker(kernel).body(kernel.body, (), given)
    return kernel


def _check_declarations(kernel: Kernel) -> None:
    names = [buffer.name for buffer in kernel.buffers]
    for name in names:
        if names.count(name) > 1:
            raise LoweringError(f"buffer {name} is declared twice in kernel {kernel.name}")
    for place in kernel.placements:
        if place.buffer not in names:
            raise LoweringError(f"{place.tensor} lies in {place.buffer}, which kernel {kernel.name} does not declare")


def _by_buffer(placements: tuple[Placement, ...]) -> dict[str, list[Placement]]:
    groups: dict[str, list[Placement]] = {}
    for place in placements:
        groups.setdefault(place.buffer, []).append(place)
    return groups


def _disjoint(one: Placement, other: Placement) -> bool:
    """Whether along some axis one part ends before the other begins, for all sizes."""
    axes = zip(one.starts, one.shape, other.starts, other.shape, strict=True)
    return any(
        (start - (begin + extent)).is_nonnegative or (begin - (start + length)).is_nonnegative
        for begin, extent, start, length in axes
    )


class _Checker:
    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.shapes = kernel.shapes
        kinds = {buffer.name: buffer.kind for buffer in kernel.buffers}
        self.kinds = kinds | {place.tensor: kinds[place.buffer] for place in kernel.placements}
        self.holds = {place.tensor: place.buffer for place in kernel.placements}

    def body(self, statements: tuple[Statement, ...], bound: tuple[Idx, ...], written: Collection[str]) -> set[str]:
        """Check statements in order; returns what is written after them."""
        known = set(written)
        for statement in statements:
            if isinstance(statement, Assign):
                self.assign(statement, bound, known)
                known.add(tensor_of(statement.target))
            elif isinstance(statement, Loop):
                self.bind(statement.index, bound, f"loop over {statement.index.name}")
                # A loop may run no times at all; what only its body writes still counts as written after it,
                # since every size that makes the writing loop empty makes the buffer empty, or is T.
                known |= self.body(statement.body, (*bound, statement.index), known)
            else:
                self.body(statement.body, bound, known)  # may not run: what it writes is not counted on
        return known

    def bind(self, index: Idx, bound: tuple[Idx, ...], where: str) -> None:
        if index.name in {other.name for other in bound}:
            raise LoweringError(f"index {index.name} is bound twice at: {where}")

    def assign(self, assign: Assign, bound: tuple[Idx, ...], written: set[str]) -> None:
        where = show_assign(assign)
        scope = bound
        for index in (*assign.free, *assign.over):
            self.bind(index, scope, where)
            scope = (*scope, index)
        guards = {(guard.index, guard.extent) for guard in assign.guards}
        for index, _ in guards:
            self.indices(index, scope, where)
        for element in accesses(assign.value):
            self.element(element, scope, guards, where)
            tensor = tensor_of(element)
            if tensor not in written and self.holds.get(tensor) not in written:
                raise LoweringError(f"{tensor} is read before it is written at: {where}")
        self.element(assign.target, scope, guards, where)
        tensor = tensor_of(assign.target)
        if self.kinds[tensor] in READABLE or (self.kinds[tensor] is Kind.SAVED and self.kernel.name == "backward"):
            raise LoweringError(f"{tensor} belongs to the caller and is written at: {where}")
        if assign.accumulate and tensor not in written and self.holds.get(tensor) not in written:
            raise LoweringError(f"{tensor} is added to before it is written at: {where}")
        if set(assign.over) & assign.target.atoms(Idx):
            raise LoweringError(f"a summed index stands in the target at: {where}")

    def element(self, element: Expr, scope: tuple[Idx, ...], guards: set[tuple[Expr, Expr]], where: str) -> None:
        tensor, indices = tensor_of(element), indices_of(element)
        if tensor not in self.shapes:
            raise LoweringError(f"{tensor} is not declared at: {where}")
        shape = self.shapes[tensor]
        if len(indices) != len(shape):
            raise LoweringError(f"{tensor} has {len(shape)} axes, not {len(indices)}, at: {where}")
        for index, extent in zip(indices, shape, strict=True):
            self.indices(index, scope, where)
            if (index, extent) not in guards and not _in_bounds(index, extent):
                raise LoweringError(f"index {index} may leave 0 <= {index} < {extent} of {tensor} at: {where}")

    def indices(self, expression: Expr, scope: tuple[Idx, ...], where: str) -> None:
        for index in sorted(expression.atoms(Idx), key=str):
            if index not in scope:
                raise LoweringError(f"index {index.name} is not bound at: {where}")


def _in_bounds(index: Expr, extent: Expr) -> bool:
    """Whether 0 <= index < extent for every value of the indices in it and all sizes of at least one."""
    lowest, highest = index, index
    for i in sorted(index.atoms(Idx), key=str):
        slope = index.coeff(i)
        top = extent_of(i) - 1
        lowest = lowest.subs(i, 0 if slope.is_nonnegative else top)
        highest = highest.subs(i, top if slope.is_nonnegative else 0)
    return bool(lowest.is_nonnegative) and bool((extent - 1 - highest).expand().is_nonnegative)
