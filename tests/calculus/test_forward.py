"""Forward mode: a JVP is a cell like any other. Its numbers are judged in test_reverse.py, with those of the VJP."""

import pytest
from sympy import Function

from grusym.calculus.derivation import derive
from grusym.calculus.forward import tangent, tangent_cell
from grusym.equations.cell import Cell
from grusym.equations.tensor import access
from grusym.errors import DerivativeError
from tests.calculus.named_cells import HEAD, cell_named


def test_a_jvp_is_a_cell_that_carries_tangents():
    jvp = tangent_cell(cell_named("rnn"))
    assert [tensor.name for tensor in jvp.inputs] == ["x", "v_x"]
    assert [(state.name, state.update.name) for state in jvp.states] == [("h", "h'"), ("v_h", "v_h'")]
    assert [tensor.name for tensor in jvp.outputs] == ["v_y"]
    assert {tensor.name for tensor in jvp.parameters} == {
        name for parameter in cell_named("rnn").parameters for name in (parameter.name, f"v_{parameter.name}")
    }


def test_outputs_give_way_to_their_tangents():
    jvp = tangent_cell(cell_named("explicit outputs"))
    assert [tensor.name for tensor in jvp.outputs] == ["v_y"]
    assert "y" in [tensor.name for tensor in jvp.intermediates]


def test_a_saved_value_is_used_where_it_is_defined_and_not_before():
    cell = Cell.parse(HEAD + "r[i] = tanh(h[i])\n s[i] = tanh(h[i])\n h'[i] = r[i] s[i] + W[i,j] x[j]")
    equations = [str(equation) for equation in tangent_cell(cell).equations]
    assert equations[1] == "v_r[i] = (1 - r[i]**2)*v_h[i]"
    assert equations[3] == "v_s[i] = (1 - r[i]**2)*v_h[i]"


def test_a_jvp_can_be_derived_again():
    again = tangent_cell(tangent_cell(Cell.parse(HEAD + "h'[i] = W[i,j] x[j] h[i]")))
    assert "v_v_h'" in again.tensors


@pytest.mark.parametrize("mode", [tangent_cell, derive])
def test_a_function_without_a_rule_is_named(mode):
    cell = Cell.parse(HEAD + "h'[i] = step(h[i]) + W[i,j] x[j]")
    with pytest.raises(DerivativeError) as caught:
        mode(cell)
    assert str(caught.value).startswith(
        "step has no derivative rule, so step(h[i]) cannot be differentiated; functions"
    )


def test_an_expression_without_a_rule_is_named():
    with pytest.raises(DerivativeError, match=r"gamma has no derivative rule, so gamma\(a\) cannot"):
        tangent(Function("gamma")(access("a", ())), {})
    with pytest.raises(DerivativeError, match=r"StrictLessThan has no rule in forward mode: a < b"):
        tangent(access("a", ()) < access("b", ()), {})
