"""Syntax to SymPy: accesses are checked against their tensors, repeated indices become sums."""

from dataclasses import dataclass, field

from sympy import Add, Expr, Idx, Integer, Mul, Pow, Rational, Sum

from grusym.equations.axis import Axis
from grusym.equations.functions import FUNCTIONS
from grusym.equations.summation import summed_indices
from grusym.equations.syntax import Call, Factors, Node, Number, Power, Reference, Terms, Total
from grusym.equations.tensor import Role, Tensor, access
from grusym.equations.tokens import Source, Token


@dataclass
class Scope:
    """What names mean while a cell is read: indices to axes, tensors defined or inferred so far."""

    source: Source
    axis_of: dict[str, Axis]
    tensors: dict[str, Tensor]
    closed: bool = False  # parameters were declared: no others are inferred
    declared_parameters: set[str] = field(default_factory=set)
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
        if node.token.text not in self.axis_of:
            raise self.source.error(
                f"index {node.token.text} has no axis; add it to the axes clause, as in '{node.token.text}: H'",
                node.token,
            )
        return self.axis_of[node.token.text]

    def define(self, name: str, tensor: Tensor, token: Token) -> None:
        if name in self.tensors:  # used as a parameter inside its own definition
            raise self.source.error(f"{name} is used in its own definition; only a state has a value before", token)
        self.tensors[name] = tensor
        self.defined_later.discard(name)


def build_terms(node: Node, bound: frozenset[str], scope: Scope) -> Expr:
    """The expression of a sum of terms, each closed by the summation convention; `bound` are the indices given."""
    if isinstance(node, Terms):
        return Add(*(sign * _build_term(term, bound, scope) for sign, term in node.terms))
    return _build_term(node, bound, scope)


def _build_term(term: Node, bound: frozenset[str], scope: Scope) -> Expr:
    summed = summed_indices(term, bound, frozenset(scope.axis_of), scope.source)
    inside = bound | set(summed)
    factors = term.factors if isinstance(term, Factors) else ((1, term),)
    product = Mul(*(Pow(_build(factor, inside, scope), power) for power, factor in factors))
    return Sum(product, *(scope.index(name) for name in summed)) if summed else product


def _build(node: Node, bound: frozenset[str], scope: Scope) -> Expr:
    match node:
        case Number(token):
            return Rational(token.text)
        case Terms() | Factors():
            return build_terms(node, bound, scope)
        case Call(token, arguments):
            return FUNCTIONS[token.text](*(build_terms(argument, bound, scope) for argument in arguments))
        case Power(token, base, exponent):
            value = build_terms(exponent, bound, scope)
            if not value.is_number:
                raise scope.source.error("an exponent must be a number", token)
            return Pow(build_terms(base, bound, scope), value)
        case Total(_, names, body):
            for name in names:
                if name.text not in scope.axis_of or name.text in bound:
                    raise scope.source.error(f"{name.text} is not a free index that could be summed here", name)
            inside = bound | {name.text for name in names}
            return Sum(build_terms(body, inside, scope), *(scope.index(name.text) for name in names))
        case Reference(token, indices):
            return _build_access(token, indices, bound, scope)


def _build_access(token: Token, subscripts: tuple[Node, ...], bound: frozenset[str], scope: Scope) -> Expr:
    name = token.text
    if not subscripts and name in scope.extents:
        return scope.extents[name]
    if name.endswith("'") and name not in scope.tensors:
        raise scope.source.error(f"{name} is used before an equation defines it", token)
    positions = tuple(_build_index(node, name, bound, scope) for node in subscripts)
    if name not in scope.tensors:
        scope.tensors[name] = _infer_parameter(token, positions, scope)
    tensor = scope.tensors[name]
    if len(tensor.axes) != len(positions):
        raise scope.source.error(
            f"{name} has {len(tensor.axes)} axes [{', '.join(a.name for a in tensor.axes)}], not {len(positions)}",
            token,
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
    if name in scope.defined_later:
        raise scope.source.error(f"{name} is used before the equation that defines it; reorder the equations", token)
    if scope.closed:
        raise scope.source.error(f"{name} is not defined and not in the parameters clause", token)
    for position in positions:
        if not isinstance(position, Idx):
            raise scope.source.error(
                f"the axis of {name} cannot be read off the index {position}; declare it in a parameters clause", token
            )
    letters = tuple(position.name for position in positions)
    return Tensor(name, tuple(scope.axis_of[letter] for letter in letters), Role.PARAMETER, letters)


def _build_index(node: Node, tensor: str, bound: frozenset[str], scope: Scope) -> Expr:
    """An index expression: affine in the indices, with integers and extents as constants."""
    match node:
        case Number(token):
            value = Rational(token.text)
            if not isinstance(value, Integer):
                raise scope.source.error(f"an index is a whole number, not {token.text}", token)
            return value
        case Reference(token, ()):
            if token.text in scope.extents:
                return scope.extents[token.text]
            if token.text not in scope.axis_of:
                raise scope.source.error(
                    f"index {token.text} has no axis; add it to the axes clause, as in '{token.text}: H'", token
                )
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
            built = [(power, _build_index(factor, tensor, bound, scope)) for power, factor in factors]
            if sum(factor.has(Idx) for _, factor in built) > 1 or any(p < 0 and f.has(Idx) for p, f in built):
                raise scope.source.error("an index expression is linear in its indices", token)
            return Mul(*(Pow(factor, power) for power, factor in built))
        case _:
            raise scope.source.error(
                "an index expression holds indices, whole numbers and extents only", token_of(node)
            )


def token_of(node: Node) -> Token:
    """Where a node begins."""
    return node.token
