"""What a cell must be: every name known, every axis agreed, every state updated."""

import pytest

from grusym.equations.cell import Cell
from tests.equations.refusal import HEAD, assert_refused

H1 = "f(h[k]) -> h'[i] axes i, k: H\n"  # one state, no input


def clash(one: str, other: str, name: str) -> str:
    return f"tensors {one} and {other} would both need the name {name} in derived code; rename one"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # axes
        ("f(h[k]) -> h'[k] axes k: H »k: I\n h'[k] = 1", "index k has an axis already: H"),
        ("f(h[k]) -> h'[k] axes k: »T\n h'[k] = 1", "T belongs to the layer (time T, batch B); choose another name"),
        ("f(h[B]) -> h'[B] axes »B: H\n h'[B] = 1", "B belongs to the layer (time T, batch B); choose another name"),
        ("f(h[k]) -> h'[k] axes k: »tanh\n h'[k] = 1", "tanh is a reserved word; choose another name"),
        ("f(h[int]) -> h'[int] axes »int: H\n h'[int] = 1", "int is a reserved word; choose another name"),
        ("f(h[k]) -> h'[k] axes k: »H'\n h'[k] = 1", "H' is a reserved word; choose another name"),
        ("f(h[k]) -> h'[k] axes k: »H  H: H\n h'[k] = 1", "H is an index and an axis; rename one"),
        ("f(h[»q]) -> h'[k] axes k: H\n h'[k] = 1", "index q has no axis; add it to the axes clause, as in 'q: H'"),
        (
            H1 + "h'[i] = h[i]\n".replace("h'[i]", "h'[»q]"),
            "index q has no axis; add it to the axes clause, as in 'q: H'",
        ),
        ("f(h[»1]) -> h'[k] axes k: H\n h'[k] = 1", "a plain index is wanted here, as in h[k]"),
        ("f(h[»k+1]) -> h'[k] axes k: H\n h'[k] = 1", "a plain index is wanted here, as in h[k]"),
        ("f(h[»h[k]]) -> h'[k] axes k: H\n h'[k] = 1", "a plain index is wanted here, as in h[k]"),
        (H1 + "h'[»i+1] = h[i]", "a plain index is wanted here, as in h[k]"),
        ("f(h[k]) -> h'[k] axes k: H i: »P\n h'[k] = h[k]", "no tensor has the axis P"),
        # names
        ("»while(h[k]) -> h'[k] axes k: H\n h'[k] = 1", "while is a reserved word; choose another name for the cell"),
        ("»f'(h[k]) -> h'[k] axes k: H\n h'[k] = 1", "f' is a reserved word; choose another name for the cell"),
        (H1 + "h'[i] = h[i] + »i[k]", "i is an index; a tensor needs another name"),
        (H1 + "»i = 2\nh'[i] = h[i]", "i is an index; a tensor needs another name"),
        ("f(h[k], »k) -> h'[k] axes k: H\n h'[k] = h[k] + k", "k is an index; a tensor needs another name"),
        (H1 + "h'[i] = h[i] + »k_[i]", "k_ is an index; a tensor needs another name"),
        (H1 + "h'[i] = h[i] »tanh", "tanh is a reserved word; a tensor needs another name"),
        (H1 + "h'[i] = h[i] »lambda", "lambda is a reserved word; a tensor needs another name"),
        (H1 + "h'[i] = h[i] »static[i]", "static is a reserved word; a tensor needs another name"),
        (H1 + "h'[i] = h[i] »new[i]", "new is a reserved word; a tensor needs another name"),
        (H1 + "h'[i] = h[i] »pow[i]", "pow is a reserved word; a tensor needs another name"),
        (H1 + "h'[i] = h[i] »workspace[i]", "workspace is a reserved word; a tensor needs another name"),
        (H1 + "h'[i] = h[i] »y[i]", "y is a reserved word; a tensor needs another name"),
        (H1 + "h'[i] = h[i] »v_y[i]", "v_y is a reserved word; a tensor needs another name"),
        (
            "f(h[k]) -> h'[i], »np[i] axes i,k: H\n h'[i]=h[i]\n np[i]=1",
            "np is a reserved word; a tensor needs another name",
        ),
        (H1 + "h'[i] = h[i] »T", "T belongs to the layer (time T, batch B); a tensor needs another name"),
        (H1 + "h'[i] = h[i] »H[i]", "H is an axis; a tensor needs another name"),
        ("f(h[k], »H) -> h'[k] axes k: H\n h'[k] = h[k] H", "H is an axis; a tensor needs another name"),
        (H1 + "»H = 2\nh'[i] = h[i] H", "H is an axis; a tensor needs another name"),
        (H1 + "»sum[i] = h[i]", "sum is a reserved word; a tensor needs another name"),
        ("f(h[k]) -> »h'[k] axes k: H\n h_next[k] = h[k]\n h'[k] = h_next[k]", clash("h_next", "h'", "h_next")),
        ("f(»x[k], h[k]) -> h'[k] axes k: H\n dx[k] = x[k]\n h'[k] = h[k] dx[k]", clash("dx", "x", "dx")),
        ("f(»h[k]) -> h'[k] axes k: H\n h'[k] = h[k] + h0[k]", clash("h0", "h", "h0")),
        ("f(»h[k]) -> h'[k] axes k: H\n h'[k] = h[k] + dh_n[k]", clash("dh_n", "h", "dh_n")),
        ("f(»h[k]) -> h'[k] axes k: H\n h'[k] = h[k] + v_h[k]", clash("v_h", "h", "v_h")),
        (
            "f(»h[dh]) -> h'[dh] axes dh: H\n h'[dh] = h[dh]",
            "tensor h needs the name dh in derived code, which is an index; rename one",
        ),
        (
            "f(»h[k]) -> h'[k] axes k: h_n\n h'[k] = h[k]",
            "tensor h needs the name h_n in derived code, which is an axis; rename one",
        ),
        # the signature
        ("f(h[k], »h[k]) -> h'[k] axes k: H\n h'[k] = h[k]", "h stands here twice"),
        ("f(»x[k,k]) -> h'[k] axes k: H\n h'[k] = 1", "x has the same index twice; give each axis its own"),
        ("f(»h'[k]) -> h'[k] axes k: H\n h'[k] = 1", "h' is an update; it belongs behind '->'"),
        ("f(h[k]) -> h'[k], »h'[k] axes k: H\n h'[k] = 1", "h' stands in the signature twice"),
        ("f(h[k], x[k]) -> h'[k], »x[k] axes k: H\n h'[k] = 1", "x stands in the signature twice"),
        ("f(h[k]) -> h'[k], »c'[k] axes k: H\n h'[k] = 1", "c' updates c, which is not an argument of the cell"),
        (
            "f(x[k]) -> »y[k] axes k: H\n y[k] = x[k]",
            "no state is updated; a recurrent cell has a result with a prime, as in '-> h'[i]'",
        ),
        ("f(h[k]) -> »h'[k], q[k] axes k: H\n q[k] = h[k]", "h' is a result of the cell, but no equation defines it"),
        ("f(h[k]) -> h'[k], »h2[k] axes k: H\n h'[k] = h[k]", "h2 is a result of the cell, but no equation defines it"),
        (
            "f(h[k]) -> »h'[j] axes k: H  j: I\n h'[k] = h[k]",
            "h' has axes [I] in the signature and [H] in its equation",
        ),
        (
            "f(h[k]) -> »h'[j] axes k: H  j: I\n h'[j] = h[k] W[j,k]",
            "h' has axes [I], but the state h has [H]",
        ),
        # definitions
        (H1 + "r[i] = h[i]\n»r[i] = h[i]\nh'[i] = r[i]", "r is defined already, as intermediate"),
        (H1 + "»h[i] = 2", "h is defined already, as state"),
        ("f(x[k], h[k]) -> h'[k] axes k: H\n »x[k] = h[k]", "x is defined already, as input"),
        (H1 + "parameters W[i]\n»W[i] = h[i]\nh'[i] = W[i]", "W is defined already, as parameter"),
        (H1 + "h'[i] = »r[i]\nr[i] = h[i]", "r is used before the equation that defines it; reorder the equations"),
        (H1 + "r[i] = h[i] + »r[i]\nh'[i] = r[i]", "r is used in its own definition; only a state has a value before"),
        (H1 + "r[i] = »h'[i]\nh'[i] = r[i]", "h' is used before an equation defines it"),
        (H1 + "r[i] = »q'[i]\nh'[i] = r[i]", "q' is used before an equation defines it"),
        (H1 + "»q'[i] = h[i]", "q' is not in the cell's results; add it behind '->'"),
        (H1 + "»r[i,i] = h[i]\nh'[i] = h[i]", "r has the same index twice on the left"),
        # axes of accesses
        (H1 + "h'[i] = h[i] + »h[i,i]", "h has 1 axis [H], not 2"),
        (H1 + "h'[i] = h[i] + »h", "h has 1 axis [H], not 0"),
        (H1 + "h'[i] = zeta h[i] + »zeta[i]", "zeta has 0 axes [], not 1"),
        (HEAD + "h'[i] = W[i,j] x[j] + W[i,»k] h[k]", "index k runs over H, but this axis of W is I"),
        (HEAD + "h'[i] = x[j] x[j] + x[»i]", "index i runs over H, but this axis of x is I"),
        # parameters
        (H1 + "parameters W[i]\nh'[i] = W[i] h[i] + »b[i]", "b is not defined and not in the parameters clause"),
        (H1 + "parameters W[i], »W[i]\nh'[i] = W[i] h[i]", "W stands here twice"),
        (H1 + "parameters »W[i,i]\nh'[i] = W[i,i] h[i]", "W has the same index twice; give each axis its own"),
        # unused
        ("f(»x[j], h[k]) -> h'[k] axes j: I k: H\n h'[k] = h[k]", "x is never used; is another name misspelt?"),
        (
            "f(»x[j], h[k]) -> h'[k] axes j: I k: H\n h'[k] = h[k] + X[j] W[k,j]",
            "x is never used; is another name misspelt? (taken as parameters: X, W)",
        ),
        ("f(»h[k]) -> h'[k] axes k: H\n h'[k] = 1", "h is never used; is another name misspelt?"),
        (H1 + "»r[i] = h[i]\nh'[i] = h[i]", "r is never used; is another name misspelt?"),
        (H1 + "parameters »W[i]\nh'[i] = h[i]", "W is never used; is another name misspelt?"),
        # constants
        (H1 + "h'[i] = h[i] + 1/»0", "this divides by zero"),
        (H1 + "h'[i] = h[i] + 1/(»0)", "this divides by zero"),
        (H1 + "h'[i] = 1/(»h[i] - h[i])", "this divides by zero"),
        (H1 + "h'[i] = h[i]/»sum[k](h[k] - h[k])", "this divides by zero"),
        (H1 + "h'[i] = h[i] 0»^-1", "this divides by zero"),
        (H1 + "h'[i] = h[i] (H - H)»^(-1/2)", "this divides by zero"),
        (H1 + "h'[i] = h[i] (sin(1)^2 + cos(1)^2 - 1)»^-1", "this divides by zero"),
        (H1 + "h'[i] = h[i] (-2)»^(1/2)", "-2 is negative and has no real power 1/2"),
        (H1 + "h'[i] = h[i] (1-exp(1))»^(1/2)", "1 - E is negative and has no real power 1/2"),
        (H1 + "h'[i] = h[i] »log(0)", "log of 0 is not a real number"),
        (H1 + "h'[i] = h[i] »log(-1)", "log of -1 is not a real number"),
        (H1 + "h'[i] = h[i] »sqrt(-1)", "sqrt of -1 is not a real number"),
        (H1 + "h'[i] = h[i] »exp(1e9)", "exp of a constant takes one between -700 and 700"),
        (H1 + "h'[i] = exp(exp(»exp(exp(9))))", "exp of a constant takes one between -700 and 700"),
        (H1 + "h'[i] = h[i]»^(9^9)", "an exponent must be a whole number or fraction up to 64, not 387420489"),
        (
            H1 + "h'[i] = h[i]»^(10^20)",
            "an exponent must be a whole number or fraction up to 64, not 100000000000000000000",
        ),
        (H1 + "h'[i] = h[i]^(9»^(9^9))", "an exponent must be a whole number or fraction up to 64, not 387420489"),
        (H1 + "h'[i] = h[i]»^(1/97)", "an exponent must be a whole number or fraction up to 64, not 1/97"),
        (H1 + "h'[i] = h[i]»^H", "an exponent must be a whole number or fraction up to 64, not H"),
        (H1 + "h'[i] = h[i]»^zeta", "an exponent must be a whole number or fraction up to 64, not zeta"),
        (H1 + "h'[i] = h[i] 1e300»^64", "a constant here is too large or too small for a double"),
        (H1 + "h'[i] = »h[i]" + " 1e300" * 400, "a constant here is too large or too small for a double"),
    ],
)
def test_a_cell_that_is_none_is_refused(text, message):
    assert_refused(text, message)


