"""The gated recurrent unit (Cho et al. 2014, Chung et al. 2014), in the forms the world uses."""

OPTIONS = {
    "reset": ("after", "before"),  # the reset gate acts on U_n h + c_n, or on h
    "update": ("keep", "write"),  # the update gate keeps the old state, or writes the candidate
    # Input and recurrent biases; input biases, and the candidate's recurrent one; input biases only; none.
    "biases": ("two", "candidate", "one", "none"),
}


def text(reset: str, update: str, biases: str) -> str:
    """The cell with these options; the first value of each option is PyTorch's."""
    old, new = ("z[i]", "(1 - z[i])") if update == "keep" else ("(1 - z[i])", "z[i]")
    return (
        "gru(x[j], h[k]) -> h'[i]    axes  j: I   i, k: H\n"
        f"{gates_and_candidate('rz', 'r', reset, biases)}"
        f"    h'[i] = {new} n[i] + {old} h[i]\n"
    )


def gates_and_candidate(gates: str, acting: str, reset: str, biases: str, besides: str = "") -> str:
    """The equations of these gates and of the candidate n; the gate `acting` resets, `besides` stands between."""
    b = "" if biases == "none" else gates + "n"
    c = {"two": gates + "n", "candidate": "n"}.get(biases, "")

    def bias(gate: str) -> str:
        return (f" + b_{gate}[i]" if gate in b else "") + (f" + c_{gate}[i]" if gate in c else "")

    if reset == "after":
        recurrent = f"    u[i]  = U_n[i,k] h[k]{' + c_n[i]' if c else ''}\n"
        candidate = f"W_n[i,j] x[j]{' + b_n[i]' if b else ''} + {acting}[i] u[i]"
    else:
        recurrent = ""
        candidate = f"W_n[i,j] x[j] + U_n[i,k] ({acting}[k] h[k]){bias('n')}"
    lines = [f"    {g}[i]  = sigmoid(W_{g}[i,j] x[j] + U_{g}[i,k] h[k]{bias(g)})\n" for g in gates]
    return f"{''.join(lines)}{besides}{recurrent}    n[i]  = tanh({candidate})\n"
