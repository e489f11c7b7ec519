"""The grammar: what is read, and where a text outside it is refused."""

import pytest

from grusym.equations.cell import Cell
from grusym.equations.parser import MAX_CALLS, MAX_DEPTH, MAX_LENGTH
from grusym.equations.tokens import MAX_CHARACTERS
from tests.equations.refusal import HEAD, assert_refused, equation_of, refused

RNN = "rnn(x[j], h[k]) -> h'[i]  axes j: I  i, k: H\n  h'[i] = tanh(W[i,j] x[j] + U[i,k] h[k])\n"


def same_but_text(one: str, other: str) -> bool:
    first, second = Cell.parse(one), Cell.parse(other)
    return (first.equations, first.tensors, first.axes) == (second.equations, second.tensors, second.axes)


@pytest.mark.parametrize(
    "text",
    [
        RNN.replace("\n", "\r\n"),
        RNN.rstrip("\n"),
        RNN.replace(" ", "\t"),
        "\n\n# a comment\n" + RNN + "\n# the end",
        RNN.replace("\n", "  # comment: h'[i] = 1\n"),
        RNN.replace(") -> ", ")\n-> ").replace("axes", "\n\naxes").replace("I  i", "I\n i"),
        RNN.replace("i, k:", "i,\n k:"),
        RNN.replace("(x[j], h[k])", "(\n x[j],\n h[k]\n)"),
        RNN.replace(" + ", " +\n\n   # carried on\n  ").replace("tanh(", "tanh(\n"),
        RNN.replace("[i,j]", "[i ,\n j]"),
        RNN.replace(" x[j] +", " * x[j] +"),
        RNN.replace(" x[j] +", "x[j]+"),
    ],
)
def test_layout_means_nothing(text):
    assert same_but_text(text, RNN)


def test_an_operator_at_the_end_of_a_line_carries_the_equation_on():
    text = HEAD + "h'[i] = W[i,j] *\n x[j] -\n h[i] /\n 2"
    assert str(Cell.parse(text).equations[0]) == "h'[i] = -h[i]/2 + Sum(W[i, j]*x[j], (j, 0, I - 1))"


def test_results_may_stand_on_several_lines():
    text = "f(x[i], h[i], c[i]) -> h'[i],\n  c'[i] axes i: H\nc'[i] = c[i] + x[i]\nh'[i] = h[i] c'[i]"
    assert [state.name for state in Cell.parse(text).states] == ["h", "c"]


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("2 h[i]", "2*h[i]"),
        ("2h[i]", "2*h[i]"),
        ("1/2 h[i]", "h[i]/2"),
        ("h[i]/2/4", "h[i]/8"),
        ("h[i]/(2/4)", "2*h[i]"),
        ("1.5e1 h[i] + .5 + 1.", "15*h[i] + 3/2"),
        ("-h[i]^2", "-h[i]**2"),
        ("(-h[i])^2", "h[i]**2"),
        ("h[i]^-2", "h[i]**(-2)"),
        ("h[i]^(1/2)", "sqrt(h[i])"),
        ("2^-1 h[i]", "h[i]/2"),
        ("(1 - h[i]) (1 + h[i])", "(1 - h[i])*(h[i] + 1)"),
        ("- h[i] + 1", "1 - h[i]"),
        ("h[i]/H", "h[i]/H"),
        ("zeta h[i]", "zeta*h[i]"),
        ("max(h[i], 0)", "max(h[i], 0)"),
        ("abs(h[i])", "abs(h[i])"),
        ("zeta * (1 + h[i])", "zeta*(h[i] + 1)"),
    ],
)
def test_operators(value, meaning):
    printed = equation_of(value).replace("maximum", "max").replace("absolute", "abs")
    assert printed == meaning


