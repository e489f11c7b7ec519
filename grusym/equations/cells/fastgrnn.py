"""FastGRNN (Kusupati et al. 2018): gate and candidate share one pre-activation, and two scalars weigh the candidate."""

OPTIONS: dict[str, tuple[str, ...]] = {}


def text() -> str:
    """The cell with full weight matrices; sigmoid(zeta) and sigmoid(nu) stay between 0 and 1."""
    return (
        "fastgrnn(x[j], h[k]) -> h'[i]    axes  j: I   i, k: H\n"
        "    a[i]  = W[i,j] x[j] + U[i,k] h[k]\n"
        "    z[i]  = sigmoid(a[i] + b_z[i])\n"
        "    n[i]  = tanh(a[i] + b_n[i])\n"
        "    h'[i] = z[i] h[i] + (sigmoid(zeta) (1 - z[i]) + sigmoid(nu)) n[i]\n"
    )
