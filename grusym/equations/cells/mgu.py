"""The minimal gated unit (Zhou et al. 2016): one gate f is both the update and the reset gate.

The paper's form is reset=before, update=write; Flax's MGUCell is reset=after, update=keep.
"""

from grusym.equations.cells.gru import gates_and_candidate

OPTIONS = {
    "reset": ("before", "after"),  # the gate acts on h, or on U_n h + c_n
    "update": ("write", "keep"),  # the gate writes the candidate, or keeps the old state
    # Input biases only; input biases, and the candidate's recurrent one; input and recurrent biases; none.
    "biases": ("one", "candidate", "two", "none"),
}


def text(reset: str, update: str, biases: str) -> str:
    """The cell with these options; the first value of each option is the paper's."""
    old, new = ("(1 - f[i])", "f[i]") if update == "write" else ("f[i]", "(1 - f[i])")
    return (
        "mgu(x[j], h[k]) -> h'[i]    axes  j: I   i, k: H\n"
        f"{gates_and_candidate('f', 'f', reset, biases)}"
        f"    h'[i] = {old} h[i] + {new} n[i]\n"
    )