OPEN = "'(' after the cell's name"
GOES_ON = "expected an equation (one goes on where a line ends with an operator, or inside brackets), found '+'"
ATOM = "expected a number, a tensor, a function or '(', found "
UNKNOWN = (
    "unknown function arctan; known are abs, cos, erf, exp, log, max, min, relu, sigmoid, sin, softplus, sqrt, step, "
    "tanh (a product with a bracket is written arctan * (...))"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "»",
            "expected the cell's name, as in 'gru(x[j], h[k]) -> h'[i]  axes j: I  i, k: H', found the end of the text",
        ),
        (
            "# only a comment»",
            "expected the cell's name, as in 'gru(x[j], h[k]) -> h'[i]  axes j: I  i, k: H', found the end of the text",
        ),
        ("f »[", f"expected {OPEN}, found '['"),
        ("f(») -> h'[i]", "expected a tensor, as in h[k], found ')'"),
        ("f(x[j] »h[k])", "expected ')', found 'h'"),
        ("f(x[j],»", "expected a tensor, as in h[k], found the end of the text"),
        ("f(h[k]) »= h'[i]", "expected '->' and what the cell updates, found '='"),
        (
            "f(h[k]) -> h'[k] »axis k: H",
            "expected 'axes' and the extent of every index, as in 'axes j: I  i, k: H', found 'axis'",
        ),
        ("f(h[k]) -> h'[k] axes »: H", "expected an index, found ':'"),
        ("f(h[k]) -> h'[k] axes k »H", "expected ':' and the axis of the index, found 'H'"),
        ("f(h[k]) -> h'[k] axes k, »: H", "expected an index, found ':'"),
        ("f(h[k]) -> h'[k] axes k: »4", "expected the name of an axis, such as H, found '4'"),
        (
            "f(h[k]) -> h'[k] axes k: H\n»",
            "expected an equation, as in 'r[i] = sigmoid(W_r[i,j] x[j])', found the end of the text",
        ),
        (HEAD + "»+ h[i]", GOES_ON),
        (HEAD + "h'[i] »h[i]", "expected '=' after h', found 'h'"),
        (HEAD + "h'[i] = »", ATOM + "the end of the text"),
        (HEAD + "h'[i] = »\n h[i]", ATOM + "the end of the line"),
        (HEAD + "h'[i] = h[i] + »", ATOM + "the end of the text"),
        (HEAD + "h'[i] = h[i]\n »+ h[k]", GOES_ON),
        (HEAD + "h'[i] = h[i] * »* 2", "expected a factor (a power is written a^2), found '*'"),
        (HEAD + "h'[i] = h[i] + »- 2", ATOM + "'-'"),
        (HEAD + "h'[i] = 2^3»^4", "expected an operator or the end of the equation, found '^'"),
        (HEAD + "h'[i] = 2^-»-4", ATOM + "'-'"),
        (HEAD + "h'[i] = (h[i]»", "expected ')', found the end of the text"),
        (HEAD + "h'[i] = h[i]»)", "expected an operator or the end of the equation, found ')'"),
        (HEAD + "h'[i] = h[i»)", "expected ']', found ')'"),
        (HEAD + "h'[i] = h[»]", ATOM + "']'"),
        (HEAD + "h'[i] = h[i] »= 2", "expected an operator or the end of the equation, found '='"),
        (HEAD + "h'[i] = sum»(h[k])", "expected '[' and the summed indices, as in sum[k](...), found '('"),
        (HEAD + "h'[i] = sum[»](h[k])", "expected an index, found ']'"),
        (HEAD + "h'[i] = sum[k,»2](h[k])", "expected an index, found '2'"),
        (HEAD + "h'[i] = sum[k] »h[k]", "expected '(' after sum[...], found 'h'"),
        (HEAD + "h'[i] = »tanh(h[i], 2)", "tanh takes 1 argument, not 2"),
        (HEAD + "h'[i] = »max(h[i])", "max takes 2 arguments, not 1"),
        (HEAD + "h'[i] = tanh(»)", ATOM + "')'"),
        (HEAD + "h'[i] = »arctan(h[i])", UNKNOWN),
        (HEAD + "h'[i] = h[i] »? 2", "the character '?' is not part of the notation"),
        (HEAD + "h'[i] = W »· h[i]", "the character '·' is not part of the notation"),
        (HEAD + "h'[i] = »σ(h[i])", "the character 'σ' is not part of the notation"),
        (HEAD + "h'[i] = »٣", "the character '٣' is not part of the notation"),
        (HEAD + "h'[i] = »_a", "the character '_' is not part of the notation"),
        (HEAD + "h'»'[i] = 1", """the character "'" is not part of the notation"""),
        (HEAD + "\t h'[i] =\t»;", "the character ';' is not part of the notation"),
        ("f(h[k])\r\n-> h'[k]\r\naxes »=", "expected an index, found '='"),
        (HEAD + f"h'[i] = »{'9' * 41}", "a number has at most 40 digits and an exponent up to 300"),
        (HEAD + "h'[i] = »1e99999", "a number has at most 40 digits and an exponent up to 300"),
        (HEAD + "h'[i] = »1e999", "1e999 is too large or too small for a double"),
        (HEAD + "h'[i] = »1e-301", "1e-301 is too large or too small for a double"),
    ],
)
def test_a_text_outside_the_grammar_is_refused_where_it_leaves_it(text, message):
    assert_refused(text, message)


