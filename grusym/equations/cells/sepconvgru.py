"""The separable convolutional GRU of RAFT (Teed and Deng 2020): a full update along Q, then one along P.

Each has a kernel of its own with K taps (5 in RAFT) along one axis; the state between them is m. Reset before, the
update gate writes. RAFT's kernels over the concatenation [h, x] are U and W side by side.
"""

OPTIONS = {"biases": ("one", "none")}
ALONG = {"1": "p,q+u-floor((K-1)/2)", "2": "p+u-floor((K-1)/2),q"}


def text(biases: str) -> str:
    """The cell with D input and H hidden channels; gates, candidates and weights of the two updates end in 1 and 2."""

    def update(number: str, state: str, result: str) -> str:
        def gate(name: str, operand: str) -> str:
            at = ALONG[number]
            bias = f" + b_{name}{number}[c]" if biases == "one" else ""
            return f"W_{name}{number}[c,d,u] x[d,{at}] + U_{name}{number}[c,e,u] {operand}[e,{at}]{bias}"

        z, r, n, s = (f"{name}{number}" for name in "zrns")
        return (
            f"    {z}[c,p,q] = sigmoid({gate('z', state)})\n"
            f"    {r}[c,p,q] = sigmoid({gate('r', state)})\n"
            f"    {s}[c,p,q] = {r}[c,p,q] {state}[c,p,q]\n"
            f"    {n}[c,p,q] = tanh({gate('n', s)})\n"
            f"    {result}[c,p,q] = (1 - {z}[c,p,q]) {state}[c,p,q] + {z}[c,p,q] {n}[c,p,q]\n"
        )

    return (
        "sepconvgru(x[d,p,q], h[e,p,q]) -> h'[c,p,q]    axes  d: D   c, e: H   p: P   q: Q   u: K\n"
        + update("1", "h", "m")
        + update("2", "m", "h'")
    )
