"""The text form and the notebook form of a derivation."""

import shutil
import subprocess
from pathlib import Path

import pytest

from grusym.calculus.derivation import Derivation
from grusym.emit.derivation_view import ShownDerivation, derive
from grusym.emit.document import latex_document
from grusym.emit.text import text_document
from grusym.equations.cell import Cell
from grusym.equations.library import cell
from tests.emit.documented_cells import CONV, documented_cells


def test_derivation_shows_itself() -> None:
    view = derive(cell("gru"))
    assert isinstance(view, ShownDerivation)
    assert isinstance(view, Derivation)
    assert view.vjp.nodes
    assert str(view) == text_document(view)


def test_text_has_the_recurrence_aligned() -> None:
    text = text_document(derive(cell("rnn")))
    assert (
        "    for t = T, ..., 1:\n"
        "        dh'[i]        = dy[i] + dh[i]\n"
        "        da_h_next[i]  = dh'[i] (1 - h'[i]^2)\n"
        "        dx[j]         = sum[i](W[i,j] da_h_next[i])\n"
        "        dh[k]         = sum[i](U[i,k] da_h_next[i])\n"
    ).replace("  =", " =") in text
    assert "    h'[i] = tanh(sum[j](W[i,j] x[j]) + sum[k](U[i,k] h[k]) + b[i] + c[i])\n" in text
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_text_states_guards_and_rules() -> None:
    lines = [" ".join(line.split()) for line in text_document(derive(Cell.parse(CONV))).splitlines()]
    assert "dx[d,p] = sum[c,u](W[c,d,u] da_h_next[c,p-u+1]) where 0 <= p - u + 1 < P" in lines
    rule = lines.index("derivative of tanh, in its own value:")
    assert lines[rule + 1] == "h'[c,p] = tanh(a_h_next[c,p])"
    assert lines[rule + 2] == "=> da_h_next[c,p] = dh'[c,p] (1 - h'[c,p]^2)"


def test_text_states_which_sizes_the_equations_leave_out() -> None:
    ramp = Cell.parse("ramp(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = x[i] + (2 i/(H-1) - 1) h[i]")
    text = text_document(derive(ramp))
    assert "    size    H != 1\n" in text
    assert "    h'[i] = (2 i / (H - 1) - 1) h[i] + x[i]\n" in text
    assert "The equations have values where $H \\ne 1$." in latex_document(derive(ramp))
    assert "have values" not in latex_document(derive(cell("gru")))


def test_notebook_form_compiles(tmp_path: Path) -> None:
    shown = derive(cell("lstm"))._repr_latex_()
    assert shown.startswith("$$\\begin{aligned}\n")
    assert shown.endswith("\\end{aligned}$$")
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed, so the notebook form was not compiled")
    page = "\\documentclass{article}\\usepackage{amsmath,amssymb}\\begin{document}" + shown + "\\end{document}"
    (tmp_path / "page.tex").write_text(page, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert run.returncode == 0, run.stdout[-2000:]


def test_what_a_cell_does_not_have_is_not_spoken_of() -> None:
    derivation = derive(documented_cells()["bare"])
    assert "summed over steps" not in text_document(derivation)
    assert "parameter" not in text_document(derivation)
    assert "parameter" not in latex_document(derivation)
