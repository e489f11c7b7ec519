"""Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000)."""

OPTIONS = {"biases": ("two", "one", "none")}


def text(biases: str) -> str:
    """The cell with input gate i, forget gate f, cell gate g and output gate o; its indices are k and l."""

    def gate(name: str, function: str) -> str:
        bias = {"two": f" + b_{name}[k] + c_{name}[k]", "one": f" + b_{name}[k]", "none": ""}[biases]
        return f"    {name}[k]  = {function}(W_{name}[k,j] x[j] + U_{name}[k,l] h[l]{bias})\n"

    return (
        "lstm(x[j], h[l], c[k]) -> h'[k], c'[k]    axes  j: I   k, l: H\n"
        + gate("i", "sigmoid")
        + gate("f", "sigmoid")
        + gate("g", "tanh")
        + gate("o", "sigmoid")
        + "    c'[k] = f[k] c[k] + i[k] g[k]\n"
        + "    h'[k] = o[k] tanh(c'[k])\n"
    )
