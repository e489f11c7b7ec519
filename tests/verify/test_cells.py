"""A user's own cells, and built-in ones that PyTorch does not have, go the whole way without a line of Python."""

from itertools import product
from pathlib import Path

import pytest

from grusym.equations.library import BUILT_IN, cell
from grusym.lower.lowered import lower
from grusym.verify.judge import gather_evidence
from grusym.verify.problem import some_sizes
from grusym.verify.run import compare, verify
from grusym.verify.subject import subject

CELLS = sorted((Path(__file__).parents[1] / "cells").glob("*.cell"))
OTHERS = ["gru:reset=before,update=write,biases=one", "lstm:peephole=yes,projection=yes"]
OTHERS += ["mgu", "mgu:reset=after,update=keep,biases=two", "mingru:candidate=positive", "ligru"]
OTHERS += ["augru", "augru:reset=before,update=write", "gru_d", "fastgrnn", "lngru", "convgru", "sepconvgru"]
OTHERS += ["coordconvgru", "coordconvgru:norm=none"]


@pytest.mark.parametrize("name", [*map(str, CELLS), *OTHERS], ids=lambda name: Path(name).stem)
def test_it_is_derived_generated_built_and_verified(name):
    report = verify(cell(name), examples=2)
    assert report.ok
    verdicts = {(check.target, check.dtype, check.id): check.verdict for check in report.checks}
    for (_, _, check), verdict in verdicts.items():
        assert verdict == ("inapplicable" if check.startswith("torch-") else "passed"), check
    assert {key[:2] for key in verdicts} == set(product(("numpy", "c"), ("float64", "float32")))


@pytest.mark.parametrize("name", [*BUILT_IN, *map(str, CELLS)], ids=lambda name: Path(name).stem)
def test_it_is_verified_with_zoneout_and_a_mask(name):
    """What a transformation makes goes the same way; PyTorch has no module for it."""
    report = verify(f"{name}:zoneout=train,mask=zero", ("numpy",), ("float64",), examples=2)
    assert {check.id: check.verdict for check in report.checks} == {
        "runs": "passed",
        **dict.fromkeys(("torch-forward", "torch-gradient"), "inapplicable"),
        **dict.fromkeys(("equations", "numerical-gradient", "interpreter", "adjointness"), "passed"),
    }


@pytest.mark.parametrize("name", ["gru:mask=zero", "rnn:mask=hold", "lstm:zoneout=inference_c", "rnn:zoneout=train"])
def test_a_transformed_cell_is_verified_in_every_target(name):
    report = verify(name, examples=3)
    assert report.ok
    assert {check.verdict for check in report.checks} == {"passed", "inapplicable"}


def test_there_are_cells_of_a_user():
    assert {path.stem for path in CELLS} >= {"peephole_lstm", "three_states", "conv", "layer_norm", "position_gate"}


def test_only_sizes_at_which_the_equations_have_values_are_drawn(tmp_path):
    """Each size is 1 in one of the problems that are drawn for a cell that has values there."""
    path = tmp_path / "one.cell"
    path.write_text("one(x[i], h[i]) -> h'[i]  axes i: H\n  h'[i] = tanh(x[i] + i/(H-1) h[i]) log(H-1.5)\n")
    conditions = cell(str(path)).conditions
    assert [str(condition) for condition in conditions] == ["2*H - 3 > 0", "H != 1"]
    drawn = some_sizes(["T", "B", "H"], 20, 0, conditions)
    assert len(drawn) == 20
    assert {sizes["H"] for sizes in drawn} == set(range(2, 7))
    assert min(sizes["T"] for sizes in drawn) == 1
    assert verify(cell(str(path)), examples=4, dtypes=("float64",)).ok


def test_a_cell_of_ones_own_may_carry_a_known_name(tmp_path):
    """It is not PyTorch's, whatever it is called, and is not judged by it."""
    path = tmp_path / "mine.cell"
    path.write_text(cell("gru", reset="before").text)
    report = verify(cell(str(path)), targets=("numpy",), dtypes=("float64",), examples=2)
    assert report.ok
    assert {check.verdict for check in report.checks if check.id == "torch-gradient"} == {"inapplicable"}


@pytest.mark.parametrize("function", ["abs", "cos", "erf", "exp", "relu", "sigmoid", "sin", "softplus", "tanh"])
def test_every_function_is_verified(function, tmp_path):
    path = tmp_path / "one.cell"
    path.write_text(f"one(x[i], h[i]) -> h'[i]  axes i: H\n  h'[i] = tanh(w[i] {function}(v[i] x[i] + h[i]))\n")
    assert verify(cell(str(path)), dtypes=("float64",), targets=("numpy",), examples=2).ok


@pytest.mark.parametrize("expression", ["sqrt(1 + h[i]^2)", "log(2 + h[i])", "max(x[i], h[i])", "min(x[i], h[i])",
                                        "(2 + h[i])^1.5", "1/(2 + h[i])", "h[i]^3"])  # fmt: skip
def test_every_form_is_verified(expression, tmp_path):
    path = tmp_path / "one.cell"
    path.write_text(f"one(x[i], h[i]) -> h'[i]  axes i: H\n  h'[i] = tanh(w[i] {expression} + x[i])\n")
    assert verify(cell(str(path)), dtypes=("float64",), targets=("numpy",), examples=2).ok


def test_every_function_is_verified_in_c(tmp_path):
    path = tmp_path / "all.cell"
    path.write_text(
        "all(x[i], h[i]) -> h'[i]  axes i: H\n"
        "  s[i] = erf(w[i] x[i]) + cos(h[i]) + sin(x[i]) + softplus(h[i]) + log(2 + h[i]^2) + sqrt(1 + h[i]^2)\n"
        "  m[i] = relu(h[i] - x[i]) + abs(x[i]) + max(h[i], x[i]) min(h[i], w[i]) + exp(-x[i]^2)\n"
        "  h'[i] = tanh(sigmoid(s[i]) + 0.1 m[i])\n"
    )
    assert verify(cell(str(path)), targets=("c",), examples=3).ok


@pytest.mark.parametrize("biases", ["two", "none"])
def test_a_projected_lstm_is_judged_by_pytorch_where_it_takes_the_sizes(biases):
    """PyTorch wants fewer projected units than units: at other sizes the remaining judges speak."""
    layer = lower(cell("lstm", projection="yes", biases=biases), "torch")
    kernel = subject(layer, "numpy", "float64")
    smaller, larger = ({"T": 3, "B": 2, "I": 4, "H": 5, "P": P} for P in (3, 6))
    checks = {c.id: c for c in compare([kernel], [gather_evidence(layer, smaller, "float64", 0)]).checks}
    assert {checks[name].verdict for name in ("torch-forward", "torch-gradient", "equations")} == {"passed"}
    checks = {c.id: c for c in compare([kernel], [gather_evidence(layer, larger, "float64", 0)]).checks}
    assert checks["equations"].verdict == "passed"
    assert checks["torch-forward"].verdict == "skipped"
    assert checks["torch-forward"].reason == "PyTorch's module takes none of the sizes that were drawn"