def test_nesting_and_length_have_limits():
    deep = "(" * MAX_DEPTH
    assert equation_of(deep[1:] + "h[i]" + ")" * (MAX_DEPTH - 1)) == "h[i]"
    assert_refused(f"{HEAD}h'[i] = {deep}(»h[i]", f"more than {MAX_DEPTH} brackets are open")
    calls = "sigmoid(" * MAX_CALLS
    assert equation_of(f"{calls}h[i]{')' * MAX_CALLS}").count("sigmoid") == MAX_CALLS
    assert_refused(
        f"{HEAD}h'[i] = {calls}»tanh(h[i])",
        f"more than {MAX_CALLS} functions stand inside each other; give an inner one an equation of its own",
    )
    assert_refused(f"{HEAD}h'[i] = »h[i]{'+1' * MAX_LENGTH}", f"a sum has at most {MAX_LENGTH} terms")
    assert_refused(f"{HEAD}h'[i] = »h[i]{' 1' * MAX_LENGTH}", f"a product has at most {MAX_LENGTH} factors")
    error = refused(RNN + " " * MAX_CHARACTERS)
    assert error.message == f"the cell's text has {len(RNN) + MAX_CHARACTERS} characters; at most 100000 are read"


def test_a_function_beside_another_is_not_inside_it():
    assert equation_of(" + ".join(f"{n} tanh(h[i])" for n in range(10))) == "45*tanh(h[i])"


def test_an_error_names_the_file_and_shows_the_line():
    error = refused("f(h[k]) -> h'[k]\n  axes k H")
    assert str(error) == "<cell>:2:10: expected ':' and the axis of the index, found 'H'\n    axes k H\n           ^"


CONV = "f(x[p], h[p]) -> h'[p]  axes p: P  u: K\n parameters W[u]\n h'[p] = h[p] + "


def test_floor_takes_a_quotient_of_sizes_in_an_index():
    value = Cell.parse(f"{CONV}W[u] x[p+u-floor((K-1)/2)]").equations[0].value
    assert str(value) == "h[p] + Sum(W[u]*x[-floor(K/2 - 1/2) + p + u], (u, 0, K - 1))"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("W[u] x[p+u-»floor((K-2)/2)]", "floor is taken of what may be negative: K/2 - 1"),
        ("W[u] x[p+»floor(u/2)]", "floor takes sizes and numbers, no index"),
        ("W[u] x[p+u] »floor(K/2)", "floor stands in index expressions only, as in x[p+u-floor((K-1)/2)]"),
        ("W[u] x[p+u] »floor[p]", "floor is a reserved word; a tensor needs another name"),
    ],
)
def test_floor_is_refused_elsewhere(value, message):
    assert_refused(CONV + value, message)
