"""The statements of a scheduled kernel in C."""

from collections.abc import Iterator

from sympy import Idx

from grusym.emit.c_expression import Context, scalar, size
from grusym.equations.axis import extent_of
from grusym.equations.tensor import indices_of, tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import Assign, Loop, Statement

STEP = "    "


def c_body(body: tuple[Statement, ...], context: Context, indent: str = STEP) -> Iterator[str]:
    """The lines of a body. A scalar is declared where it is assigned."""
    for statement in body:
        if isinstance(statement, Assign):
            yield from (indent + line for line in _assign(statement, context))
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
    name, element = tensor_of(assign.target), context.element(assign.target)
    is_scalar = not indices_of(assign.target)
    real = context.ctype.name
    value = scalar(assign.value, context)
    condition = " && ".join(f"{size(g.index)} >= 0 && {size(g.index)} < {size(g.extent)}" for g in assign.guards)
    operator = "+=" if assign.accumulate else "="
    if not assign.over:
        if condition and assign.accumulate:
            yield f"if ({condition}) {element} += {value};"
        elif condition:
            declared = f"const {real} " if is_scalar else ""
            yield f"{declared}{element} = {condition} ? {value} : 0;"
        else:
            declared = f"const {real} " if is_scalar else ""
            yield f"{declared}{element} {operator} {value};"
        return
    if not is_scalar:
        raise LoweringError(f"a C kernel needs a schedule that sums {element} in a scalar")
    yield f"{real} {name} = 0;"
    for depth, index in enumerate(assign.over):
        yield f"{STEP * depth}{_head(index)}"
    deepest = STEP * len(assign.over)
    if condition:
        yield f"{deepest}if ({condition})"
        deepest += STEP
    yield f"{deepest}{name} += {value};"
