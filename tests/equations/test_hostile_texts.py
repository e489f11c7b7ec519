"""No text brings anything but a cell or a CellError: no other exception, no hang, no infinite or complex constant."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sympy import Abs, I, Piecewise, nan, oo, zoo

from grusym.equations.cell import Cell
from grusym.equations.library import cell
from grusym.errors import CellError
from tests.equations.refusal import HEAD

# Pieces of the notation, and what a careless hand or another alphabet adds.
PIECES = [
    *"f ( ) [ ] , : = + - * / ^ -> ' # 0 1 2 9 1e300 1e-300 1e999999999 .5 9^9^9 h h' x W i j k l H I T B axes".split(),
    *"parameters sum[k]( tanh( exp( log( sqrt( max( h[k] x[j] h'[i] W[i,j] A[k,k] h[i+1] x[2*j-1] é ’ ²".split(),
    *"(-1)^(1/2) 0^-1 1/0 -9^9 ^(10^10) /(h[i]-h[i]) (((((((( \0 \ufeff \u2028".split(" "),
    *("\n", "\r\n", "\t", "\n# comment"),
]
SCALARS = [
    *"+-*/^()0129",
    "1e300",
    "H",
    "H-1",
    "i",
    "(i+1)",
    "sqrt(",
    "sum[k](k)",
    "h[i]",
    "zeta",
    "exp(",
    "log(",
    "tanh(",
    "^(1/2)",
    "^-1",
]
CELLS = [
    *(cell(spelling).text for spelling in ("gru", "gru:reset=before", "lstm", "rnn")),
    "f(x[d,p], h[c,p]) -> y[c], h'[c,p]\n axes d: D  c,e: C  p: P  u: K\n parameters W[c,d,u], b[c]\n"
    " y[c] = sum[p](h[c,p]) / P\n h'[c,p] = max(W[c,d,u] x[d,p+u-1] + b[c], zeta^2 h[c,p])",
]
DECAY = "f(h[k]) -> h'[k] axes k: H\n h'[k] = "

AXES = "f(h[k,a,b,c,d]) -> h'[k,a,b,c,d] axes k: H a: A b: B_ c: C d: D\n h'[k,a,b,c,d] = "


def assert_cell_or_error(text):
    try:
        parsed = Cell.parse(text)
    except CellError as refusal:
        error = refusal
    else:
        for equation in parsed.equations:
            assert str(equation)
            assert not equation.value.has(nan, oo, -oo, zoo, I, Piecewise, Abs), equation
        return
    assert error.message
    assert error.line == 0 or 1 <= error.line <= text.count("\n") + 1, error
    assert str(error)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map(" ".join))
@example("f(h[k]) -> h'[k] axes k: H " + "a, " * 30_000)
@example(DECAY + "h[k]" + "\n" * 90_000)
@example(DECAY + "(" + "\n" * 90_000)
@example(DECAY + "h[k] + " * 14_000)
@example(DECAY + "1/3 + 1/5 + 1/7 + 1/9 + 1/11 + " * 90 + "h[k]")
@example(DECAY + "1e300" + " 1e300" * 400)
@example(AXES + "h[k,a,b,c,d] / (1 + (A + B_ + C + D + k)^64)")
@example(AXES + "h[k,a,b,c,d] / (1 + (1 + (A + 2 D)^8)^8)")
@example(AXES + "h[k,a,b,c,d] log(A*B_*C*D - (A - B_ + C - D)^20)")
@example("(" * 99_999)
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_cell_or_a_cell_error(text):
    assert_cell_or_error(text)


@given(st.sampled_from(CELLS), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_a_damaged_cell_is_a_cell_or_a_cell_error(text, random: random.Random):
    for _ in range(random.randint(1, 3)):
        at, to = (random.randrange(len(text) + 1) for _ in range(2))
        removed, copied = random.randint(0, 4), text[min(at, to) : max(at, to)][:60]
        text = text[:at] + random.choice(["", copied, random.choice(PIECES)]) + text[at + removed :]
    assert_cell_or_error(text)


@given(st.lists(st.sampled_from(SCALARS)).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_any_expression_is_finite_and_real_or_refused(value):
    assert_cell_or_error(f"{HEAD}h'[i] = x[j] w[j] h[i] + {value}")


@pytest.mark.parametrize("function", ["tanh", "exp", "log", "cos", "erf", "softplus"])
@pytest.mark.parametrize(("before", "after"), [("(1 + f(", "))^(1/2)"), ("(f(", "))^(1/2)"), ("1/f(", ")")])
def test_nested_functions_come_back_in_time(function, before, after):
    # SymPy's own tanh took minutes.
    assert_cell_or_error(f"{HEAD}h'[i] = x[j] x[j] + {before.replace('f', function) * 5}h[i]{after * 5}")


def test_deep_brackets_take_no_longer_than_flat_ones():
    depth = 59  # each level once doubled the time
    assert_cell_or_error(f"{HEAD}h'[i] = x[j] x[j] + {'(' * depth}h[i]{' + b[i])^2' * depth}")
