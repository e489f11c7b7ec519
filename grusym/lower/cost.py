"""What a kernel costs: operations and memory traffic, as expressions in its sizes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sympy import Add, Expr, Idx, Integer, Mul, Poly, Pow, Rational, factor

from grusym.equations.axis import BATCH, TIME, extent_of
from grusym.equations.functions import NAMES
from grusym.equations.tensor import accesses, is_access, tensor_of
from grusym.lower.ir import Assign, Kernel, Kind, Loop, Statement

ZERO, ONE, HALF = Integer(0), Integer(1), Rational(1, 2)
Counts = Counter[str]
Key = TypeVar("Key")
ARITHMETIC = ("multiply_adds", "adds", "multiplies", "divisions")
T, B = TIME.extent, BATCH.extent


@dataclass(frozen=True)
class Cost:
    """Counts of one call of a kernel.

    multiply_adds           a product of two factors that is added to a sum, in a contraction or an accumulation
    adds                    other additions and subtractions; a term without a product that is added to a sum
    multiplies              other products, with constants too (and their quotients); a square is one, a sign is none
    divisions, functions    a quotient; an evaluation of each function, by its name in the equations
    loads, stores           array elements read and written, by the kind of their buffer; bytes are multiples of these
    saved, workspace, parameters    elements of the buffers of that kind

    Counted is what the statements say, each as often as its domain and the loops around it: a repeated subexpression
    twice, a load again at every point of a domain, a guarded term as if its guard held. A sum begins at zero, or at
    what it is added to, so that n terms are n additions. Not counted are constants (what depends on no tensor and on no
    index that stands as a number), index arithmetic, copies, and local variables, which live in registers.
    """

    multiply_adds: Expr
    adds: Expr
    multiplies: Expr
    divisions: Expr
    functions: Mapping[str, Expr]
    loads: Mapping[Kind, Expr]
    stores: Mapping[Kind, Expr]
    saved: Expr
    workspace: Expr
    parameters: Expr

    @property
    def flops(self) -> Expr:
        """Floating-point operations: a multiply-add is two, a function evaluation is not among them."""
        return factor(2 * self.multiply_adds + self.adds + self.multiplies + self.divisions)


def cost(kernel: Kernel, saving: bool = True) -> Cost:
    """The cost of one call of a kernel, in its sizes; `saving` as the caller of a forward pass chooses.

    >>> from grusym.equations.library import cell
    >>> from grusym.lower.lowered import lower
    >>> cost(lower(cell("gru"), "torch").forward).multiply_adds
    3*B*H*T*(H + I)
    """
    kinds = kernel.kinds
    operations: dict[str, Expr] = dict.fromkeys(ARITHMETIC, ZERO)
    loads: dict[Kind, Expr] = {}
    stores: dict[Kind, Expr] = {}
    for assign, times in _executed(kernel.body, ONE, saving):
        points = times * _size(map(extent_of, assign.free))
        terms = points * _size(map(extent_of, assign.over))
        for name, number in _assigned(assign).items():
            _add(operations, name, number * terms)
        target = kinds[tensor_of(assign.target)]
        for element in accesses(assign.value):
            _add(loads, kinds[tensor_of(element)], terms)
        if assign.accumulate:
            _add(loads, target, points)
        _add(stores, target, points)

    def elements(kind: Kind) -> Expr:
        return factor(Add(*(_size(buffer.shape) for buffer in kernel.of_kind(kind))))

    def in_memory(moved: Mapping[Kind, Expr]) -> dict[Kind, Expr]:
        return {kind: moved[kind].expand() for kind in Kind if kind in moved and kind is not Kind.SCALAR}

    return Cost(
        multiply_adds=factor(operations.pop("multiply_adds")),
        adds=factor(operations.pop("adds")),
        multiplies=factor(operations.pop("multiplies")),
        divisions=factor(operations.pop("divisions")),
        functions={name: factor(operations[name]) for name in sorted(operations)},
        loads=in_memory(loads),
        stores=in_memory(stores),
        saved=elements(Kind.SAVED) if saving else ZERO,
        workspace=elements(Kind.WORKSPACE),
        parameters=elements(Kind.PARAMETER),
    )


def describe(cost: Cost) -> list[str]:
    """The cost in a few lines of text, for the head of a generated file.

    >>> from grusym.equations.library import cell
    >>> from grusym.lower.lowered import lower
    >>> describe(cost(lower(cell("rnn")).forward, saving=False))[0]
    'per step and sample: H*(H + I) multiply-adds, 3*H adds, H tanh'
    """
    operations = {
        "multiply-adds": cost.multiply_adds,
        "adds": cost.adds,
        "multiplies": cost.multiplies,
        "divisions": cost.divisions,
        **cost.functions,
    }
    each: list[str] = []
    besides: list[str] = []
    for name, total in operations.items():
        step = Poly(total, T, B).coeff_monomial(T * B)
        each += [f"{factor(step)} {name}"] if step != 0 else []
        rest = factor(total - step * T * B)
        besides += [f"{rest} {name}"] if rest != 0 else []
    memory = {"parameters": cost.parameters, "saved": cost.saved, "workspace": cost.workspace}
    held = [f"{size} {name}" for name, size in memory.items() if size != 0]
    lines = [("per step and sample", each), ("besides, per call", besides), ("elements", held)]
    return [f"{head}: {', '.join(parts)}" for head, parts in lines if parts]


def _executed(body: tuple[Statement, ...], times: Expr, saving: bool) -> Iterator[tuple[Assign, Expr]]:
    """Every assignment that runs, and how often."""
    for statement in body:
        if isinstance(statement, Assign):
            yield statement, times
        elif isinstance(statement, Loop):
            yield from _executed(statement.body, times * extent_of(statement.index), saving)
        elif saving:
            yield from _executed(statement.body, times, saving)


def _assigned(assign: Assign) -> Counts:
    """Operations of an assignment at one point of its domain."""
    counts: Counts = Counter()
    if not (assign.over or assign.accumulate):
        _count(assign.value, counts)
        return counts
    for term in Add.make_args(assign.value):
        if _count(term, counts) == "multiplies":
            counts["multiplies"] -= 1
            counts["multiply_adds"] += 1
        elif term != 0:
            counts["adds"] += 1
    return counts


def _count(expression: Expr, counts: Counts) -> str:
    """Add the operations of an expression to the counts; returns the last one, if there is any."""
    if is_access(expression) or isinstance(expression, Idx) or not _varies(expression):
        return ""
    if isinstance(expression, Mul | Pow):
        return _count_product(expression, counts)
    for argument in expression.args:
        _count(argument, counts)
    if isinstance(expression, Add):
        counts["adds"] += len(expression.args) - 1
        return "adds"
    if type(expression) in NAMES:
        counts[NAMES[type(expression)]] += 1
        return NAMES[type(expression)]
    raise TypeError(f"the cost of {type(expression).__name__} is not known: {expression}")


def _count_product(expression: Expr, counts: Counts) -> str:
    """a*b/(c*d): the products above and below, and one quotient."""
    parts = Mul.make_args(expression)
    constant = Mul(*(part for part in parts if not _varies(part)))
    above, below = int(constant not in (1, -1)), 0
    for part in filter(_varies, parts):
        base, exponent = part.args if isinstance(part, Pow) else (part, ONE)
        _count(base, counts)
        whole = exponent.is_Integer
        if not whole:
            counts["sqrt" if abs(exponent) == HALF else "pow"] += 1
        times = abs(int(exponent)) if whole else 1
        if exponent.is_negative:
            below += times
        else:
            above += times
    counts["multiplies"] += max(above - 1, 0) + max(below - 1, 0)
    counts["divisions"] += min(below, 1)
    return "divisions" if below else "multiplies" if above > 1 else ""


def _varies(expression: Expr) -> bool:
    """Whether an expression has another value at another point of a domain."""
    return bool(accesses(expression)) or expression.has(Idx)


def _size(extents: Iterable[Expr]) -> Expr:
    return Mul(*extents)


def _add(totals: dict[Key, Expr], key: Key, number: Expr) -> None:
    totals[key] = totals.get(key, ZERO) + number
