"""The transposed access map: where the cotangent of an access goes.

A term at (I, K) reads A[f(I, K)], so it sends its cotangent to A's element f(I, K). Where f can be solved for indices
of the term, that is a gather: the element's own indices are free and the rest are summed. Otherwise it stays a scatter.
"""

from dataclasses import dataclass, replace

from sympy import Expr, Idx

from grusym.calculus.program import Guard
from grusym.equations.axis import extent_of
from grusym.equations.names import fresh
from grusym.equations.tensor import access, accesses, indices_of, tensor_of


@dataclass(frozen=True)
class Contribution:
    """dA[indices] += term, for all values of `domain` at which the guards hold."""

    indices: tuple[Expr, ...]
    term: Expr
    domain: tuple[Idx, ...]
    guards: tuple[Guard, ...]


@dataclass(frozen=True)
class Part:
    """A contribution brought to the tensor's own indices; `over` is summed. `target` is not plain in a scatter."""

    target: tuple[Expr, ...]
    term: Expr
    over: tuple[Idx, ...]
    guards: tuple[Guard, ...]
    scatters: bool = False


def transpose(contribution: Contribution, own: tuple[Idx, ...]) -> Part:
    """The contribution as a gather into A[own], or as a scatter where its access map cannot be solved."""
    # Fresh names first: an index of the term may be called like one of the tensor's own.
    names = {index.name for index in own} | {index.name for index in contribution.domain}
    renamed: dict[Expr, Expr] = {}
    for index in contribution.domain:
        if index in own:
            name = fresh((f"{index.name}_",), names)
            names.add(name)
            renamed[index] = Idx(name, extent_of(index))
    moved = _substitute(contribution, renamed)
    solution = _solve(moved.indices, own, moved.domain)
    if solution is None:
        back = {new: old for old, new in renamed.items()}
        moved = _substitute(moved, back)
        return Part(moved.indices, moved.term, moved.domain, moved.guards, scatters=True)
    bounds = tuple(Guard(value, extent_of(index)) for index, value in solution.items())
    solved = _substitute(moved, dict(solution))
    over = tuple(index for index in moved.domain if index not in solution)
    guards = tuple(g for g in dict.fromkeys((*solved.guards, *bounds)) if not g.always_holds)
    return _tidy(Part(own, solved.term, over, guards), contribution.domain)


def _solve(indices: tuple[Expr, ...], own: tuple[Idx, ...], domain: tuple[Idx, ...]) -> dict[Idx, Expr] | None:
    """Values of indices of the term at which f equals the tensor's own indices: plain positions first, then shifts."""
    solution: dict[Idx, Expr] = {}
    shifted = []
    for position, target in zip(indices, own, strict=True):
        if isinstance(position, Idx) and position in domain and position not in solution:
            solution[position] = target
        else:
            shifted.append((position, target))
    for position, target in shifted:
        expression = position.xreplace(solution)
        for index in domain:
            slope = expression.coeff(index)
            if index not in solution and slope in (1, -1):
                value = ((target - (expression - slope * index)) * slope).expand()
                solution = {known: v.xreplace({index: value}) for known, v in solution.items()}
                solution[index] = value
                break
        else:
            return None
    return solution


def _substitute(contribution: Contribution, mapping: dict[Expr, Expr]) -> Contribution:
    if not mapping:
        return contribution
    return Contribution(
        tuple(_expanded(i.xreplace(mapping)) for i in contribution.indices),
        _substitute_indices(contribution.term, mapping),
        tuple(mapping.get(i, i) for i in contribution.domain),
        tuple(Guard(_expanded(g.index.xreplace(mapping)), g.extent) for g in contribution.guards),
    )


def _expanded(index: Expr) -> Expr:
    return index if isinstance(index, Idx) else index.expand()


def _substitute_indices(term: Expr, mapping: dict[Expr, Expr]) -> Expr:
    new = {
        element: access(tensor_of(element), tuple(_expanded(i.xreplace(mapping)) for i in indices_of(element)))
        for element in accesses(term)
        if indices_of(element)
    }
    return term.xreplace({**mapping, **new})  # the mapping itself is for an index that stands as a number


def _tidy(part: Part, domain: tuple[Idx, ...]) -> Part:
    """The part with a fresh name of a summed index replaced by one that the term no longer needs: i for k_."""
    spare = [index for index in domain if index not in part.target and index not in part.over]
    mapping: dict[Expr, Expr] = {}
    for index in part.over:
        match = next((s for s in spare if extent_of(s) == extent_of(index)), None)
        if index not in domain and match is not None:
            mapping[index] = match
            spare.remove(match)
    return rename(part, mapping)


def rename(part: Part, mapping: dict[Expr, Expr]) -> Part:
    """The part with its summed indices renamed."""
    if not mapping:
        return part
    moved = _substitute(Contribution(part.target, part.term, part.over, part.guards), mapping)
    return replace(part, term=moved.term, over=moved.domain, guards=moved.guards)
