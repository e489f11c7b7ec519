"""Transformation `load_once`: an element that one loop body reads several times, and nothing there writes, gets a name.

Then a gradient reads `z` and not `saved_z[...]`, in the text as in the machine.
"""

from dataclasses import replace

from sympy import Expr, Idx, Pow

from grusym.equations.names import fresh
from grusym.equations.tensor import access, accesses, indices_of, is_access, tensor_of
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Loop, Statement
from grusym.lower.memory import Memory
from grusym.lower.serialise import require_serialised
from grusym.lower.traverse import Body, assigns, names_in, with_body


def load_once(kernel: Kernel) -> Kernel:
    """The kernel with repeated loads named. Raises LoweringError unless it is serialised."""
    require_serialised(kernel, "load_once")
    naming = _Naming(names_in(kernel), Memory.of(kernel))
    body = naming.body(kernel.body)
    return replace(kernel, body=body, buffers=(*kernel.buffers, *naming.scalars))


class _Naming:
    def __init__(self, taken: set[str], memory: Memory):
        self.taken = taken
        self.memory = memory
        self.scalars: list[Buffer] = []

    def body(self, statements: Body) -> Body:
        inner = tuple(s if isinstance(s, Assign) else with_body(s, self.body(s.body)) for s in statements)
        written = {tensor_of(assign.target) for assign in assigns(inner)}
        reads: dict[Expr, int] = {}
        for statement in inner:
            for element, count in _reads(statement):
                reads[element] = reads.get(element, 0) + count
        names = {
            element: self.name(element)
            for element, count in reads.items()
            if count > 1 and indices_of(element) and not self.is_written(tensor_of(element), written)
        }
        if not names:
            return inner
        first = next(
            n for n, s in enumerate(inner) if any(e in names for a in assigns((s,)) for e in accesses(a.value))
        )
        loads: list[Statement] = [Assign(name, element) for element, name in names.items()]
        return (*inner[:first], *loads, *(_replaced(s, names) for s in inner[first:]))

    def is_written(self, tensor: str, written: set[str]) -> bool:
        return any(self.memory.overlap(tensor, other) for other in written)

    def name(self, element: Expr) -> Expr:
        """z for saved_z[t, b, i]; da_r_k for da_r[b, k]."""
        tensor, last = tensor_of(element), indices_of(element)[-1]
        here = f"{tensor}_{last.name if isinstance(last, Idx) else 'here'}"
        name = fresh((tensor.removeprefix("saved_"), here), self.taken)
        self.taken.add(name)
        self.scalars.append(Buffer(name, (), Kind.SCALAR))
        return access(name, ())


def _reads(statement: Statement) -> list[tuple[Expr, int]]:
    """Elements that a statement reads, and how often: what a loop inside reads at one element counts as twice."""
    if isinstance(statement, Assign):
        if statement.guards:
            return []  # the element may lie out of bounds where the guard fails
        bound, times = set(statement.over), 2 if statement.over else 1
        return [(e, times) for e in _occurrences(statement.value) if not bound & e.atoms(Idx)]
    inside = [pair for inner in statement.body for pair in _reads(inner)]
    if isinstance(statement, Loop):
        return [(element, 2 * count) for element, count in inside if not element.has(statement.index)]
    return []  # a condition may not hold: what it reads is left where it is


def _occurrences(expression: Expr) -> list[Expr]:
    """Accesses as often as they are read: twice in a square."""
    if is_access(expression):
        return [expression]
    if isinstance(expression, Pow):
        return 2 * _occurrences(expression.base)
    return [element for argument in expression.args for element in _occurrences(argument)]


def _replaced(statement: Statement, names: dict[Expr, Expr]) -> Statement:
    if isinstance(statement, Assign):
        used = {element: names[element] for element in accesses(statement.value) if element in names}
        return replace(statement, value=statement.value.xreplace(used)) if used else statement
    return with_body(statement, tuple(_replaced(s, names) for s in statement.body))