def test_a_gate_may_be_called_like_an_index_elsewhere_and_indices_like_time_and_batch():
    text = "f(x[t], h[b]) -> h'[b]  axes t: I  b: H\n i[b] = W[b,t] x[t]\n h'[b] = i[b] h[b]"
    assert [tensor.name for tensor in Cell.parse(text).intermediates] == ["i"]


def test_roles_axes_and_letters():
    text = """f(x[j], h[k], s) -> q[o], s', h'[i]  axes j: I  i, k: H  o: O
        s'    = s + A[k,k] x[j] x[j]
        q[o]  = Q[o,i] h[i]
        h'[i] = h[i] s' + 1/H"""
    cell = Cell.parse(text)
    assert [tensor.name for tensor in cell.inputs] == ["x"]
    assert [(state.tensor.name, state.update.name) for state in cell.states] == [("h", "h'"), ("s", "s'")]
    assert [tensor.name for tensor in cell.outputs] == ["q"]
    assert [tensor.name for tensor in cell.parameters] == ["A", "Q"]
    assert [axis.name for axis in cell.axes] == ["I", "H", "O"]
    assert cell.tensors["s"].axes == ()
    assert [str(tensor.element) for tensor in cell.parameters] == ["A[k, i]", "Q[o, i]"]  # A's own indices are distinct


def test_a_diagonal_with_one_index_to_its_axis_gets_a_second():
    text = "f(h[k]) -> h'[k] axes k: H\n h'[k] = h[k] A[k,k]"
    (diagonal,) = Cell.parse(text).parameters
    assert diagonal.letters == ("k", "k_")


def test_declared_parameters_give_axes_that_cannot_be_read_off():
    text = "f(h[p]) -> h'[p] axes p: P  u: K\n parameters w[u]\n h'[p] = w[2-u] h[p+u]"
    (w,) = Cell.parse(text).parameters
    assert (w.letters, str(Cell.parse(text).equations[0].value)) == (("u",), "Sum(h[p + u]*w[2 - u], (u, 0, K - 1))")


def test_a_cell_prints_as_it_was_written():
    text = "f(h[p]) -> h'[p]  axes p: P\n    h'[p] = w[p] h[p]  # decay"
    assert str(Cell.parse(f"\n{text}\n")) == text
