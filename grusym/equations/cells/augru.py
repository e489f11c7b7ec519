"""The GRU with attention on its update gate (Zhou et al. 2019, Deep Interest Evolution Network).

The attention a is one number per step and sample. With update=keep the gate is (1 - a) z and keeps the old state, as
oneDNN and OpenVINO compute it; with update=write it is a z and writes the candidate, as the paper has it. These are two
functions: at a = 0 the first is a GRU, and the second leaves the state as it was.
"""

OPTIONS = {
    "reset": ("after", "before"),  # the reset gate acts on U_n h + c_n, or on h
    "update": ("keep", "write"),
    # Input and recurrent biases; input biases, and the candidate's recurrent one; input biases only; none.
    "biases": ("two", "candidate", "one", "none"),
}


def text(reset: str, update: str, biases: str) -> str:
    """The cell with these options: the GRU's gates, and v in the place of its update gate."""
    b = "" if biases == "none" else "rzn"
    c = {"two": "rzn", "candidate": "n"}.get(biases, "")

    def bias(gate: str) -> str:
        return (f" + b_{gate}[i]" if gate in b else "") + (f" + c_{gate}[i]" if gate in c else "")

    if reset == "after":
        recurrent = f"    u[i]  = U_n[i,k] h[k]{' + c_n[i]' if c else ''}\n"
        candidate = f"W_n[i,j] x[j]{' + b_n[i]' if b else ''} + r[i] u[i]"
    else:
        recurrent = ""
        candidate = f"W_n[i,j] x[j] + U_n[i,k] (r[k] h[k]){bias('n')}"
    attended = "(1 - a) z[i]" if update == "keep" else "a z[i]"
    old, new = ("v[i]", "(1 - v[i])") if update == "keep" else ("(1 - v[i])", "v[i]")
    return (
        "augru(x[j], a, h[k]) -> h'[i]    axes  j: I   i, k: H\n"
        f"    r[i]  = sigmoid(W_r[i,j] x[j] + U_r[i,k] h[k]{bias('r')})\n"
        f"    z[i]  = sigmoid(W_z[i,j] x[j] + U_z[i,k] h[k]{bias('z')})\n"
        f"    v[i]  = {attended}\n"
        f"{recurrent}"
        f"    n[i]  = tanh({candidate})\n"
        f"    h'[i] = {new} n[i] + {old} h[i]\n"
    )
