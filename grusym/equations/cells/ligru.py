"""The light GRU (Ravanelli et al. 2018): no reset gate, and a ReLU for the candidate.

The paper normalises W_z x and W_n x over the batch; at inference that is a scale and a shift, folded into W and b here.
"""

OPTIONS = {"biases": ("one", "none")}


def text(biases: str) -> str:
    """The cell; its update gate keeps the old state, as the paper writes it."""

    def gate(name: str) -> str:
        bias = f" + b_{name}[i]" if biases == "one" else ""
        return f"W_{name}[i,j] x[j] + U_{name}[i,k] h[k]{bias}"

    return (
        "ligru(x[j], h[k]) -> h'[i]    axes  j: I   i, k: H\n"
        f"    z[i]  = sigmoid({gate('z')})\n"
        f"    n[i]  = relu({gate('n')})\n"
        "    h'[i] = z[i] h[i] + (1 - z[i]) n[i]\n"
    )
