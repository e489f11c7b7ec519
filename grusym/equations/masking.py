"""Masks: a step that does not count leaves every state as it was.

    h'[i] = m h_new[i] + (1 - m) h[i]        y[i] = m h_new[i]   (output="zero")

m is a number per step and sample, 1 where the step counts and 0 where it does not; between them the two are blended.
With 0 and 1 and finite values the results are, but for the sign of a zero, the bits of a step that was taken or left
out. So sequences of different lengths run in one batch, forward and in reverse, each to its own final state.
"""

from grusym.equations.cell import Cell
from grusym.equations.rewriting import element, rewritten, unused
from grusym.errors import InputError

OPTION = "mask"
VALUES = ("none", "zero", "hold")


def masked(cell: Cell | str, output: str = "zero") -> Cell:
    """A cell with one more input, the mask, and its states held where that is 0.

    The mask comes last among the inputs, a number per step and sample: (T, B). Where it is 0, the cell's outputs are 0
    with `output="zero"`, as PyTorch pads packed sequences and Keras has it with zero_output_for_mask; with "hold" they
    are those of the step before, as Keras does otherwise (y is the first state, so h0 before the first step that
    counts, where Keras writes 0). In the command line's spelling this is an option of every cell: gru:mask=zero.

    >>> print(masked("rnn:biases=none"))
    rnn(x[j], h[k], m) -> h'[i], y[i]    axes  j: I   i, k: H
        h_new[i] = tanh(W[i,j] x[j] + U[i,k] h[k])
        h'[i] = m h_new[i] + (1 - m) h[i]
        y[i] = m h_new[i]

    Raises InputError for another `output`, a cell that has a mask already, and "hold" for a cell with named outputs,
    which have no step before the first.
    """
    from grusym.equations.library import as_cell

    cell = as_cell(cell)
    if output not in VALUES[1:]:
        raise InputError(f"output={output!r} is unknown; what is masked is one of {', '.join(VALUES[1:])}")
    if OPTION in dict(cell.options):
        raise InputError(f"{cell.spelling} has a mask already; mask the cell without it")
    if output == "hold" and cell.outputs:
        named = ", ".join(tensor.name for tensor in cell.outputs)
        raise InputError(
            f"{cell.spelling} has the output {named}, which has no value before the first step to hold; "
            f"make it a state, or mask with output=zero ({OPTION}=zero)"
        )
    mask = unused(cell, "m", "mask")
    news: dict[str, str] = {}
    for name in (*(state.name for state in cell.states), *(tensor.name for tensor in cell.outputs)):
        news[name] = unused(cell, f"{name}_new", besides=(mask, *news.values()))
    renamed = {state.update.name: news[state.name] for state in cell.states}
    renamed |= {tensor.name: news[tensor.name] for tensor in cell.outputs}
    equations, results = [], []
    for state in cell.states:
        new, old = (element(state.update, name) for name in (news[state.name], state.name))
        equations.append(f"{element(state.update)} = {mask} {new} + (1 - {mask}) {old}")
    if output == "zero":
        outputs = {element(tensor): element(tensor, news[tensor.name]) for tensor in cell.outputs}
        if not outputs:
            first = cell.states[0]
            results = [element(first.update, "y")]
            outputs = {results[0]: element(first.update, news[first.name])}
        equations += [f"{target} = {mask} {new}" for target, new in outputs.items()]
    return rewritten(cell, (OPTION, output), renamed, (mask,), equations, results)


def mask_of(cell: Cell) -> str:
    """The input that is the mask of a cell that `masked` made."""
    return cell.inputs[-1].name
