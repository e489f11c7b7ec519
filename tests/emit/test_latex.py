r"""Index form: what stands in a document for the key equations, to the letter."""

import pytest
from sympy import Function, Symbol

from grusym.calculus.derivation import derive
from grusym.emit.latex import application, equation_line, node_line
from grusym.emit.layout import TERM, Line, broken, rows, solid, width
from grusym.emit.notation import Notation, spelt
from grusym.equations.cell import Cell
from grusym.equations.library import cell
from grusym.errors import GrusymError
from tests.emit.documented_cells import CONV, ODD


def printed(which: Cell) -> dict[str, str]:
    """Every equation and adjoint node of a cell in index form, by the tensor it defines."""
    derivation = derive(which)
    notation, shapes = Notation.of(derivation), derivation.bptt.program.shapes
    lines = {str(e.target).partition("[")[0]: equation_line(e, notation, shapes) for e in which.equations}
    lines |= {node.tensor: node_line(node, notation, shapes) for node in derivation.vjp.nodes}
    return {name: solid(f"{line.left} {line.relation} {line.right}") for name, line in lines.items()}


def test_gru() -> None:
    gru = printed(cell("gru"))
    assert gru["r"] == (
        r"r_{t,i} = \sigma\Bigl(\sum_{j} W^{(r)}_{ij} x_{t,j} + \sum_{k} U^{(r)}_{ik} h_{t-1,k}"
        r" + b^{(r)}_{i} + c^{(r)}_{i}\Bigr)"
    )
    assert gru["h'"] == r"h_{t,i} = (1 - z_{t,i}) n_{t,i} + z_{t,i} h_{t-1,i}"
    assert gru["da_n"] == r"\bar{a}^{(n)}_{t,i} = \bar{n}_{t,i} (1 - n_{t,i}^{2})"
    assert gru["da_r"] == r"\bar{a}^{(r)}_{t,i} = \bar{r}_{t,i} r_{t,i} (1 - r_{t,i})"
    assert gru["dU_r"] == r"\bar{U}^{(r)}_{ik} = \bar{a}^{(r)}_{t,i} h_{t-1,k}"
    assert gru["dh_sum"] == (
        r"\bar{h}^{+(\mathrm{sum})}_{t-1,k} = \sum_{i} \bigl(U^{(r)}_{ik} \bar{a}^{(r)}_{t,i}"
        r" + U^{(z)}_{ik} \bar{a}^{(z)}_{t,i} + U^{(n)}_{ik} \bar{u}_{t,i}\bigr)"
    )
    assert gru["dh"] == r"\bar{h}^{+}_{t-1,k} = \bar{h}_{t,k} z_{t,k} + \bar{h}^{+(\mathrm{sum})}_{t-1,k}"


def test_reset_before() -> None:
    gru = printed(cell("gru:reset=before"))
    assert gru["n"] == (
        r"n_{t,i} = \tanh\Bigl(\sum_{j} W^{(n)}_{ij} x_{t,j} + \sum_{k} U^{(n)}_{ik} r_{t,k} h_{t-1,k}"
        r" + b^{(n)}_{i} + c^{(n)}_{i}\Bigr)"
    )
    assert gru["dh_r"] == r"\bar{h}^{(r)}_{t,k} = \sum_{i} U^{(n)}_{ik} \bar{a}^{(n)}_{t,i}"


def test_two_states() -> None:
    lstm = printed(cell("lstm"))
    assert lstm["c'"] == r"c_{t,k} = f_{t,k} c_{t-1,k} + i_{t,k} g_{t,k}"
    assert lstm["h'"] == r"h_{t,k} = o_{t,k} \tanh(c_{t,k})"
    assert lstm["dc'_total"] == (
        r"\bar{c}^{(\mathrm{total})}_{t,k} = \overline{\mathit{tanh}}^{(c')}_{t,k} \, "
        r"\bigl(1 - (\mathit{tanh}^{(c')}_{t,k})^{2}\bigr) + \bar{c}_{t,k}"
    )
    assert lstm["dc"] == r"\bar{c}^{+}_{t-1,k} = \bar{c}^{(\mathrm{total})}_{t,k} f_{t,k}"
    assert lstm["di"] == r"\bar{\imath}_{t,k} = \bar{c}^{(\mathrm{total})}_{t,k} g_{t,k}"


