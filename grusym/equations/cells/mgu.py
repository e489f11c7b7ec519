"""The minimal gated unit (Zhou et al. 2016): one gate f is both the update and the reset gate.

The paper's form is reset=before, update=write; Flax's MGUCell is reset=after, update=keep.
"""

OPTIONS = {
    "reset": ("before", "after"),  # the gate acts on h, or on U_n h + c_n
    "update": ("write", "keep"),  # the gate writes the candidate, or keeps the old state
    # Input biases only; input biases, and the candidate's recurrent one; input and recurrent biases; none.
    "biases": ("one", "candidate", "two", "none"),
}


def text(reset: str, update: str, biases: str) -> str:
    """The cell with these options; the first value of each option is the paper's."""
    b = "" if biases == "none" else "fn"
    c = {"two": "fn", "candidate": "n"}.get(biases, "")

    def bias(gate: str) -> str:
        return (f" + b_{gate}[i]" if gate in b else "") + (f" + c_{gate}[i]" if gate in c else "")

    if reset == "after":
        recurrent = f"    u[i]  = U_n[i,k] h[k]{' + c_n[i]' if c else ''}\n"
        candidate = f"W_n[i,j] x[j]{' + b_n[i]' if b else ''} + f[i] u[i]"
    else:
        recurrent = ""
        candidate = f"W_n[i,j] x[j] + U_n[i,k] (f[k] h[k]){bias('n')}"
    old, new = ("(1 - f[i])", "f[i]") if update == "write" else ("f[i]", "(1 - f[i])")
    return (
        "mgu(x[j], h[k]) -> h'[i]    axes  j: I   i, k: H\n"
        f"    f[i]  = sigmoid(W_f[i,j] x[j] + U_f[i,k] h[k]{bias('f')})\n"
        f"{recurrent}"
        f"    n[i]  = tanh({candidate})\n"
        f"    h'[i] = {old} h[i] + {new} n[i]\n"
    )
