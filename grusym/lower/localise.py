"""Transformation `localise`: a workspace buffer that lives within one iteration becomes a scalar.

That is so if every access to it stands inside one loop body, at the same element for one iteration of it, and the first
one writes it, once and for all.
"""

from dataclasses import replace

from sympy import Expr, Idx

from grusym.equations.tensor import access, accesses, indices_of, tensor_of
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Loop
from grusym.lower.serialise import require_serialised
from grusym.lower.traverse import Body, assigns, map_assigns, rename_accesses


def localise(kernel: Kernel) -> Kernel:
    """The kernel with such buffers turned into scalars. Raises LoweringError unless it is serialised."""
    require_serialised(kernel, "localise")
    held = {place.buffer for place in kernel.placements}
    candidates = [buffer.name for buffer in kernel.of_kind(Kind.WORKSPACE) if buffer.name not in held]
    local = {name for name in candidates if _is_local(name, kernel.body, ())}

    def element(tensor: str, indices: tuple[Expr, ...]) -> Expr:
        return access(tensor, () if tensor in local else indices)

    def change(assign: Assign) -> Assign:
        if local.isdisjoint(_touched(assign)):
            return assign
        return replace(
            assign,
            target=rename_accesses(assign.target, element),
            value=rename_accesses(assign.value, element),
        )

    buffers = tuple(Buffer(b.name, (), Kind.SCALAR) if b.name in local else b for b in kernel.buffers)
    return replace(kernel, buffers=buffers, body=map_assigns(kernel.body, change))


def _is_local(tensor: str, body: Body, loops: tuple[Idx, ...]) -> bool:
    using = [s for s in body if any(tensor in _touched(a) for a in assigns((s,)))]
    if len(using) == 1 and isinstance(using[0], Loop):
        return _is_local(tensor, using[0].body, (*loops, using[0].index))
    first = using[0] if using else None
    if not isinstance(first, Assign) or tensor_of(first.target) != tensor or first.accumulate:
        return False
    if any(tensor_of(element) == tensor for element in accesses(first.value)):
        return False
    found = [assign for assign in assigns(tuple(using)) if tensor in _touched(assign)]
    if any(tensor_of(assign.target) == tensor for assign in found[1:]):
        return False  # a scalar is a constant, defined where it is declared
    elements = {
        indices_of(element)
        for assign in found
        for element in (assign.target, *accesses(assign.value))
        if tensor_of(element) == tensor
    }
    return len(elements) == 1 and all(index in loops for index in next(iter(elements)))


def _touched(assign: Assign) -> set[str]:
    return {tensor_of(assign.target), *(tensor_of(element) for element in accesses(assign.value))}
