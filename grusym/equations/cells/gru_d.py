"""The GRU for missing values (Che et al. 2018): with time, what is not observed decays to its mean, and so does h.

Inputs per step: x, the mask m (1 where x was observed), the time delta since each variable was last observed, and
x_last, its last observation. The mean xbar is a parameter, because it is the same at every step; the paper takes it
from the training data and leaves it there, so its gradient is for those who would train it. The decays of the inputs
are diagonal (w_x), those of the state are not (W_gamma).
"""

OPTIONS: dict[str, tuple[str, ...]] = {}


def text() -> str:
    """The cell: s is the input and g the state after their decay."""

    def gate(name: str, state: str) -> str:
        return f"W_{name}[i,j] s[j] + U_{name}[i,k] {state} + V_{name}[i,j] m[j] + b_{name}[i]"

    return (
        "gru_d(x[j], m[j], delta[j], x_last[j], h[k]) -> h'[i]    axes  j: I   i, k: H\n"
        "    gamma_x[j] = exp(-max(0, w_x[j] delta[j] + b_x[j]))\n"
        "    gamma_h[i] = exp(-max(0, W_gamma[i,j] delta[j] + b_gamma[i]))\n"
        "    s[j]  = m[j] x[j] + (1 - m[j]) (gamma_x[j] x_last[j] + (1 - gamma_x[j]) xbar[j])\n"
        "    g[i]  = gamma_h[i] h[i]\n"
        f"    r[i]  = sigmoid({gate('r', 'g[k]')})\n"
        f"    z[i]  = sigmoid({gate('z', 'g[k]')})\n"
        f"    n[i]  = tanh({gate('n', '(r[k] g[k])')})\n"
        "    h'[i] = (1 - z[i]) g[i] + z[i] n[i]\n"
    )
