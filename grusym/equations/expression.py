"""Syntax to SymPy: accesses are checked against their tensors, repeated indices become sums."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sympy import Add, Dummy, Expr, Idx, Integer, Mul, Sum, floor

from grusym.equations import constants
from grusym.equations.axis import Axis, indices_in
from grusym.equations.functions import FLOOR
from grusym.equations.names import fresh
from grusym.equations.summation import summed_indices
from grusym.equations.syntax import Call, Factors, Node, Number, Power, Reference, Terms, Total
from grusym.equations.tensor import Role, Tensor, access
from grusym.equations.tokens import Source, Token

MAX_OFFSET = 1_000_000  # in an index expression, so that it fits any integer of a kernel


@dataclass
class Scope:
    """What names mean while a cell is read: indices to axes, tensors defined or inferred so far."""

    source: Source
    axis_of: dict[str, Axis]
    tensors: dict[str, Tensor]
    closed: bool = False  # parameters were declared: no others are inferred
    defining: str = ""  # the tensor whose equation is being read
    defined_later: set[str] = field(default_factory=set)

    @property
    def extents(self) -> dict[str, Expr]:
        return {axis.name: axis.extent for axis in self.axis_of.values()}

    def index(self, name: str) -> Idx:
        return self.axis_of[name].index(name)

    def plain_axis(self, node: Node) -> Axis:
        """The axis of a position that must be a plain index, as in a signature or on the left."""
        if not isinstance(node, Reference) or node.indices:
            raise self.source.error("a plain index is wanted here, as in h[k]", token_of(node))
        return self.axis(node.token)

    def axis(self, token: Token) -> Axis:
        """The axis of an index."""
        name = token.text
        if name not in self.axis_of:
            example = f"'{name}: {next(iter(self.axis_of.values())).name}'"
            raise self.source.error(f"index {name} has no axis; add it to the axes clause, as in {example}", token)
        return self.axis_of[name]


def build_terms(node: Node, bound: frozenset[str], scope: Scope) -> Expr:
    """The expression of a sum of terms, each closed by the summation convention; `bound` are the indices given."""
    if isinstance(node, Terms):
        value = Add(*(sign * _build_term(term, bound, scope) for sign, term in node.terms))
        return constants.in_range(value, node.token, scope.source)
    return _build_term(node, bound, scope)


def _build_term(term: Node, bound: frozenset[str], scope: Scope) -> Expr:
    summed = summed_indices(term, bound, frozenset(scope.axis_of), scope.source)
    inside = bound | set(summed)
    if isinstance(term, Factors):
        factors = [_build_factor(power, factor, inside, scope) for power, factor in term.factors]
        product = constants.in_range(Mul(*factors), term.token, scope.source)
    else:
        product = _build(term, inside, scope)
    return _sum(product, summed, scope)


def _build_factor(power: int, factor: Node, bound: frozenset[str], scope: Scope) -> Expr:
    value = _build(factor, bound, scope)
    return value if power == 1 else constants.power(value, Integer(power), factor.token, scope.source)


def _sum(value: Expr, names: Sequence[str], scope: Scope) -> Expr:
    return Sum(value, *(scope.index(name) for name in names)) if names and value != 0 else value


def _build(node: Node, bound: frozenset[str], scope: Scope) -> Expr:
    match node:
        case Number(token):
            return constants.number(token, scope.source)
        case Terms() | Factors():
            return build_terms(node, bound, scope)
        case Call(token, _) if token.text == FLOOR:
            raise scope.source.error("floor stands in index expressions only, as in x[p+u-floor((K-1)/2)]", token)
        case Call(token, arguments):
            built = [build_terms(argument, bound, scope) for argument in arguments]
            return constants.apply(token.text, built, token, scope.source)
        case Power(token, base, exponent):
            value = build_terms(exponent, bound, scope)
            return constants.power(build_terms(base, bound, scope), value, token, scope.source)
        case Total(_, names, body):
            inside = bound
            for name in names:
                axis = scope.axis(name)
                if name.text in inside:
                    raise scope.source.error(
                        f"index {name.text} is on the left or summed already; sum over another index of {axis.name}",
                        name,
                    )
                inside |= {name.text}
            return _sum(build_terms(body, inside, scope), [name.text for name in names], scope)
        case Reference(token, indices):
            return _build_access(token, indices, bound, scope)


def _build_access(token: Token, subscripts: tuple[Node, ...], bound: frozenset[str], scope: Scope) -> Expr:
    name = token.text
    if not subscripts and name in scope.extents:
        return scope.extents[name]
    if not subscripts and name in scope.axis_of:
        if name not in bound:
            raise scope.source.error(
                f"index {name} has no value here, as it is neither on the left nor summed in its term; "
                f"write sum[{name}](...) to sum over it",
                token,
            )
        return scope.index(name)
    if name.endswith("'") and name not in scope.tensors:
        raise scope.source.error(f"{name} is used before an equation defines it", token)
    positions = tuple(_build_position(node, name, bound, scope) for node in subscripts)
    if name not in scope.tensors:
        scope.tensors[name] = _infer_parameter(token, positions, scope)
    tensor = scope.tensors[name]
    if len(tensor.axes) != len(positions):
        count = "1 axis" if len(tensor.axes) == 1 else f"{len(tensor.axes)} axes"
        raise scope.source.error(
            f"{name} has {count} [{', '.join(a.name for a in tensor.axes)}], not {len(positions)}", token
        )
    for node, position, axis in zip(subscripts, positions, tensor.axes, strict=True):
        if isinstance(position, Idx) and scope.axis_of[position.name] != axis:
            raise scope.source.error(
                f"index {position.name} runs over {scope.axis_of[position.name].name}, "
                f"but this axis of {name} is {axis.name}",
                token_of(node),
            )
    return access(name, positions)


def _infer_parameter(token: Token, positions: tuple[Expr, ...], scope: Scope) -> Tensor:
    """A tensor that nothing defines is a parameter, with the axes of the indices it is first used with."""
    name = token.text
    if name == scope.defining:
        raise scope.source.error(f"{name} is used in its own definition; only a state has a value before", token)
    if name in scope.defined_later:
        raise scope.source.error(f"{name} is used before the equation that defines it; reorder the equations", token)
    if scope.closed:
        raise scope.source.error(f"{name} is not defined and not in the parameters clause", token)
    for position in positions:
        if not isinstance(position, Idx):
            raise scope.source.error(
                f"the axis of {name} cannot be read off the index {position}; declare it in a parameters clause", token
            )
    letters: list[str] = []
    for position in positions:
        axis = scope.axis_of[position.name]
        same = [letter for letter in scope.axis_of if scope.axis_of[letter] == axis]
        taken = {*letters, *scope.tensors, *scope.defined_later, *(set(scope.axis_of) - set(same))}
        letters.append(fresh((position.name, *same, f"{position.name}_"), taken))  # A[k,k] is A[k,l]
    return Tensor(name, tuple(scope.axis_of[position.name] for position in positions), Role.PARAMETER, tuple(letters))


def _build_position(node: Node, tensor: str, bound: frozenset[str], scope: Scope) -> Expr:
    """An index expression: linear in the indices, with whole numbers and extents."""
    position = _build_index(node, tensor, bound, scope)
    if isinstance(position, Idx):
        return position
    position = position.expand()
    for index in indices_in(position):
        if not position.coeff(index).is_integer:
            raise scope.source.error(f"index {index} moves in whole steps only, not as in {position}", token_of(node))
    return position


def _build_index(node: Node, tensor: str, bound: frozenset[str], scope: Scope) -> Expr:
    match node:
        case Number(token):
            value = constants.number(token, scope.source)
            if not isinstance(value, Integer) or value > MAX_OFFSET:
                raise scope.source.error(f"an index is a whole number, at most {MAX_OFFSET}, not {token.text}", token)
            return value
        case Reference(token, ()):
            if token.text in scope.extents:
                return scope.extents[token.text]
            scope.axis(token)
            if token.text not in bound:
                raise scope.source.error(
                    f"index {token.text} of {tensor} is neither on the left nor repeated in its term; "
                    f"write sum[{token.text}](...) to sum it",
                    token,
                )
            return scope.index(token.text)
        case Terms(_, terms):
            return Add(*(sign * _build_index(term, tensor, bound, scope) for sign, term in terms))
        case Factors(token, factors):
            built = [(power, _build_index(factor, tensor, bound, scope), factor.token) for power, factor in factors]
            if sum(f.has(Idx) for _, f, _ in built) > 1 or any(p < 0 and f.has(Idx) for p, f, _ in built):
                raise scope.source.error("an index expression is linear in its indices", token)
            product = [f if p == 1 else constants.power(f, Integer(p), at, scope.source) for p, f, at in built]
            return constants.in_range(Mul(*product), token, scope.source)
        case Call(token, (argument,)) if token.text == FLOOR:
            return _floor(_build_index(argument, tensor, bound, scope), token, scope)
        case _:
            raise scope.source.error(
                "an index expression holds indices, whole numbers and extents only", token_of(node)
            )


def _floor(value: Expr, token: Token, scope: Scope) -> Expr:
    """The whole part of a quotient of sizes that is never negative: there, integer division is the same everywhere."""
    if value.has(Idx):
        raise scope.source.error("floor takes sizes and numbers, no index", token)
    # Sizes are at least 1: what has no negative term in how far they exceed that is never negative.
    beyond = {size: 1 + Dummy(nonnegative=True) for size in value.free_symbols}
    if not value.xreplace(beyond).expand().is_nonnegative:
        raise scope.source.error(f"floor is taken of what may be negative: {value}", token)
    return floor(value)


def token_of(node: Node) -> Token:
    """Where a node begins."""
    return node.token
