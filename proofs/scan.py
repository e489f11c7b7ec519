"""Theorem: a parallel scan equals the recurrence, from any initial state. Level: exact, all T.

The recurrence h'[t] = a[t] h'[t-1] + c[t] composes maps (a, c): h -> a h + c. Two facts are proven as identities of
polynomials. Composition of the pairs is composition of the maps, and it is associative. And one round of the scan, in
which (a, c) at t is composed with (a, c) at t - 2^n, takes windows of length 2^n that end at t to windows of length
2^(n+1). With the initial state in the first term, windows that reach before the first step are multiplied by zero. So
by induction on n, after the first n with 2^n >= T, c at t is h'[t].
"""

from sympy import Expr, expand, symbols

Pair = tuple[Expr, Expr]


def applied(pair: Pair, h: Expr) -> Expr:
    """What a map makes of a state."""
    factor, term = pair
    return factor * h + term


def composed(later: Pair, earlier: Pair) -> Pair:
    """The pair of the map that applies `earlier`, then `later`: what grusym.runtime.scan computes in a round."""
    return later[0] * earlier[0], later[0] * earlier[1] + later[1]


def differences() -> dict[str, Expr]:
    """Each statement as left side minus right side: all are zero."""
    h, *letters = symbols("h a1 c1 a2 c2 a3 c3")
    one, two, three = (tuple(letters[n : n + 2]) for n in (0, 2, 4))
    left, right = composed(three, composed(two, one)), composed(composed(three, two), one)
    started = composed(one, (0, h))
    return {
        "composition of pairs is composition of maps": expand(
            applied(composed(two, one), h) - applied(two, applied(one, h))
        ),
        "factors of three steps do not depend on the order": expand(left[0] - right[0]),
        "terms of three steps do not depend on the order": expand(left[1] - right[1]),
        "with the initial state in its term the first map no longer reads a state": expand(started[0]),
        "and its term is the first state": expand(started[1] - applied(one, h)),
    }


if __name__ == "__main__":
    for statement, difference in differences().items():
        print(f"{statement}: {'proven' if difference == 0 else f'REFUTED, off by {difference}'}")
