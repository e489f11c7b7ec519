"""The gated recurrent unit (Cho et al. 2014, Chung et al. 2014), in the forms the world uses."""

OPTIONS = {
    "reset": ("after", "before"),  # the reset gate acts on U_n h + c_n, or on h
    "update": ("keep", "write"),  # the update gate keeps the old state, or writes the candidate
    # Input and recurrent biases; input biases, and the candidate's recurrent one; input biases only; none.
    "biases": ("two", "candidate", "one", "none"),
}


def text(reset: str, update: str, biases: str) -> str:
    """The cell with these options; the first value of each option is PyTorch's."""
    b = "" if biases == "none" else "rzn"
    c = {"two": "rzn", "candidate": "n"}.get(biases, "")

    def bias(gate: str) -> str:
        return (f" + b_{gate}[i]" if gate in b else "") + (f" + c_{gate}[i]" if gate in c else "")

    if reset == "after":
        recurrent = f"    u[i]  = U_n[i,k] h[k]{' + c_n[i]' if 'n' in c else ''}\n"
        candidate = f"W_n[i,j] x[j]{' + b_n[i]' if b else ''} + r[i] u[i]"
    else:
        recurrent = ""
        candidate = f"W_n[i,j] x[j] + U_n[i,k] (r[k] h[k]){bias('n')}"
    old, new = ("z[i]", "(1 - z[i])") if update == "keep" else ("(1 - z[i])", "z[i]")
    return (
        "gru(x[j], h[k]) -> h'[i]    axes  j: I   i, k: H\n"
        f"    r[i]  = sigmoid(W_r[i,j] x[j] + U_r[i,k] h[k]{bias('r')})\n"
        f"    z[i]  = sigmoid(W_z[i,j] x[j] + U_z[i,k] h[k]{bias('z')})\n"
        f"{recurrent}"
        f"    n[i]  = tanh({candidate})\n"
        f"    h'[i] = {new} n[i] + {old} h[i]\n"
    )
