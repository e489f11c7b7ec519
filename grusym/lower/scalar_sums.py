"""Transformation `scalar_sums`: a contraction adds up in a scalar and stores once, not in memory at every term."""

from dataclasses import replace

from grusym.equations.axis import indices_in
from grusym.equations.names import fresh
from grusym.equations.tensor import access, tensor_of
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Statement
from grusym.lower.serialise import require_serialised
from grusym.lower.traverse import Body, names_in, with_body


def scalar_sums(kernel: Kernel) -> Kernel:
    """The kernel with a scalar for every contraction into memory. Raises LoweringError unless it is serialised."""
    require_serialised(kernel, "scalar_sums")
    taken = names_in(kernel)
    local = {buffer.name for buffer in kernel.of_kind(Kind.SCALAR)}
    scalars: list[Buffer] = []

    def split(assign: Assign) -> Body:
        tensor = tensor_of(assign.target)
        if not assign.over or (tensor in local and not assign.accumulate):
            return (assign,)
        name = fresh((f"{tensor}_sum",), taken)
        taken.add(name)
        scalars.append(Buffer(name, (), Kind.SCALAR))
        total = access(name, ())
        # A sum that is added may fall outside its array, where the guard keeps it from being stored.
        over = set(assign.over)
        outside = tuple(g for g in assign.guards if assign.accumulate and over.isdisjoint(indices_in(g.index)))
        return (
            replace(assign, target=total, accumulate=False),
            Assign(assign.target, total, guards=outside, accumulate=assign.accumulate),
        )

    def walk(body: Body) -> Body:
        done: list[Statement] = []
        for statement in body:
            done += split(statement) if isinstance(statement, Assign) else (with_body(statement, walk(statement.body)),)
        return tuple(done)

    body = walk(kernel.body)
    return replace(kernel, body=body, buffers=(*kernel.buffers, *scalars))
