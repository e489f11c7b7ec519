"""Theorem: what GRU and LSTM cost, as polynomials in the sizes. Level: exact, all sizes.

The counts are read off the layout and the lowered kernel, and compared as polynomials with the formulas stated here.
"""

from sympy import Add, Expr, Mul, Rational, expand

from grusym.equations.axis import BATCH, TIME, Axis
from grusym.equations.library import cell
from grusym.lower.cost import cost
from grusym.lower.lowered import lower

I, H = Axis("I").extent, Axis("H").extent
T, B = TIME.extent, BATCH.extent


def parameters(spelling: str) -> Expr:
    """How many parameters a cell has."""
    return Add(*(Mul(*tensor.shape) for tensor in cell(spelling).parameters))


def multiply_adds(spelling: str) -> Expr:
    """How many multiply-adds one step takes for one sample."""
    return cost(lower(cell(spelling)).forward).multiply_adds / (T * B)


def differences() -> dict[str, Expr]:
    """Each statement as left side minus right side: all are zero."""
    two, one = 3 * (I * H + H**2 + 2 * H), 3 * (I * H + H**2 + H)
    return {
        "parameters of the GRU, two biases": expand(parameters("gru") - two),
        "parameters of the GRU, one bias": expand(parameters("gru:biases=one") - one),
        "parameters of the LSTM": expand(parameters("lstm") - Rational(4, 3) * two),
        "multiply-adds of a GRU's step": expand(multiply_adds("gru") - 3 * H * (I + H)),
    }


if __name__ == "__main__":
    for statement, difference in differences().items():
        print(f"{statement}: {'proven' if difference == 0 else f'REFUTED, off by {difference}'}")
