"""The summation convention: which index is summed, and over which product.

An index that stands in two or more factors of one term, and not on the left, is summed over that term. A product inside
a product is part of it; an index that a bracket or a function argument has already summed is not seen from outside, and
where it also stands outside, the term is refused as ambiguous.
"""

from collections.abc import Iterator

from grusym.equations.syntax import Call, Factors, Node, Number, Power, Reference, Terms, Total
from grusym.equations.tokens import Source, Token


def summed_indices(term: Node, bound: frozenset[str], indices: frozenset[str], source: Source) -> tuple[str, ...]:
    """The names that the summation convention sums over `term`, in order of appearance.

    `bound` are those on the left or summed further out; `indices` are all index names of the cell.
    """
    factors = [factor for _, factor in term.factors] if isinstance(term, Factors) else [term]
    free = [_free(factor, bound, indices, source) for factor in factors]
    closed = [_mentioned(factor, indices) - set(names) - bound for factor, names in zip(factors, free, strict=True)]
    summed: list[str] = []
    for position, names in enumerate(free):
        for name in names:
            for other, hidden in enumerate(closed):
                if other != position and name in hidden:
                    raise source.error(
                        f"index {name} is summed inside a bracket or function and stands outside it too; give the "
                        f"inner expression an equation of its own, or write sum[{name}](...)",
                        _token(factors[other]),
                    )
            repeated = names.count(name) > 1 or sum(name in group for group in free) > 1
            if repeated and name not in summed:
                summed.append(name)
    for factor in factors:
        _every_term_has(factor, [n for n in summed if n in _mentioned(factor, indices)], indices, source)
    return tuple(summed)


def _free(node: Node, bound: frozenset[str], indices: frozenset[str], source: Source) -> list[str]:
    """Names that stand unsummed in a node, with repetition inside one access."""
    match node:
        case Number():
            return []
        case Reference(_, subscripts):
            return [n for n in _names(subscripts) if n in indices and n not in bound]
        case Total(_, names, body):
            inside = _free(body, bound | {token.text for token in names}, indices, source)
            return list(dict.fromkeys(inside))
        case Factors():
            summed = summed_indices(node, bound, indices, source)
            return [n for _, f in node.factors for n in _free(f, bound, indices, source) if n not in summed]
        case Terms(_, terms):
            return list(dict.fromkeys(n for _, t in terms for n in _free(_product(t), bound, indices, source)))
        case Call(_, arguments):
            return list(dict.fromkeys(n for a in arguments for n in _free(_product(a), bound, indices, source)))
        case Power(_, base, _):
            return list(dict.fromkeys(_free(_product(base), bound, indices, source)))


def _product(node: Node) -> Node:
    """A term on its own is a product of one factor, so that A[k,k] is summed there."""
    return node if isinstance(node, Factors | Terms) else Factors(_token(node), ((1, node),))


def _every_term_has(factor: Node, summed: list[str], indices: frozenset[str], source: Source) -> None:
    if isinstance(factor, Terms):
        for name in summed:
            for _, term in factor.terms:
                if name not in _mentioned(term, indices):
                    raise source.error(f"index {name} is summed over this bracket, but one term lacks it", _token(term))


def _names(subscripts: tuple[Node, ...]) -> Iterator[str]:
    for node in subscripts:
        yield from (reference.token.text for reference in references(node))


def _mentioned(node: Node, indices: frozenset[str]) -> set[str]:
    return {n for r in references(node) for n in _names(r.indices) if n in indices}


def references(node: Node) -> Iterator[Reference]:
    """Every reference in a node, left to right (not those inside index expressions)."""
    match node:
        case Reference():
            yield node
        case Factors(_, children) | Terms(_, children):
            for _, child in children:
                yield from references(child)
        case Call(_, arguments):
            for argument in arguments:
                yield from references(argument)
        case Total(_, _, body):
            yield from references(body)
        case Power(_, base, exponent):
            yield from references(base)
            yield from references(exponent)


def _token(node: Node) -> Token:
    return node.token
