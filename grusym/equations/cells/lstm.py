"""Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).

Peepholes, through which the gates see the cell state, are those of Gers et al. (2002); the projection of the output is
that of Sak et al. (2014), and gives h an axis of its own.
"""

OPTIONS = {
    "biases": ("two", "one", "none"),  # input and recurrent biases, input biases only, none
    "peephole": ("no", "yes"),  # diagonal weights p from the cell state to i, f (the old one) and o (the new one)
    "projection": ("no", "yes"),  # h' = V m, P units for the H of the cell
    "forget": ("0", "1"),  # what is added to the forget gate besides its bias, as Haiku and TensorFlow do
}


def text(biases: str, peephole: str, projection: str, forget: str) -> str:
    """The cell with input gate i, forget gate f, cell gate g and output gate o; a projected h has the indices p, q."""
    projected = projection == "yes"
    state = "p" if projected else "l"

    def gate(name: str, function: str, seen: str = "") -> str:
        bias = {"two": f" + b_{name}[k] + c_{name}[k]", "one": f" + b_{name}[k]", "none": ""}[biases]
        peep = f" + p_{name}[k] {seen}[k]" if seen and peephole == "yes" else ""
        more = " + 1" if name == "f" and forget == "1" else ""
        return f"    {name}[k]  = {function}(W_{name}[k,j] x[j] + U_{name}[k,{state}] h[{state}]{peep}{bias}{more})\n"

    output, update = gate("o", "sigmoid", "c'"), "    c'[k] = f[k] c[k] + i[k] g[k]\n"
    return (
        (
            "lstm(x[j], h[p], c[k]) -> h'[q], c'[k]    axes  j: I   k: H   p, q: P\n"
            if projected
            else "lstm(x[j], h[l], c[k]) -> h'[k], c'[k]    axes  j: I   k, l: H\n"
        )
        + gate("i", "sigmoid", "c")
        + gate("f", "sigmoid", "c")
        + gate("g", "tanh")
        + (update + output if peephole == "yes" else output + update)
        + ("    m[k]  = o[k] tanh(c'[k])\n    h'[q] = V[q,k] m[k]\n" if projected else "    h'[k] = o[k] tanh(c'[k])\n")
    )
