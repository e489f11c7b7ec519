"""Which sizes equations leave out, and which operands no sizes make right."""

import pytest

from grusym.equations.axis import Axis
from grusym.equations.cell import Cell
from grusym.equations.condition import NONNEGATIVE, NONZERO, POSITIVE, Condition, nearest, unmet
from grusym.equations.library import BUILT_IN, cell
from grusym.errors import InputError
from tests.equations.refusal import assert_refused

HEAD = "f(x[p,q], h[p,q]) -> h'[p,q]  axes p, k: P  q: Q\nh'[p,q] = x[p,q] h[p,q] "
P, Q = Axis("P").extent, Axis("Q").extent
SOME = {"P": 1, "Q": 1}


def wanted(value: str) -> list[str]:
    return [str(condition) for condition in Cell.parse(f"{HEAD}+ {value}").conditions]


@pytest.mark.parametrize(
    ("value", "conditions"),
    [
        ("1/P", []),
        ("1/(Q-1)", ["Q != 1"]),
        ("2 q/(Q-1) - 1", ["Q != 1"]),
        ("2/(1-Q)", ["Q != 1"]),
        ("1/(3Q - 6)", ["Q != 2"]),
        ("1/(2Q - 1)", []),  # zero at a half only
        ("1/(Q/2 - 1)", ["Q != 2"]),
        ("1/((Q-1)*(P-2))", ["Q != 1", "P != 2"]),
        ("1/(Q-1)^2", ["Q != 1"]),
        ("(Q-1)^(-1/2)", ["Q - 1 > 0"]),
        ("1/(Q*Q - 4)", ["Q != 2"]),  # -2 is no size
        ("1/(Q*Q - 2)", []),  # no whole number
        ("1/(P - Q)", ["P - Q != 0"]),
        ("1/(P*Q - 2)", ["P*Q - 2 != 0"]),
        ("1/(1/(Q-1) - 1/2)", ["Q != 3", "Q != 1"]),
        ("1/sqrt(Q)", []),
        ("1/sqrt(Q-1)", ["Q - 1 > 0"]),
        ("sqrt(Q-3)", ["Q - 3 >= 0"]),
        ("(3-Q)^(1/2)", ["3 - Q >= 0"]),
        ("log(Q-1)", ["Q - 1 > 0"]),
        ("log(Q)", []),
        ("1/exp(Q)", []),
        ("1/(1 + sqrt(Q) + sigmoid(P))", []),
        ("tanh(sum[k](h[k,q] / (Q-1)))", ["Q != 1"]),  # inside functions and sums
        ("(Q-1)/(Q-1)", []),  # 1
        ("1/(p+1)", []),
        ("1/(P-p)", []),
        ("1/(p-P)", []),
        ("log(1+p) sqrt(p*q)", []),
        ("1/(P + p - q Q/(2 Q))", None),  # it may be zero, as far as signs tell
        ("1/(1 + h[p,q]^2)", []),  # values are not asked
        ("1/(P h[p,q] - 1)", []),
    ],
)
def test_conditions_follow_from_the_equations(value, conditions):
    if conditions is None:
        with pytest.raises(Exception, match="may be zero at some position"):
            wanted(value)
    else:
        assert wanted(value) == conditions


SOMEWHERE = "{0} may be {1} at some position, where this has no value; write what never is, as p + 1 never is zero"
UNDECIDED = (
    "it cannot be told for which sizes {0} is {1}, where this has no value; "
    "write it with sums, products and quotients of sizes"
)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1/»p", SOMEWHERE.format("p", "zero")),
        ("»p/p", None),  # 1, but 0/0 at the first position
        ("1/(»p - 1)", SOMEWHERE.format("p - 1", "zero")),
        ("1/(»p - q)", SOMEWHERE.format("p - q", "zero")),
        ("1/(»Q p)", SOMEWHERE.format("p", "zero")),
        ("p»^-1", SOMEWHERE.format("p", "zero")),
        ("p»^(-1/2)", SOMEWHERE.format("p", "zero or negative")),
        ("(p - 1)»^(1/2)", SOMEWHERE.format("p - 1", "negative")),
        ("»log(p)", SOMEWHERE.format("p", "zero or negative")),
        ("»sqrt(p - 1)", SOMEWHERE.format("p - 1", "negative")),
        ("1/»sqrt(p)", SOMEWHERE.format("p", "zero or negative")),
        ("»log(-Q)", "-Q is zero or negative for all sizes, so that this has no value"),
        ("»sqrt(-Q)", "-Q is negative for all sizes, so that this has no value"),
        ("1/(»sqrt(Q) - 1)", UNDECIDED.format("sqrt(Q) - 1", "zero")),
        ("1/(»exp(Q) - 3)", UNDECIDED.format("exp(Q) - 3", "zero")),
        ("1/(»sum[k](k) - 1)", None),
    ],
)
def test_an_operand_without_a_value_is_pointed_at(value, message):
    if message is None:
        with pytest.raises(Exception, match="where this has no value"):
            wanted(value.replace("»", ""))
    else:
        assert_refused(f"{HEAD}+ {value}", message)


