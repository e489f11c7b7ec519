"""The proofs go through, and a wrong statement does not."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from grusym.calculus.derivation import derive
from grusym.calculus.program import Program
from grusym.equations.library import cell

PROOFS = Path(__file__).parents[2] / "proofs"


def proof(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"proof_{name}", PROOFS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_counts():
    assert set(proof("counts").differences().values()) == {0}


def test_a_wrong_count_is_refuted():
    counts = proof("counts")
    assert counts.parameters("gru:biases=none") != counts.parameters("gru:biases=one")
    assert counts.multiply_adds("lstm") != counts.multiply_adds("gru")


def test_a_scan_is_the_recurrence():
    scan = proof("scan")
    assert set(scan.differences().values()) == {0}
    wrong = lambda later, earlier: (later[0] * earlier[0], earlier[0] * later[1] + earlier[1])  # noqa: E731
    scan.composed = wrong
    assert set(scan.differences().values()) != {0}


@pytest.mark.parametrize("name", proof("adjoint_identity").CELLS)
def test_forward_and_reverse_mode_are_transposes(name):
    assert proof("adjoint_identity").difference(derive(cell(name))) == 0


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_every_adjoint_node_counts(name):
    derivation = derive(cell(name))
    nodes = derivation.vjp.nodes
    for number, node in enumerate(nodes):
        changed = replace(node, value=2 * node.value)
        planted = Program((*nodes[:number], changed, *nodes[number + 1 :]), derivation.vjp.shapes)
        assert proof("adjoint_identity").difference(replace(derivation, vjp=planted)) != 0, node


def test_every_proof_is_in_the_table():
    listed = (PROOFS / "README.md").read_text(encoding="utf-8")
    assert all(f"[{path.name}]({path.name})" in listed for path in PROOFS.glob("*.py"))
