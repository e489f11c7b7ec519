r"""Documents: they compile, nothing runs off the page, and they are the same text in every process."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grusym.calculus.derivation import derive
from grusym.emit.document import latex_document
from grusym.emit.sections import cell_latex
from grusym.equations.library import cell
from tests.emit.documented_cells import documented_cells

ROOT = Path(__file__).parents[2]
MOST_OVERFULL = 20.0  # points


@pytest.mark.parametrize("name", sorted(documented_cells()))
def test_document_compiles_and_stays_on_the_page(name: str, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed, so the document was not compiled")
    (tmp_path / "document.tex").write_text(latex_document(derive(documented_cells()[name])), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    for _ in range(2):  # the second run resolves references
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
        assert run.returncode == 0, run.stdout[-2000:]
    log = (tmp_path / "document.log").read_text(encoding="utf-8", errors="replace")
    assert (tmp_path / "document.pdf").read_bytes().startswith(b"%PDF")
    assert "undefined" not in log
    assert "Missing character" not in log
    assert [o for o in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log) if float(o) > MOST_OVERFULL] == []


def test_document_says_what_a_reader_looks_for() -> None:
    text = latex_document(derive(cell("gru:reset=before")))
    assert r"\texttt{gru:reset=before}" in text
    assert r"parameter & \raggedright $W^{(r)}$, $W^{(z)}$, $W^{(n)}$ & $\mathbb{R}^{H \times I}$ \\" in text
    assert r"\bar{h}^{+}_{T} &= \bar{h}_{\mathrm{n}}" in text
    assert r"\bar{h}_{t} &= \bar{y}_{t} + \bar{h}^{+}_{t}" in text
    assert r"\bar{U}^{(r)} &= \sum_{t,b} \bar{a}^{(r)}_{t,b} h^{\top}_{t-1,b}" in text
    assert r"For every step and sample: $h_{t-1}$, $r_{t}$, $z_{t}$, $n_{t}$; in all $4 H$ numbers." in text
    assert "Computed again and not saved: $h^{(r)}_{t}$." in text
    assert "Derivatives at kinks" not in text


def test_kinks_are_stated() -> None:
    text = latex_document(derive(cell("rnn:activation=relu")))
    assert r"\section{Derivatives at kinks}" in text
    assert r"\frac{\partial y}{\partial a} &= \operatorname{step}{\left(y \right)} \quad\text{for } y" in text


def test_every_equation_of_the_recurrence_is_in_the_document() -> None:
    derivation = derive(cell("lstm"))
    text = latex_document(derivation)
    for letter in "ifgo":
        for parameter in "WUbc":
            assert f"\\bar{{{parameter}}}^{{({letter})}} &= \\sum_{{t,b}}" in text


def test_equations_alone_for_a_document_of_ones_own() -> None:
    text = cell_latex(cell("rnn"))
    assert r"h_{t,i} &= \tanh\Bigl(\sum_{j} W_{ij} x_{t,j} + \sum_{k} U_{ik} h_{t-1,k} + b_{i} + c_{i}\Bigr)" in text
    assert r"h_{t} &= \tanh(W x_{t} + U h_{t-1} + b + c)" in text


PRINT = """
import hashlib
from grusym.emit.derivation_view import derive
from tests.emit.documented_cells import documented_cells
for name, which in sorted(documented_cells().items()):
    view = derive(which)
    print(name, *(hashlib.sha256(t.encode()).hexdigest() for t in (view.latex, str(view), view._repr_latex_())))
"""


def test_same_text_for_every_hash_seed() -> None:
    found = set()
    for seed in ("0", "4242"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-c", PRINT], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        found.add(hashlib.sha256(run.stdout.encode()).hexdigest())
        assert len(run.stdout.splitlines()) == len(documented_cells())
    assert len(found) == 1
