"""A cell in a system's own symbols: the same equations, with the names that the system's users know.

A record's `letters`, `weights`, `tensors` and `axes` say what the system calls things. An index whose letter the system
uses for a tensor (cuDNN has a gate i) gives way to another letter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from grusym.conventions.library import convention_by_name, layout_of
from grusym.conventions.packing import Layout
from grusym.conventions.record import Convention
from grusym.equations.axis import Axis, indices_in
from grusym.equations.cell import Cell
from grusym.equations.tensor import Role, Tensor
from grusym.equations.tokens import Source, Token, tokenize
from grusym.errors import InputError

INDICES = "ijklmpqsuvwabcdefghnor"


def as_written(cell: Cell, convention: str | None = None) -> tuple[Cell, Layout]:
    """A cell and its layout as a system writes them; as they are without a convention, or in the cell's own.

    Raises InputError for an unknown convention, or one that does not fit the cell.
    """
    layout = layout_of(cell, convention)
    if convention is None or convention == "own":
        return cell, layout
    record = convention_by_name(convention)
    return in_symbols(cell, record), renamed(layout, cell, record)


def in_symbols(cell: Cell, convention: Convention) -> Cell:
    """The cell as a system writes it. What it computes, and the order of its parameters, are the same.

    >>> from grusym.conventions.library import cell_in, convention_by_name
    >>> print(in_symbols(cell_in("rnn", "onnx"), convention_by_name("onnx")))
    rnn(X[j], H[k]) -> H'[i]    axes  j: input_size   i, k: hidden_size
        H'[i] = tanh(W_i[i,j] X[j] + R_i[i,k] H[k] + Wb_i[i] + Rb_i[i])

    Raises InputError where two things would go by one name.
    """
    names = renaming(cell, convention)
    return replace(Cell.parse(_rewritten(cell.text, names), source=convention.name), options=cell.options)


def renaming(cell: Cell, convention: Convention) -> dict[str, str]:
    """What becomes of every name in a cell: its tensors, indices and axes. No two become one."""
    updates = {state.update.name for state in cell.states}
    found = {tensor.name: _name(tensor, cell, convention) for tensor in cell.tensors.values()}
    found |= {name: f"{found[name[:-1]]}'" for name in updates}
    found |= {axis.name: convention.axes.get(axis.name, axis.name) for axis in cell.axes}
    taken: dict[str, str] = {}
    for name, symbol in found.items():
        if taken.setdefault(symbol, name) != name:
            raise InputError(
                f"convention {convention.name} would call {taken[symbol]} and {name} of {cell.spelling} both {symbol}; "
                "give one of them a name of its own in the record"
            )
    free = [letter for letter in INDICES if letter not in found.values()]
    letters = _letters(cell)
    for letter in letters:
        kept = letter in free and letter not in found
        found[letter] = letter if kept else next(other for other in free if other not in letters)
        free.remove(found[letter])
    return found


def renamed(layout: Layout, cell: Cell, convention: Convention) -> Layout:
    """A layout of the cell, for the cell that `in_symbols` makes of it: the same arrays of the renamed tensors."""
    names = renaming(cell, convention)
    extents = {axis.extent: Axis(names[axis.name]).extent for axis in cell.axes}
    places = [
        replace(
            place,
            tensor=names[place.tensor],
            starts=tuple(start.xreplace(extents) for start in place.starts),
            shape=tuple(extent.xreplace(extents) for extent in place.shape),
        )
        for place in layout.placements
    ]
    arrays = tuple((name, tuple(extent.xreplace(extents) for extent in shape)) for name, shape in layout.arrays)
    return replace(layout, arrays=arrays, placements=tuple(places))


def _name(tensor: Tensor, cell: Cell, convention: Convention) -> str:
    name = tensor.name
    if tensor.role is not Role.PARAMETER:
        return convention.tensors.get(name, convention.letters.get(name, name))
    letter, _, gate = name.partition("_")
    keys = (f"{cell.name}:{letter}", name, letter)
    pattern = next((convention.weights[key] for key in keys if key in convention.weights), f"{letter}_{{}}")
    return pattern.format(convention.letters.get(gate, gate)).rstrip("_")


def _letters(cell: Cell) -> list[str]:
    """The indices of a cell, those of its tensors first."""
    own = [letter for tensor in cell.tensors.values() for letter in tensor.letters]
    bound = [index.name.rstrip("_") for equation in cell.equations for index in indices_in(equation.value)]
    return list(dict.fromkeys((*own, *bound)))


def _rewritten(text: str, names: Mapping[str, str]) -> str:
    """A text with every name replaced, and its equations' signs of equality below each other."""
    lines = text.split("\n")
    found = [list(line) for line in lines]
    for token in _named(tokenize(Source(text)), names):
        start = token.column - 1
        found[token.line - 1][start : start + len(token.text)] = [
            names[token.text],
            *[""] * (len(token.text) - 1),
        ]
    head, *equations = ["".join(line) for line in found]
    sides = [equation.partition(" = ") for equation in equations]
    width = max((len(left.rstrip()) for left, sign, _ in sides if sign), default=0)
    aligned = [f"{left.rstrip():<{width}}{sign}{right}" if sign else left for left, sign, right in sides]
    return "\n".join((head, *aligned))


def _named(tokens: Iterable[Token], names: Mapping[str, str]) -> list[Token]:
    """The names that are replaced; the first is the cell's own."""
    words = [token for token in tokens if token.kind == "name"]
    return [token for token in words[1:] if token.text in names]
