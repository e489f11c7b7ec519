"""The fingerprint: a function of what it says, of all of it, and of nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grusym.equations.cell import Cell
from grusym.equations.library import cell
from grusym.errors import DerivativeError, InputError
from grusym.lower.lowered import lower
from tests.lower.layers import BUILT_IN, lowered

ROOT = Path(__file__).parents[2]
TEXT = "a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(w[i] x[i] + h[i])"
PRINTED = """
from grusym.equations.library import cell
from grusym.lower.cost import cost, describe
from grusym.lower.lowered import lower
for name, convention in (("gru", "torch"), ("gru:reset=before", None), ("lstm", "torch")):
    layer = lower(cell(name), convention)
    print(layer.fingerprint("reference"), layer.forward, layer.backward, layer.derivation.vjp)
    print(*describe(cost(layer.backward)))
"""


def fingerprint(text: str) -> str:
    return lower(Cell.parse(text)).fingerprint("reference")


def test_every_cell_has_a_fingerprint_of_its_own():
    assert len({lowered(name).fingerprint("reference") for name in BUILT_IN}) == len(BUILT_IN)


def test_it_changes_with_convention_and_schedule():
    assert lowered("gru").fingerprint("reference") != lowered("gru", "torch").fingerprint("reference")
    assert lowered("gru").fingerprint("reference") != lowered("gru").fingerprint("fast")


@pytest.mark.parametrize(
    "change",
    [("tanh", "sigmoid"), ("w", "v"), ("a(", "b("), ("i: H", "i: K"), ("x[i] +", "x[i] -"), ("+ h[i]", "+ 2 h[i]")],
)
def test_it_changes_with_the_equations(change):
    assert fingerprint(TEXT) != fingerprint(TEXT.replace(*change))


def test_it_does_not_change_with_spaces():
    assert fingerprint(TEXT) == fingerprint(TEXT.replace(" + ", "  +  "))


def test_it_is_a_sha256():
    assert len(bytes.fromhex(lowered("gru").fingerprint("reference"))) == 32


def test_it_is_the_same_for_every_hash_seed():
    def printed(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PRINTED]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first, *others = map(printed, ("0", "4242"))
    assert "dh_next" in first
    assert others == [first]


def test_a_lowered_cell_knows_its_parts():
    layer = lowered("gru", "torch")
    assert layer.cell == cell("gru")
    assert layer.layer.cell is layer.cell
    assert layer.layout.convention == "torch"
    assert (layer.forward.name, layer.backward.name) == ("forward", "backward")


def test_a_cell_without_a_gradient_is_refused():
    with pytest.raises(DerivativeError, match=r"^step has no derivative rule"):
        lower(Cell.parse("a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = step(w[i] x[i] + h[i])"))


def test_a_convention_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"^convention torch has gru with reset=after, not reset=before;"):
        lower(cell("gru:reset=before"), "torch")
