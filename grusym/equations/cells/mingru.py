"""The minimal GRU (Feng et al. 2024): gate and candidate see the input only, so the state is linear in its past.

With candidate=positive the candidate is g(W_n x), where g(a) = a + 1/2 for a >= 0 and sigmoid(a) below, as the paper's
form in log space needs it. The equations write g(a) as relu(a) + sigmoid(min(0, a)); at the kink its derivative is
taken as 1/4, that from the left.
"""

OPTIONS = {
    "candidate": ("linear", "positive"),  # W_n x, or g(W_n x) > 0
    "biases": ("one", "none"),
}


def text(candidate: str, biases: str) -> str:
    """The cell with these options."""

    def linear(gate: str) -> str:
        return f"W_{gate}[i,j] x[j]" + (f" + b_{gate}[i]" if biases == "one" else "")

    if candidate == "linear":
        new = f"    n[i]  = {linear('n')}\n"
    else:
        new = f"    a[i]  = {linear('n')}\n    n[i]  = relu(a[i]) + sigmoid(min(0, a[i]))\n"
    return (
        "mingru(x[j], h[i]) -> h'[i]    axes  j: I   i: H\n"
        f"    z[i]  = sigmoid({linear('z')})\n"
        f"{new}"
        "    h'[i] = (1 - z[i]) h[i] + z[i] n[i]\n"
    )
