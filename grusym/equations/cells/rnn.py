"""The simple recurrent network of Elman (1990)."""

OPTIONS = {"activation": ("tanh", "relu"), "biases": ("two", "one", "none")}


def text(activation: str, biases: str) -> str:
    """The cell with one layer of units and the given activation."""
    bias = {"two": " + b[i] + c[i]", "one": " + b[i]", "none": ""}[biases]
    return (
        f"rnn(x[j], h[k]) -> h'[i]    axes  j: I   i, k: H\n    h'[i] = {activation}(W[i,j] x[j] + U[i,k] h[k]{bias})\n"
    )
