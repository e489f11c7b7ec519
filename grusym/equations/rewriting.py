"""A cell made from a cell: its text with other names, further inputs, results and equations, and parsed again.

What transforms a cell so knows only its tensors, and what comes out is a cell as any other: gradients, kernels and
documents follow from its text, which keeps the names, the layout and the comments of the author.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from grusym.equations.cell import Cell
from grusym.equations.functions import FLOOR, FUNCTIONS
from grusym.equations.names import LAYER_SIZES, derived_names, is_reserved
from grusym.equations.tensor import Tensor
from grusym.equations.tokens import Source, Token, tokenize

INDENT = "    "


def rewritten(
    cell: Cell,
    option: tuple[str, str],
    renamed: Mapping[str, str],
    inputs: Sequence[str],
    equations: Sequence[str],
    results: Sequence[str] = (),
) -> Cell:
    """The cell with `inputs` and `results` added to its signature and `equations` below its own.

    In its own equations, the names in `renamed` are replaced; the signature keeps them, so that an added equation can
    define anew what an own one called so. `option` is how the cell is told from the one that it was made from.

    Raises CellError where that is no cell.
    """
    tokens = [token for token in tokenize(Source(cell.text)) if token.kind != "newline"]
    arrow = next(n for n, token in enumerate(tokens) if token.kind == "arrow")
    axes = next(
        n for n, token in enumerate(tokens) if n > arrow + 1 and token.text == "axes" and tokens[n - 1].kind != ","
    )
    starts = _line_starts(cell.text)
    inputs_end, results_end = _place(tokens[arrow - 1], starts), _end(tokens[axes - 1], starts)
    edits = [(inputs_end, inputs_end, "".join(f", {element}" for element in inputs))]
    edits.append((results_end, results_end, "".join(f", {element}" for element in results)))
    edits += [
        (_place(token, starts), _end(token, starts), renamed[token.text])
        for token in tokens[axes:]
        if token.kind == "name" and token.text in renamed
    ]
    text = "\n".join((_edited(cell.text, edits).rstrip(), *(INDENT + equation for equation in equations))) + "\n"
    return replace(Cell.parse(text, source=cell.name), options=(*cell.options, option))


def element(tensor: Tensor, name: str | None = None) -> str:
    """The access to a tensor, or to one of another name and the same axes, as text: h[k]."""
    name = name or tensor.name
    return f"{name}[{','.join(tensor.letters)}]" if tensor.letters else name


def unused(cell: Cell, *candidates: str, besides: Iterable[str] = ()) -> str:
    """The first of these names that means nothing in the cell nor in what is derived from it; else a numbered one."""
    tensors = [*cell.tensors, *besides]
    taken = {name for name, _ in derived_names(tensors, [state.name for state in cell.states])}
    taken |= {*tensors, *_words(cell), *(axis.name for axis in cell.axes), *LAYER_SIZES, *FUNCTIONS, FLOOR, "sum"}
    number = 1
    while True:
        for candidate in candidates:
            name = candidate if number == 1 else f"{candidate}{number}"
            own = {name, *(derived for derived, _ in derived_names([name], []))}
            if not is_reserved(name) and own.isdisjoint(taken):
                return name
        number += 1


def _words(cell: Cell) -> set[str]:
    """Every name in the text: indices too, of which those of a sum stand in no tensor."""
    words = {token.text for token in tokenize(Source(cell.text)) if token.kind == "name"}
    return words | {f"{word}_" for word in words}  # k_ is what a second k is renamed to


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _place(token: Token, starts: Sequence[int]) -> int:
    return starts[token.line - 1] + token.column - 1


def _end(token: Token, starts: Sequence[int]) -> int:
    return _place(token, starts) + len(token.text)


def _edited(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with each part from start to end replaced."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
