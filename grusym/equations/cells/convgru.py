"""The convolutional GRU (Ballas et al. 2015): the GRU's products become convolutions over two spatial axes P and Q.

Kernels have K by L taps; the padding, zeros before the first and behind the last position, keeps the extent: for odd
kernels (K-1)/2 on either side, for even ones one more behind, as PyTorch's padding="same". What some systems
concatenate, [x, h] with one kernel, is the two kernels W and U side by side. RAFT computes reset=before, update=write
(the defaults), MXNet reset=after, update=keep.
"""

OPTIONS = {
    "reset": ("before", "after"),  # the reset gate acts on h, or on U_n * h + c_n
    "update": ("write", "keep"),  # the update gate writes the candidate, or keeps the old state
    "biases": ("one", "two", "none"),  # input biases only, input and recurrent biases, none
}
TAPS = "p+u-floor((K-1)/2),q+v-floor((L-1)/2)"


def text(reset: str, update: str, biases: str) -> str:
    """The cell with D input and H hidden channels; the first value of each option is the paper's."""
    b, c = (biases != "none", biases == "two")

    def input_(gate: str) -> str:
        return f"W_{gate}[c,d,u,v] x[d,{TAPS}]"

    def recurrent(gate: str, state: str) -> str:
        return f"U_{gate}[c,e,u,v] {state}[e,{TAPS}]"

    def bias(gate: str) -> str:
        return (f" + b_{gate}[c]" if b else "") + (f" + c_{gate}[c]" if c else "")

    if reset == "after":
        product = f"    s[c,p,q]  = {recurrent('n', 'h')}{' + c_n[c]' if c else ''}\n"
        candidate = f"{input_('n')}{' + b_n[c]' if b else ''} + r[c,p,q] s[c,p,q]"
    else:
        product = "    s[c,p,q]  = r[c,p,q] h[c,p,q]\n"
        candidate = f"{input_('n')} + {recurrent('n', 's')}{bias('n')}"
    old, new = ("(1 - z[c,p,q])", "z[c,p,q]") if update == "write" else ("z[c,p,q]", "(1 - z[c,p,q])")
    return (
        "convgru(x[d,p,q], h[e,p,q]) -> h'[c,p,q]\n"
        "    axes  d: D   c, e: H   p: P   q: Q   u: K   v: L\n"
        f"    r[c,p,q]  = sigmoid({input_('r')} + {recurrent('r', 'h')}{bias('r')})\n"
        f"    z[c,p,q]  = sigmoid({input_('z')} + {recurrent('z', 'h')}{bias('z')})\n"
        f"{product}"
        f"    n[c,p,q]  = tanh({candidate})\n"
        f"    h'[c,p,q] = {old} h[c,p,q] + {new} n[c,p,q]\n"
    )
