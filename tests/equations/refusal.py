"""What a refused cell says, and where it points."""

from grusym.equations.cell import Cell
from grusym.errors import CellError

HEAD = "f(x[j], h[k]) -> h'[i]  axes j: I  i, k, l: H\n"


def refused(text: str) -> CellError:
    """The error that a text raises."""
    try:
        cell = Cell.parse(text)
    except CellError as error:
        return error
    raise AssertionError(f"nothing was refused; the cell is\n{cell}\nwith {[str(e) for e in cell.equations]}")


def pointed(marked: str) -> tuple[str, int, int]:
    """A text without its mark », and the line and column of what stands behind the mark."""
    assert marked.count("»") == 1, marked
    before = marked[: marked.index("»")]
    return marked.replace("»", ""), before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def assert_refused(marked: str, message: str) -> None:
    """The text is refused with exactly this message, at the place of the mark."""
    text, line, column = pointed(marked)
    error = refused(text)
    assert (error.message, error.line, error.column) == (message, line, column), str(error)


def equation_of(value: str, head: str = HEAD) -> str:
    """`value` in the equation of h'[i], as SymPy writes it; x and h are used besides."""
    cell = Cell.parse(f"{head}unused = x[j] x[j] h[k] h[k]\nh'[i] = {value} + 0 unused")
    return str(cell.equations[-1].value)
