"""A derivation: its steps, its cost, and that it is the same in every process."""

import os
import subprocess
import sys
from pathlib import Path

from grusym.calculus.derivation import derive
from tests.calculus.named_cells import BUILT, FILES, cell_named

ROOT = Path(__file__).parents[2]

EVERYTHING = """
import hashlib
from grusym.calculus.derivation import derive
from tests.calculus.named_cells import ALL, cell_named
for name in ALL:
    d = derive(cell_named(name))
    everything = [d.cell, *d.cell.equations, d.forward, d.vjp, d.bptt, d.bptt.saved, *d.steps, *d.jvp.equations]
    everything += [sorted(d.forward.shapes.items()), list(d.bptt.program.shapes.items())]
    print(name, hashlib.sha256("\\n".join(map(str, everything)).encode()).hexdigest())
"""


def fresh_python(code: str, **environment: str) -> str:
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_every_process_derives_the_same():
    first, *others = (fresh_python(EVERYTHING, PYTHONHASHSEED=seed) for seed in ("0", "4242"))
    assert len(first.splitlines()) > 30
    assert others == [first]


def test_every_node_is_accounted_for_by_a_step():
    for name in [*BUILT, *FILES]:
        derivation = derive(cell_named(name))
        stated = {node for step in derivation.steps for node in step.after}
        assert set(derivation.vjp.nodes) <= stated, name
        assert all(step.rule for step in derivation.steps)


def test_a_step_prints_its_rule_before_and_after():
    steps = derive(cell_named("rnn:activation=tanh,biases=none")).steps
    assert str(next(step for step in steps if step.rule.startswith("derivative"))) == "\n".join(
        [
            "derivative of tanh, in its own value:",
            "    h'[i] = tanh(a_h_next[i])",
            " => da_h_next[i] = (1 - h'[i]**2)*dh'[i]",
        ]
    )
