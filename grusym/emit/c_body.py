"""The statements of a scheduled kernel in C."""

from collections.abc import Iterator

from sympy import Idx

from grusym.emit.c_expression import Context, scalar, size
from grusym.emit.c_lines import STEP, fold
from grusym.equations.axis import extent_of
from grusym.equations.tensor import tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import Assign, Loop, Statement


def c_body(body: tuple[Statement, ...], context: Context, indent: str = STEP) -> Iterator[str]:
    """The lines of a body. A scalar is declared where it is assigned."""
    for statement in body:
        if isinstance(statement, Assign):
            for line in _assign(statement, context):
                yield from fold(indent + line)
        elif isinstance(statement, Loop):
            yield f"{indent}{_head(statement.index, statement.descending)} {{"
            yield from c_body(statement.body, context, indent + STEP)
            yield f"{indent}}}"
        else:
            yield f"{indent}if (saved) {{"
            yield from c_body(statement.body, context, indent + STEP)
            yield f"{indent}}}"


def _head(index: Idx, descending: bool = False) -> str:
    name, extent = index.name, size(extent_of(index))
    if descending:
        return f"for (int64_t {name} = {extent} - 1; {name} >= 0; --{name})"
    return f"for (int64_t {name} = 0; {name} < {extent}; ++{name})"


def _assign(assign: Assign, context: Context) -> Iterator[str]:
    if assign.free:
        raise LoweringError(f"a C kernel needs a schedule that serialises {assign.target}")
    element, real = context.element(assign.target), context.ctype.name
    is_local = tensor_of(assign.target) in context.scalars
    if is_local and assign.accumulate:
        raise LoweringError(f"a C kernel needs a schedule that assigns the scalar {element} once")
    value = scalar(assign.value, context)
    condition = " && ".join(f"{size(g.index)} >= 0 && {size(g.index)} < {size(g.extent)}" for g in assign.guards)
    if assign.over:
        if not is_local:
            raise LoweringError(f"a C kernel needs a schedule that sums {element} in a scalar")
        yield f"{real} {element} = 0;"
        for depth, index in enumerate(assign.over):
            yield f"{STEP * depth}{_head(index)}"
        deepest = STEP * len(assign.over)
        if condition:
            yield f"{deepest}if ({condition})"
            deepest += STEP
        yield f"{deepest}{element} += {value};"
    elif condition and assign.accumulate:
        yield f"if ({condition})"
        yield f"{STEP}{element} += {value};"
    elif condition:
        yield f"{f'const {real} ' if is_local else ''}{element} = {condition} ? {value} : 0;"
    else:
        head = f"const {real} {element} =" if is_local else f"{element} {'+=' if assign.accumulate else '='}"
        yield f"{head} {value};"
