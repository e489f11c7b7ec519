"""A cell as one looks it up: its equations, what goes in and comes out, and how its parameters are packed."""

from sympy import Add, Mul, factor

from grusym.conventions.library import CONVENTIONS
from grusym.conventions.packing import Layout
from grusym.equations.axis import TIME
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.names import final_name, initial_name


def cell_text(cell: Cell, layout: Layout) -> str:
    """The equations and the arrays of a layer of this cell, under a convention.

    >>> from grusym.conventions.library import layout_of
    >>> from grusym.equations.library import cell
    >>> print(cell_text(cell("rnn", biases="none"), layout_of(cell("rnn", biases="none"), "torch")))
    rnn(x[j], h[k]) -> h'[i]    axes  j: I   i, k: H
        h'[i] = tanh(W[i,j] x[j] + U[i,k] h[k])
    <BLANKLINE>
    input       x          (T, B, I)
    state       h0 to h_n  (B, H)
    output      y          (T, B, H)  h' of every step
    parameter   weight_ih  (H, I)     W
    parameter   weight_hh  (H, H)     U
    <BLANKLINE>
    H*(H + I) parameters in convention torch
    """
    layer = Layer(cell)
    rows = [("input", x.name, str((TIME.extent, *layer.shape(x))), "") for x in cell.inputs]
    for state in cell.states:
        names = f"{initial_name(state.name)} to {final_name(state.name)}"
        rows.append(("state", names, str(layer.shape(state.tensor)), ""))
    for series in layer.series:
        held = "" if series.name == series.tensor.name else f"{series.tensor.name} of every step"
        rows.append(("output", series.name, str((TIME.extent, *layer.shape(series.tensor))), held))
    texts = [layout.blocks_text(name) for name, _ in layout.arrays]
    for (name, shape), held in zip(layout.arrays, texts, strict=True):
        rows.append(("parameter", layout.key(name), str(shape), "" if held == name else held))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{kind:<11} {name:<{widths[1]}}  {shape:<{widths[2]}}  {held}".rstrip() for kind, name, shape, held in rows
    ]
    count = factor(Add(*(Mul(*shape) for _, shape in layout.arrays)))
    summary = [f"{count} parameters in convention {layout.convention}"]
    record = CONVENTIONS.get(layout.convention)
    if record and record.flat:
        names = ", ".join(name for name in record.flat.order if any(name == known for known, _ in layout.arrays))
        summary.append(f"The system has them in one vector {record.flat.name} ({count},): {names}, raveled.")
    summary += [f"{condition}: the equations {condition.operation}" for condition in cell.conditions]
    signs = {"^T": "^T is transposed", " | ": "| stands between blocks side by side", "; ": "; between rows of blocks"}
    used = [meaning for sign, meaning in signs.items() if any(sign in text for text in texts)]
    if used:
        summary.append(f"Of blocks: {', '.join(used)}.")
    return "\n".join((str(cell), "", *lines, "", *summary))
