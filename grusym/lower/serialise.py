"""Transformation `serialise`: domains become loops.

Every assignment over a domain becomes loops over its free indices, in their order, around a scalar assignment; batch
comes first. The batch sum of an accumulating contraction becomes a loop too: adding sample by sample is the same sum.
"""

from dataclasses import replace

from grusym.equations.axis import BATCH, extent_of
from grusym.errors import LoweringError
from grusym.lower.ir import Assign, Kernel, Loop, Statement, WhenSaving
from grusym.lower.show import show_assign
from grusym.lower.traverse import Body, assigns


def serialise(kernel: Kernel) -> Kernel:
    """The kernel with every assignment scalar, inside loops; a condition moves inside them. Always applies."""
    return replace(kernel, body=_serial(kernel.body, saving=False))


def require_serialised(kernel: Kernel, transformation: str) -> None:
    """Raise LoweringError if an assignment still runs over a domain, which this transformation cannot see into."""
    for assign in assigns(kernel.body):
        if assign.free:
            raise LoweringError(
                f"{transformation} does not apply to kernel {kernel.name}, which runs over a domain here: "
                f"{show_assign(assign)}; apply serialise first"
            )


def _serial(body: Body, saving: bool) -> Body:
    serial: list[Statement] = []
    for statement in body:
        if isinstance(statement, Assign):
            serial.append(_loops(statement, saving))
        elif isinstance(statement, Loop):
            serial.append(Loop(statement.index, _serial(statement.body, saving), statement.descending))
        else:
            serial += _serial(statement.body, saving=True)
    return tuple(serial)


def _loops(assign: Assign, saving: bool) -> Statement:
    batch = tuple(i for i in assign.over if assign.accumulate and extent_of(i) == BATCH.extent)
    scalar = replace(assign, free=(), over=tuple(i for i in assign.over if i not in batch))
    result: Statement = WhenSaving((scalar,)) if saving else scalar
    for index in reversed((*batch, *assign.free)):
        result = Loop(index, (result,))
    return result
