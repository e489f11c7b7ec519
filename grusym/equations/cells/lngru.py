"""The GRU with layer normalisation (Ba, Kiros and Hinton 2016): of its input and recurrent products, each by itself.

With norm=gate the units of each gate are normalised, as in the paper; with norm=all the 3H pre-activations of the three
gates together, as Haste's LayerNormGRU does. Gains g (input) and k (recurrent) scale what is normalised, biases follow;
the variance is taken with 0.00001 added to it.
"""

OPTIONS = {
    "norm": ("gate", "all"),
    "update": ("keep", "write"),  # the update gate keeps the old state, or writes the candidate
    "biases": ("two", "one", "none"),  # input and recurrent biases, input biases only, none
}


def text(norm: str, update: str, biases: str) -> str:
    """The cell with these options, reset after: p and q are the products, mp, sp, mq, sq what normalises them."""
    b, c = (biases != "none", biases == "two")
    old, new = ("z[i]", "(1 - z[i])") if update == "keep" else ("(1 - z[i])", "z[i]")

    def moments(product: str) -> str:
        groups = ["r", "z", "n"] if norm == "gate" else [""]
        lines = []
        for group in groups:
            gates, name = ([group], f"_{group}") if group else (["r", "z", "n"], "")
            count = "H" if group else "(3 H)"
            mean = " + ".join(f"sum[l]({product}_{gate}[l])" for gate in gates)
            square = " + ".join(f"sum[l](({product}_{gate}[l] - m{product}{name})^2)" for gate in gates)
            lines.append(f"    m{product}{name} = ({mean}) / {count}\n")
            lines.append(f"    s{product}{name} = 1 / sqrt(({square}) / {count} + 0.00001)\n")
        return "".join(lines)

    def normal(product: str, gain: str, gate: str) -> str:
        name = f"_{gate}" if norm == "gate" else ""
        return f"{gain}_{gate}[i] ({product}_{gate}[i] - m{product}{name}) s{product}{name}"

    def bias(gate: str) -> str:
        return (f" + b_{gate}[i]" if b else "") + (f" + c_{gate}[i]" if c else "")

    def products(name: str, weights: str, operand: str, index: str) -> str:
        return "".join(f"    {name}_{g}[i] = {weights}_{g}[i,{index}] {operand}[{index}]\n" for g in "rzn")

    return (
        "lngru(x[j], h[k]) -> h'[i]    axes  j: I   i, k, l: H\n"
        + products("p", "W", "x", "j")
        + products("q", "U", "h", "k")
        + moments("p")
        + moments("q")
        + f"    r[i]  = sigmoid({normal('p', 'g', 'r')} + {normal('q', 'k', 'r')}{bias('r')})\n"
        + f"    z[i]  = sigmoid({normal('p', 'g', 'z')} + {normal('q', 'k', 'z')}{bias('z')})\n"
        + f"    u[i]  = {normal('q', 'k', 'n')}{' + c_n[i]' if c else ''}\n"
        + f"    n[i]  = tanh({normal('p', 'g', 'n')}{' + b_n[i]' if b else ''} + r[i] u[i])\n"
        + f"    h'[i] = {new} n[i] + {old} h[i]\n"
    )
