"""The convolutional GRU that sees where it is: CoordConv (Liu et al. 2018) inside, as hourglass_CoordConvGRU has it.

Two more channels go into every convolution, of the gates and of the candidate: xx runs from -1 to 1 along the last
spatial axis Q, yy along P, so that both need two positions at least; outside the picture they are zero like all
others. The gates and the candidate are normalised, each over its channels and positions together, with a gain and a
shift per channel and 1e-12 added to the variance. Of the code's one kernel over [x, h, xx, yy], W, U, V_x and V_y are
the parts; it is square and takes P for Q, here they may differ. K by L taps (3 by 3 there), padding as in convgru.
"""

OPTIONS = {
    "norm": ("layer", "none"),  # layer norm inside each activation, or none
    "update": ("keep", "write"),  # the update gate keeps the old state, or writes the candidate
    "biases": ("one", "none"),  # of the convolutions
}
TAPS = "p+u-floor((K-1)/2),q+v-floor((L-1)/2)"


def text(norm: str, update: str, biases: str) -> str:
    """The cell with D input and H hidden channels; a are convolutions, m and s what normalises them."""

    def activation(result: str, function: str, operand: str) -> str:
        terms = (
            f"W_{result}[c,d,u,v] x[d,{TAPS}]",
            f"U_{result}[c,e,u,v] {operand}[e,{TAPS}]",
            f"V_x_{result}[c,u,v] xx[{TAPS}]",
            f"V_y_{result}[c,u,v] yy[{TAPS}]" + (f" + b_{result}[c]" if biases == "one" else ""),
        )
        a, m, s = (f"{letter}_{result}" for letter in "ams")
        convolved = f"    {a}[c,p,q] = " + " +\n        ".join(terms) + "\n"
        if norm == "none":
            return f"{convolved}    {result}[c,p,q]   = {function}({a}[c,p,q])\n"
        return (
            f"{convolved}"
            f"    {m}        = sum[e,k,l]({a}[e,k,l]) / (H P Q)\n"
            f"    {s}        = 1 / sqrt(sum[e,k,l](({a}[e,k,l] - {m})^2) / (H P Q) + 1e-12)\n"
            f"    {result}[c,p,q]   = {function}(g_{result}[c] ({a}[c,p,q] - {m}) {s} + beta_{result}[c])\n"
        )

    old, new = ("z[c,p,q]", "(1 - z[c,p,q])") if update == "keep" else ("(1 - z[c,p,q])", "z[c,p,q]")
    axes = "p, k: P   q, l: Q" if norm == "layer" else "p: P   q: Q"
    return (
        "coordconvgru(x[d,p,q], h[e,p,q]) -> h'[c,p,q]\n"
        f"    axes  d: D   c, e: H   {axes}   u: K   v: L\n"
        "    xx[p,q]    = 2 q/(Q-1) - 1\n"
        "    yy[p,q]    = 2 p/(P-1) - 1\n"
        + activation("r", "sigmoid", "h")
        + activation("z", "sigmoid", "h")
        + "    rh[c,p,q]  = r[c,p,q] h[c,p,q]\n"
        + activation("n", "tanh", "rh")
        + f"    h'[c,p,q]  = {old} h[c,p,q] + {new} n[c,p,q]\n"
    )
