"""The GRU with attention on its update gate (Zhou et al. 2019, Deep Interest Evolution Network).

The attention a is one number per step and sample. With update=keep the gate is (1 - a) z and keeps the old state, as
oneDNN and OpenVINO compute it; with update=write it is a z and writes the candidate, as the paper has it. These are two
functions: at a = 0 the first is a GRU, and the second leaves the state as it was.
"""

from grusym.equations.cells import gru

OPTIONS = gru.OPTIONS


def text(reset: str, update: str, biases: str) -> str:
    """The cell with these options: the GRU's gates, and v in the place of its update gate."""
    attended = "    v[i]  = (1 - a) z[i]\n" if update == "keep" else "    v[i]  = a z[i]\n"
    old, new = ("v[i]", "(1 - v[i])") if update == "keep" else ("(1 - v[i])", "v[i]")
    return (
        "augru(x[j], a, h[k]) -> h'[i]    axes  j: I   i, k: H\n"
        f"{gru.gates_and_candidate('rz', 'r', reset, biases, attended)}"
        f"    h'[i] = {new} n[i] + {old} h[i]\n"
    )
