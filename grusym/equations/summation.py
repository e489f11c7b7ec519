"""The summation convention: which index is summed, and over which product.

An index that stands in two or more factors of one term, and not on the left, is summed over that term. A product inside
a product is part of it; an index that a bracket or a function argument has already summed is not seen from outside, and
where it also stands outside, the term is refused as ambiguous.

An index that stands by itself, as a number, is no such occurrence: it takes the value that the term gives it. So
U[k] h[k] k is summed over k, and U[k] k is refused, as U[k] alone is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grusym.equations.syntax import Call, Factors, Node, Number, Power, Reference, Terms, Total
from grusym.equations.tokens import Source


@dataclass(frozen=True)
class _Scan:
    """Index names of a node: those that stand free in it (twice, if twice in one access), those it sums itself."""

    free: tuple[str, ...] = ()
    closed: frozenset[str] = frozenset()
    summed: tuple[str, ...] = ()  # by the product itself, not further in


def summed_indices(term: Node, bound: frozenset[str], indices: frozenset[str], source: Source) -> tuple[str, ...]:
    """The names that the summation convention sums over `term`, in order of appearance.

    `bound` are those on the left or summed further out; `indices` are all index names of the cell.
    """
    return _scan_product(_as_product(term), bound, indices, source).summed


def _scan_product(term: Factors, bound: frozenset[str], indices: frozenset[str], source: Source) -> _Scan:
    factors = [factor for _, factor in term.factors]
    scans = [_scan(factor, bound, indices, source) for factor in factors]
    hidden_in = {name: factor for factor, scan in zip(factors, scans, strict=True) for name in scan.closed}
    standing = [name for scan in scans for name in scan.free]
    for name in standing:
        if name in hidden_in and len(factors) > 1:
            raise source.error(
                f"index {name} is summed inside a bracket or function and stands outside it too; give the "
                f"inner expression an equation of its own, or write sum[{name}](...)",
                hidden_in[name].token,
            )
    summed = tuple(name for name in dict.fromkeys(standing) if standing.count(name) > 1)
    for factor in factors:
        if isinstance(factor, Terms):
            _every_term_has(factor, summed, indices, source)
    free = tuple(name for name in standing if name not in summed)
    return _Scan(free, frozenset(hidden_in).union(summed), summed)


def _scan(node: Node, bound: frozenset[str], indices: frozenset[str], source: Source) -> _Scan:
    match node:
        case Number():
            return _Scan()
        case Reference(_, subscripts):
            positions = [dict.fromkeys(_names((subscript,))) for subscript in subscripts]
            return _Scan(tuple(n for names in positions for n in names if n in indices and n not in bound))
        case Factors():
            return _scan_product(node, bound, indices, source)
        case Terms(_, terms):
            return _together([term for _, term in terms], bound, indices, source)
        case Call(_, arguments):
            return _together(arguments, bound, indices, source)
        case Power(_, base, _):
            return _together([base], bound, indices, source)
        case Total(_, names, body):
            written = frozenset(name.text for name in names)
            inside = _together([body], bound | written, indices, source)
            return _Scan(inside.free, inside.closed | written)


def _together(nodes: Iterable[Node], bound: frozenset[str], indices: frozenset[str], source: Source) -> _Scan:
    """Nodes that stand side by side but not in one product: each is closed by itself."""
    scans = [_scan(_as_product(node), bound, indices, source) for node in nodes]
    free = tuple(dict.fromkeys(name for scan in scans for name in scan.free))
    return _Scan(free, frozenset().union(*(scan.closed for scan in scans)))


def _as_product(node: Node) -> Factors:
    """A term on its own is a product of one factor, so that A[k,k] is summed there."""
    return node if isinstance(node, Factors) else Factors(node.token, ((1, node),))


def _every_term_has(bracket: Terms, summed: tuple[str, ...], indices: frozenset[str], source: Source) -> None:
    for name in summed:
        subscripted = [name in _mentioned(term, indices) for _, term in bracket.terms]
        having = [there or _is_value(name, term) for there, (_, term) in zip(subscripted, bracket.terms, strict=True)]
        if any(subscripted) and not all(having):
            raise source.error(
                f"index {name} is summed over this bracket, but one of its terms lacks it; write sum[{name}](...) "
                f"around the product to sum that term too",
                bracket.terms[having.index(False)][1].token,
            )


def _names(subscripts: tuple[Node, ...]) -> Iterator[str]:
    for node in subscripts:
        yield from (reference.token.text for reference in references(node))


def _mentioned(node: Node, indices: frozenset[str]) -> set[str]:
    return {n for r in references(node) for n in _names(r.indices) if n in indices}


def _is_value(name: str, node: Node) -> bool:
    """Whether the index stands in this as a number."""
    return any(not reference.indices and reference.token.text == name for reference in references(node))


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