def test_built_in_cells_with_conditions_are_those_that_see_coordinates():
    assert {name for name in BUILT_IN if cell(name).conditions} == {"coordconvgru"}
    assert [str(condition) for condition in cell("coordconvgru").conditions] == ["Q != 1", "P != 1"]


def condition(polynomial, relation=NONZERO) -> Condition:
    return Condition(polynomial, relation, "divide by something")


def test_a_condition_holds_where_it_says():
    for relation, values in ((NONZERO, [1, 0, 1]), (POSITIVE, [0, 0, 1]), (NONNEGATIVE, [0, 1, 1])):
        for polynomial in (Q - 2, Q - P - 1, 3 * Q - 6):
            one = condition(polynomial, relation)
            assert [one.holds({"P": 1, "Q": size}) for size in (1, 2, 3)] == values
            assert [one.opposite.holds({"P": 1, "Q": size}) for size in (1, 2, 3)] == [1 - v for v in values]


def test_only_conditions_on_known_sizes_are_asked():
    both = [condition(P - Q), condition(P - 1)]
    assert unmet(both, {"Q": 3}) is None
    assert unmet(both, {"P": 1}) is both[1]
    assert unmet(both, {"P": 2, "Q": 2}) is both[0]


@pytest.mark.parametrize(
    ("conditions", "sizes", "found"),
    [
        ([], SOME, SOME),
        ([condition(Q - 2)], SOME, SOME),
        ([condition(Q - 1)], SOME, {"P": 1, "Q": 2}),
        ([condition(Q - 1), condition(Q - 2), condition(P - 1)], SOME, {"P": 2, "Q": 3}),
        ([condition(Q - 4)], {"P": 1, "Q": 4}, {"P": 1, "Q": 5}),
        ([condition(Q - 4), condition(Q - 5)], {"P": 1, "Q": 4}, {"P": 1, "Q": 3}),
        ([condition(P - Q)], SOME, {"P": 2, "Q": 1}),
        ([condition(Q - 40, POSITIVE)], SOME, {"P": 1, "Q": 41}),
        ([condition(3 - Q, NONNEGATIVE)], {"P": 1, "Q": 6}, {"P": 1, "Q": 3}),
    ],
)
def test_the_nearest_sizes_are_found(conditions, sizes, found):
    assert nearest(sizes, conditions) == found


def test_fixed_sizes_stay_and_what_cannot_be_is_said():
    assert nearest(SOME, [condition(P - Q)], fixed=("P",)) == {"P": 1, "Q": 2}
    message = "the cell needs sizes with P != 1, and none near {'P': 1, 'Q': 1} are; scale its equations"
    with pytest.raises(InputError) as error:
        nearest(SOME, [condition(P - 1)], fixed=("P",))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("conditions", "sizes", "message"),
    [
        ("1/(Q-1)", SOME, "Q is 1, but the equations divide by Q - 1, which then has no value; the axis Q needs at "
                          "least 2 elements"),
        ("1/(Q-3)", {"Q": 3}, "Q is 3, but the equations divide by Q - 3, which then has no value; the axis Q needs "
                              "more or fewer elements than 3"),
        ("1/(P-Q)", SOME, "P is 1 and Q is 1, but the equations divide by P - Q, which then has no value; choose sizes "
                          "with P - Q != 0"),
        ("log(Q-1)", SOME, "Q is 1, but the equations take the logarithm of Q - 1, which then has no value; choose "
                           "sizes with Q - 1 > 0"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_where_and_what_to_do(conditions, sizes, message):
    (one,) = Cell.parse(f"{HEAD}+ {conditions}").conditions
    assert one.refusal(sizes) == message