def test_shifted_access_states_its_guard_below_the_sum() -> None:
    conv = printed(Cell.parse(CONV))
    assert conv["h'"] == (
        r"h_{t,c,p} = \tanh\Bigl(\sum_{\substack{d,u \\ 0\le p+u-1<P}} W_{cdu} x_{t,d,p+u-1}"
        r" + \sum_{\substack{e,u \\ 0\le p+u-1<P}} U_{ceu} h_{t-1,e,p+u-1} + b_{c}\Bigr)"
    )
    assert conv["dx"] == (r"\bar{x}_{t,d,p} = \sum_{\substack{c,u \\ 0\le p-u+1<P}} W_{cdu} \bar{a}^{(h')}_{t,c,p-u+1}")


def test_an_index_as_a_number() -> None:
    ramp = printed(
        Cell.parse(
            "ramp(x[j], h[k]) -> h'[i]  axes i, k: H  j: I\n"
            "h'[i] = (2 i/(H-1) - 1) h[i] + U[i,k] h[k] k^2 + W[i,j] x[j] exp(-(i - j)^2 / (j + 1))"
        )
    )
    assert ramp["h'"] == (
        r"h_{t,i} = \sum_{j} \exp\Bigl(-\frac{(i - j)^{2}}{1 + j}\Bigr) W_{ij} x_{t,j}"
        r" + \sum_{k} k^{2} U_{ik} h_{t-1,k} + \Bigl(\frac{2 i}{H - 1} - 1\Bigr) h_{t-1,i}"
    )
    assert ramp["dU"] == r"\bar{U}_{ik} = k^{2} \bar{h}_{t,i} h_{t-1,k}"


def test_guard_outside_a_sum_and_scatter() -> None:
    odd = printed(Cell.parse(ODD))
    assert r"\lvert [0\le p-1<P]\,h_{t-1,c,p-1}\rvert" in odd["h'"]
    assert odd["dh_sum"].endswith(r"= [0\le p+1<P]\,\bar{a}^{(\mathit{abs},h)}_{t,c,p+1}")
    assert odd["dA_sum"].endswith(r"\mathrel{+}= \bar{h}^{\prime(\mathit{sum})}_{t}\quad\text{for all } k")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("W_r", "W^{(r)}"),
        ("W2", "W^{(2)}"),
        ("gamma_h", r"\gamma^{(h)}"),
        ("zeta", r"\zeta"),
        ("tanh_c_next", r"\mathit{tanh}^{(c')}"),
        ("a_h_next_x", "a^{(h',x)}"),
        ("y'", r"y^{\prime}"),
        ("W__x", r"\mathtt{W\_\_x}"),
        ("W_", r"\mathtt{W\_}"),
    ],
)
def test_names(name: str, text: str) -> None:
    assert spelt(name).text() == text


def test_names_that_would_look_alike_are_spelt_out() -> None:
    both = Cell.parse("both(x[j], h[k]) -> h'[i]  axes j: I  i, k: H\n h'[i] = tanh(W2[i,j] x[j] + W_2[i,k] h[k])")
    text = printed(both)["h'"]
    assert r"\mathtt{W2}_{ij}" in text
    assert r"\mathtt{W\_2}_{ik}" in text


def test_carry_belongs_to_the_step_that_the_notation_says() -> None:
    derivation = derive(cell("gru"))
    notation, shapes = Notation.of(derivation), derivation.bptt.program.shapes
    start, seed, end = (
        node_line(node, notation.at(at), shapes)
        for node, at in zip(
            (derivation.bptt.start[0], derivation.bptt.seeds[0], derivation.bptt.end[0]), ("T", "t", "0"), strict=True
        )
    )
    assert (start.left, start.right) == (r"\bar{h}^{+}_{T,k}", r"\bar{h}_{\mathrm{n},k}")
    assert (seed.left, solid(seed.right)) == (r"\bar{h}_{t,i}", r"\bar{y}_{t,i} + \bar{h}^{+}_{t,i}")
    assert (end.left, end.right) == (r"\bar{h}_{0,k}", r"\bar{h}^{+}_{0,k}")


def test_unknown_function_is_named() -> None:
    with pytest.raises(GrusymError, match="no LaTeX for the function mish"):
        application(Function("mish"), [str(Symbol("a"))])


def test_a_long_line_breaks_outside_brackets_first() -> None:
    text = f"\\sigma(aaaa {TERM}+ bbbb) {TERM}+ cccc {TERM}+ dddd"
    assert broken(text, width(text)) == [solid(text)]
    assert broken(text, 19.0) == [r"\sigma(aaaa + bbbb)", "+ cccc + dddd"]
    assert broken(text, 8.0) == [r"\sigma(aaaa", "+ bbbb)", "+ cccc", "+ dddd"]


def test_no_mark_is_left_in_a_display() -> None:
    assert rows([Line("y", f"a {TERM}+ b")]) == ["y &= a + b"]
