"""Normal form: what it names, what it shares, and that nothing in it is a sum or function of an expression."""

import pytest
from sympy import Function, Sum

from grusym.calculus.bptt import step_program
from grusym.calculus.program import Guard
from grusym.equations.axis import Axis
from grusym.equations.cell import Cell
from grusym.equations.functions import NAMES
from grusym.equations.layer import Layer
from grusym.equations.names import cotangent_name, derived_names
from grusym.equations.tensor import is_access
from tests.calculus.named_cells import ALL, CONV, HEAD, cell_named


def normal_form(text: str) -> list[str]:
    return [str(node) for node in step_program(Layer(Cell.parse(text))).nodes]


@pytest.mark.parametrize("name", ALL)
def test_a_node_holds_no_sum_and_at_most_one_function_of_accesses(name):
    for node in step_program(Layer(cell_named(name))).nodes:
        assert not node.value.has(Sum), node
        if type(node.value) in NAMES:
            assert all(is_access(argument) or argument.is_number for argument in node.value.args), node
        else:
            assert not any(type(applied) in NAMES for applied in node.value.atoms(Function)), node


@pytest.mark.parametrize("name", ALL)
def test_names_are_used_once_and_clash_with_nothing_derived(name):
    cell = cell_named(name)
    program = step_program(Layer(cell))
    own = [derived for derived, _ in derived_names(cell.tensors, [state.name for state in cell.states])]
    added = [tensor for tensor in program.defined if tensor not in cell.tensors]
    words = [*own, *added, *map(cotangent_name, added)]
    assert len(set(added)) == len(added)
    assert set(own).isdisjoint(words[len(own) :])
    assert len(program.defined) == len(program.nodes)


def test_sums_are_named_after_what_they_sum():
    assert normal_form(HEAD + "h'[i] = tanh(W[i,j] x[j] + U[i,k] h[k] + A[k,k])") == [
        "a_h_next_h[i] = sum[k] U[i, k]*h[k]",
        "a_h_next_x[i] = sum[j] W[i, j]*x[j]",
        "a_h_next_sum = sum[k] A[k, k]",
        "a_h_next[i] = a_h_next_sum + a_h_next_h[i] + a_h_next_x[i]",
        "h'[i] = tanh(a_h_next[i])",
    ]


def test_a_product_at_the_same_indices_is_one_tensor_even_when_shifted():
    lines = normal_form(CONV + "r[c,p] = W[c,d,u] x[d,p+u]\n h'[c,p] = U[c,e,u] r[e,p+u-1] h[e,p+u-1]")
    assert lines[-2:] == [
        "h_r[e, p] = h[e, p]*r[e, p]",
        "h'[c, p] = sum[e,u] U[c, e, u]*h_r[e, p + u - 1]  where 0 <= p + u - 1 < P",
    ]


def test_a_product_that_an_equation_holds_is_read_in_the_order_of_its_axes():
    lines = normal_form(
        CONV
        + """r[c,p] = W[c,d,u] x[d,p+u]
        m[p,e] = r[e,p] h[e,p]
        h'[c,p] = U[c,e,u] r[e,p+u-1] h[e,p+u-1] + m[p,c]"""
    )
    assert lines[2] == "h_next_h_r[c, p] = sum[e,u] U[c, e, u]*m[p + u - 1, e]  where 0 <= p + u - 1 < P"


def test_a_value_spread_along_an_axis_does_not_stand_for_the_value():
    lines = normal_form(HEAD + "a[l,k] = tanh(h[k])\n h'[i] = U[i,k] tanh(h[k]) + a[i,i] + W[i,j] x[j]")
    assert lines[-3:-1] == ["tanh_h[k] = tanh(h[k])", "h_next_h[i] = sum[k] U[i, k]*tanh_h[k]"]


def test_a_shift_becomes_a_guard():
    assert normal_form(HEAD + "h'[i] = h[i+1] h[i] + W[i,j] x[j]") == [
        "h_at[i] = h[i + 1]  where 0 <= i + 1 < H",
        "h_next_x[i] = sum[j] W[i, j]*x[j]",
        "h'[i] = h[i]*h_at[i] + h_next_x[i]",
    ]


def test_a_guard_that_always_holds_is_known_as_such():
    h, i = Axis("H"), Axis("H").index("i")
    assert Guard(i, h.extent).always_holds
    assert Guard(i * 0, h.extent).always_holds
    assert not Guard(i + 1, h.extent).always_holds
    assert not Guard(i, Axis("I").extent).always_holds
    assert str(Guard(i - 1, h.extent)) == "0 <= i - 1 < H"
