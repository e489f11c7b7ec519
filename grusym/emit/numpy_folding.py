"""Which intermediate tensors stand in the expression that uses them, and need no line of their own."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sympy import Expr, Idx

from grusym.equations.axis import extent_of
from grusym.equations.tensor import accesses, indices_of, is_access, is_plain, tensor_of
from grusym.lower.ir import Assign, Kernel, Kind, Loop, Statement
from grusym.lower.traverse import Body, assigns, stores, with_body


@dataclass(frozen=True)
class Folded:
    """A kernel's statements without those that are folded, and the folded ones by the tensor that they define."""

    body: Body
    inlined: dict[str, Assign]


def fold(kernel: Kernel, named: Collection[str]) -> Folded:
    """Fold every workspace tensor that is used once, unless it is `named`: then only if it is a copy.

    A definition moves down to its use, so nothing that it reads may be written in between. Sums stay out of sums.
    """
    uses = Counter(name for assign in assigns(kernel.body) for name in _occurrences(assign.value))
    written = stores(kernel.body)
    free = {
        buffer.name
        for buffer in kernel.of_kind(Kind.WORKSPACE)
        if uses[buffer.name] == 1 and len(written.get(buffer.name, ())) == 1
    }
    inlined: dict[str, Assign] = {}
    body = _fold_block(kernel.body, free, named, inlined)
    return Folded(body, inlined)


def reads(value: Expr, inlined: dict[str, Assign]) -> set[str]:
    """The tensors that an expression reads once everything folded stands in it."""
    found: set[str] = set()
    for element in accesses(value):
        name = tensor_of(element)
        found |= reads(inlined[name].value, inlined) if name in inlined else {name}
    return found


def _fold_block(body: Body, free: set[str], named: Collection[str], inlined: dict[str, Assign]) -> Body:
    kept: list[Statement] = []
    for place, statement in enumerate(body):
        if isinstance(statement, Loop):
            kept.append(with_body(statement, _fold_block(statement.body, free, named, inlined)))
        elif isinstance(statement, Assign) and _folds(statement, body[place + 1 :], free, named, inlined):
            inlined[tensor_of(statement.target)] = statement
        else:
            kept.append(statement)
    return tuple(kept)


def _folds(assign: Assign, rest: Body, free: set[str], named: Collection[str], inlined: dict[str, Assign]) -> bool:
    name = tensor_of(assign.target)
    if name not in free or assign.accumulate or not is_plain(indices_of(assign.target)):
        return False
    copies = is_access(assign.value) and not assign.guards
    if name in named and not copies:
        return False
    needed = reads(assign.value, inlined)
    for statement in rest:
        if isinstance(statement, Assign):
            use = next((a for a in accesses(statement.value) if tensor_of(a) == name), None)
            if use is not None:
                plain = _plainly(indices_of(use), indices_of(assign.target))
                return plain and not (assign.over and statement.over)
        if needed & set(stores((statement,))):
            return False
    return False


def _plainly(used: tuple[Expr, ...], own: tuple[Expr, ...]) -> bool:
    """Whether a use reads the whole tensor, under other names of its indices at most."""
    return is_plain(used) and all(extent_of(one) == extent_of(other) for one, other in zip(used, own, strict=True))


def definition(assign: Assign, use: Expr) -> dict[Idx, Idx]:
    """The indices of a folded definition, by those of its use."""
    return dict(zip(indices_of(assign.target), indices_of(use), strict=True))


def _occurrences(value: Expr) -> list[str]:
    """The tensor of every access in an expression, as often as it stands there."""
    if is_access(value):
        return [tensor_of(value)]
    return [name for argument in value.args for name in _occurrences(argument)]
