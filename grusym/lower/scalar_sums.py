"""Transformation `scalar_sums`: a contraction adds up in a scalar and stores once, not in memory at every term."""

from dataclasses import replace

from grusym.equations.names import fresh
from grusym.equations.tensor import access, indices_of, tensor_of
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Statement
from grusym.lower.traverse import Body, with_body


def scalar_sums(kernel: Kernel) -> Kernel:
    """The kernel with a scalar for every contraction into an array. Applies to serialised kernels; always applies."""
    taken = {*kernel.shapes, *(str(size) for size in kernel.sizes)}
    scalars: list[Buffer] = []

    def split(assign: Assign) -> Body:
        if not assign.over or not indices_of(assign.target):
            return (assign,)
        name = fresh((f"{tensor_of(assign.target)}_sum",), taken)
        taken.add(name)
        scalars.append(Buffer(name, (), Kind.SCALAR))
        total = access(name, ())
        return (
            replace(assign, target=total, accumulate=False),
            Assign(assign.target, total, accumulate=assign.accumulate),
        )

    def walk(body: Body) -> Body:
        done: list[Statement] = []
        for statement in body:
            done += split(statement) if isinstance(statement, Assign) else (with_body(statement, walk(statement.body)),)
        return tuple(done)

    body = walk(kernel.body)
    return replace(kernel, body=body, buffers=(*kernel.buffers, *scalars))
