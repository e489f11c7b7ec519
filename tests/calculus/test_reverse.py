"""Reverse mode against complex steps through the equations as they are written; and bugs that must not pass."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from sympy import Dummy, Idx, Integer

from grusym.calculus import forward, reverse, rules, transpose
from grusym.calculus.derivation import derive
from grusym.calculus.program import Guard
from grusym.equations.axis import extent_of
from grusym.equations.cell import Cell
from grusym.equations.functions import tanh
from grusym.equations.tensor import accesses
from tests.calculus.judge import arguments, assert_derivation, assert_vjp, random_arrays, some_sizes
from tests.calculus.named_cells import ALL, cell_named
from tests.calculus.random_cells import cells


@pytest.mark.parametrize("name", ALL)
def test_what_is_derived_is_true(name):
    assert_derivation(cell_named(name))


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 3, 1, 2), (4, 1, 3, 1), (2, 5, 2, 5)])
@pytest.mark.parametrize("name", ["gru:reset=before", "lstm", "conv", "strided", "trace", "shifts of products"])
def test_sizes_may_be_anything(name, sizes):
    assert_derivation(cell_named(name), *sizes)


@given(cells())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_cells(cell: Cell):
    assert_derivation(cell)


def test_the_recurrent_products_of_the_gru_share_one_sum():
    vjp = derive(cell_named("gru")).vjp
    sums = [str(node) for node in vjp.nodes if node.tensor.startswith("dh") and node.over]
    assert sums == ["dh_sum[k] = sum[i] U_n[i, k]*du[i] + U_r[i, k]*da_r[i] + U_z[i, k]*da_z[i]"]


def test_derivatives_are_read_off_saved_values():
    lines = str(derive(cell_named("gru")).vjp).splitlines()
    assert "da_n[i] = (1 - n[i]**2)*dn[i]" in lines
    assert "da_r[i] = (1 - r[i])*dr[i]*r[i]" in lines


def test_what_nothing_depends_on_has_the_gradient_zero():
    cell = Cell.parse("f(x[i], h[i]) -> h'[i] axes i: H\n r[i] = 0 x[i] w[i]\n h'[i] = h[i] + r[i]")
    assert [str(node) for node in derive(cell).vjp.nodes] == ["dx[i] = 0", "dh[i] = dh'[i]", "dw[i] = 0"]


def test_a_piece_of_a_sum_takes_no_name_of_another_cotangent():
    # dr is a sum of unlike pieces, and the forward pass has a tensor r_sum: two nodes were called dr_sum.
    text = """f(x[j], h[k]) -> h'[i]  axes j: I  i, k: H
        r[i]  = A[k,k] + b[i] x[j] w[j]
        h'[i] = r[i] h[i] + U[k,i] r[k] + sum[k](r[i+1] h[k])"""
    assert_derivation(Cell.parse(text))


# Tests of the tests: each planted bug must be found.


def assert_found(name: str) -> None:
    random, cell = np.random.default_rng(0), cell_named(name)
    sizes = some_sizes(cell)
    given = random_arrays(arguments(cell), sizes, random)
    with pytest.raises(AssertionError):
        assert_vjp(derive(cell), given, sizes, random)


def test_a_wrong_tanh_is_found(monkeypatch):
    monkeypatch.setitem(rules.RULES, tanh, lambda y, a: ((1 - y) ** 2,))
    assert_found("gru")


def test_a_wrong_tanh_is_found_although_forward_mode_shares_it(monkeypatch):
    monkeypatch.setitem(rules.RULES, tanh, lambda y, a: (1 - y,))
    with pytest.raises(AssertionError, match="off by"):
        assert_derivation(cell_named("rnn"))


@pytest.mark.parametrize("name", ["gru", "lstm", "layer_norm"])
def test_a_dropped_contribution_is_found(monkeypatch, name):
    grouped = reverse._grouped
    monkeypatch.setattr(reverse, "_grouped", lambda parts: grouped(parts[:-1] if len(parts) > 2 else parts))
    assert_found(name)


def test_a_flipped_access_map_is_found(monkeypatch):
    solve = transpose._solve

    def flipped(indices, own, domain):
        square = len(own) == 2 and extent_of(own[0]) == extent_of(own[1])
        return solve(indices[::-1] if square else indices, own, domain)

    monkeypatch.setattr(transpose, "_solve", flipped)
    assert_found("rnn")


def test_an_index_that_stays_behind_as_a_number_when_its_access_is_transposed_is_found(monkeypatch):
    substitute = transpose._substitute_indices

    def accesses_only(term, mapping):
        elements = {element: Dummy() for element in accesses(term)}
        moved = {new: substitute(old, mapping) for old, new in elements.items()}
        return term.xreplace(elements).xreplace(moved)

    monkeypatch.setattr(transpose, "_substitute_indices", accesses_only)
    assert_found("indices as numbers")


def test_a_slope_of_an_index_in_forward_mode_is_found(monkeypatch):
    tangent = forward.tangent
    monkeypatch.setattr(forward, "tangent", lambda e, known: Integer(1) if isinstance(e, Idx) else tangent(e, known))
    with pytest.raises(AssertionError, match="tangent of"):
        assert_derivation(cell_named("indices as numbers"))


def test_a_shift_the_wrong_way_is_found(monkeypatch):
    solve = transpose._solve

    def wrong(indices, own, domain):
        solution = solve(indices, own, domain)
        return solution and {index: value.subs(1, -1) if value.args else value for index, value in solution.items()}

    monkeypatch.setattr(transpose, "_solve", wrong)
    assert_found("conv")


@pytest.mark.parametrize("change", [0, 1, -1])
def test_a_wrong_guard_is_found(monkeypatch, change):
    def guard(index, extent):
        return Guard(index, extent + change) if change else Guard(extent * 0, extent)  # 0: one that always holds

    monkeypatch.setattr(transpose, "Guard", guard)
    assert_found("conv")


def test_a_wrong_product_rule_in_forward_mode_is_found(monkeypatch):
    tangent = forward.tangent
    monkeypatch.setattr(forward, "tangent", lambda expression, known: 2 * tangent(expression, known))
    with pytest.raises(AssertionError, match="tangent of"):
        assert_derivation(cell_named("rnn"))
