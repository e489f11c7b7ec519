"""Bugs in the equations: a cell that says another thing than PyTorch's module of its name."""

import pytest

from grusym.equations.cell import Cell
from grusym.equations.library import cell
from grusym.verify.run import verify
from tests.mutation.planting import assert_caught, replaced

BUGS = {
    "gru: flipped update polarity": ("gru", "(1 - z[i]) n[i] + z[i] h[i]", "z[i] n[i] + (1 - z[i]) h[i]"),
    "gru: recurrent candidate bias dropped": ("gru", "h[k] + c_n[i]", "h[k] + 0 c_n[i]"),
    "gru: recurrent candidate bias outside the reset": (
        "gru",
        "u[i]  = U_n[i,k] h[k] + c_n[i]",
        "u[i]  = U_n[i,k] h[k]",
    ),
    "gru: reset before the product": ("gru", "U_n[i,k] h[k]", "U_n[i,k] (r[k] h[k])"),
    "gru: candidate squashed by a sigmoid": ("gru", "tanh(", "sigmoid("),
    "gru: recurrent weights transposed": ("gru", "U_z[i,k]", "U_z[k,i]"),
    "gru: old state left out": ("gru", "z[i] h[i]", "z[i] n[i]"),
    "gru: input bias subtracted": ("gru", "+ b_n[i]", "- b_n[i]"),
    "lstm: forget and input exchanged": ("lstm", "f[k] c[k] + i[k] g[k]", "i[k] c[k] + f[k] g[k]"),
    "lstm: output reads the old state": ("lstm", "tanh(c'[k])", "tanh(c[k])"),
    "lstm: output not squashed": ("lstm", "o[k] tanh(c'[k])", "o[k] c'[k]"),
    "rnn: recurrent weights transposed": ("rnn", "U[i,k]", "U[k,i]"),
    "rnn: another activation": ("rnn", "tanh(", "relu("),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_in_the_equations_is_caught(bug):
    name, old, new = BUGS[bug]
    text = replaced(cell(name).text, old, new)
    if bug == "gru: recurrent candidate bias outside the reset":
        text = replaced(text, "r[i] u[i]", "c_n[i] + r[i] u[i]")
    mutant = Cell.parse(text)
    report = verify(mutant, targets=("numpy",), dtypes=("float64",), examples=3, convention="torch")
    assert_caught(report, {"torch-forward", "torch-gradient"})


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn"])
def test_the_equations_as_they_are_pass(name):
    same = Cell.parse(cell(name).text)
    assert verify(same, targets=("numpy",), dtypes=("float64",), examples=3, convention="torch").ok
