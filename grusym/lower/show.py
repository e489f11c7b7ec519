"""A kernel as text: the IR's own documentation, and what its hash is taken of."""

from collections.abc import Iterator

from sympy import Expr

from grusym.equations.tensor import tensor_of
from grusym.lower.ir import Assign, Kernel, Loop, Statement


def show(kernel: Kernel) -> str:
    """The kernel as text, one statement a line."""
    lines = [f"{kernel.name}({', '.join(map(str, kernel.sizes))})"]
    lines += [f"    {buffer.kind.value} {buffer.name}{_shape(buffer.shape)}" for buffer in kernel.buffers]
    for place in kernel.placements:
        if place.tensor != place.buffer:
            turned = "" if place.is_straight else f", its axes along {_shape(place.along)}"
            lines.append(
                f"    {place.tensor}{_shape(place.shape)} lies in {place.buffer} at {_shape(place.starts)}{turned}"
            )
    return "\n".join((*lines, *_statements(kernel.body, "  ")))


def _statements(body: tuple[Statement, ...], indent: str) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, Assign):
            yield indent + show_assign(statement)
        elif isinstance(statement, Loop):
            order = "descending " if statement.descending else ""
            yield f"{indent}for {order}{statement.index.name} < {statement.index.upper + 1}:"
            yield from _statements(statement.body, indent + "  ")
        else:
            yield f"{indent}when saving:"
            yield from _statements(statement.body, indent + "  ")


def show_assign(assign: Assign) -> str:
    """One assignment as text."""
    total = f"sum[{', '.join(i.name for i in assign.over)}] " if assign.over else ""
    where = f" where {' and '.join(map(str, assign.guards))}" if assign.guards else ""
    free = f"  for all {', '.join(i.name for i in assign.free)}" if assign.free else ""
    target = str(assign.target) if assign.target.args else tensor_of(assign.target)
    return f"{target} {'+=' if assign.accumulate else '='} {total}{assign.value}{where}{free}"


def _shape(extents: tuple[Expr | int, ...]) -> str:
    return f"({', '.join(map(str, extents))})"
