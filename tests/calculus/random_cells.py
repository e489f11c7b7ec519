"""Random cells out of everything that the notation can say: products, shifts, strides, diagonals, sums, quotients."""

from hypothesis import strategies as st

from grusym.equations.cell import Cell

FUNCTIONS = ("tanh", "sigmoid", "sin", "softplus", "erf", "relu", "abs", "")
HEAD = """random(x[j], h[i], c[i]) -> h'[i], c'[i]
    axes j: I  i, k, l: H
    parameters V[i,j], w[i], zeta, W[i,k], U[k,i]
"""
TERMS = (
    "V[i,j] x[j]",
    "W[i,k] A[k]",
    "W[k,i] A[k]",
    "U[k,i] (A[k] B[k])",
    "A[i] B[i]",
    "zeta A[i]",
    "W[k,k] A[i]",
    "W[i,i]",
    "A[k] B[k] C[i]",
    "w[k] A[i+k-1]",
    "w[k] A[2i-k] B[2i-k]",
    "sum[k](A[i+k] B[k] C[i+k])",
    "sum[k](A[k] f(B[k])) / H",
    "A[H-1-i] B[i]",
    "A[2i+1]",
    "A[0] B[i]",
    "A[i] / (1 + B[i]^2)",
    "A[i]^3 / 2",
    "(1 - A[i]) (B[i] - C[i])",
    "W[i,k] f(A[k]) U[l,k] B[l]",
    "sum[k]((A[k] - A[i])^2) B[i]",
    "max(A[i], B[i])",
    "f(A[i]) f(A[i])",
    "A[i] f(W[i,k] B[k])",
    "f(-A[i]) / sqrt(2 + B[k] B[k])",
    "w[i] V[i,j] x[j] V[k,j] A[k]",
)


@st.composite
def cells(draw) -> Cell:
    """A cell with two states, up to three intermediate equations, and every tensor used."""
    vectors, lines = ["h", "c"], []
    for name in [*("r", "s", "q")[: draw(st.integers(0, 3))], "h'", "c'"]:
        chosen = draw(st.lists(st.sampled_from(TERMS), min_size=1, max_size=3))
        value = " + ".join(chosen)
        for place in "ABC":
            while f"{place}[" in value:
                value = value.replace(f"{place}[", f"{draw(st.sampled_from(vectors))}[", 1)
        while "f(" in value.replace("erf(", "").replace("softplus(", ""):
            function = draw(st.sampled_from(FUNCTIONS))
            at = next(n for n in range(len(value)) if value.startswith("f(", n) and not value[:n][-1:].isalpha())
            value = f"{value[:at]}{function}{value[at + 1 :]}"
        if name == "c'":  # everything is used, and so are all the parameters
            value += " + zeta w[i] + V[i,j] x[j] + W[i,k] h[k] " + "".join(f" + U[i,k] {v}[k]" for v in vectors)
        lines.append(f"  {name}[i] = {draw(st.sampled_from(('tanh', 'sigmoid', 'sin', '')))}({value})")
        vectors.append(name)
    return Cell.parse(HEAD + "\n".join(lines))
