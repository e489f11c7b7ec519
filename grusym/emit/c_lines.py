"""Lines of C: none longer than WIDTH where it can be helped."""

import re

STEP = "    "
WIDTH = 110
# Behind a comma, and before an operator, so that a continued line begins with it.
_BREAK = re.compile(r"(?<=,) | (?=(?:[-+?:]|&&|\|\|) )")


def fold(line: str, width: int = WIDTH) -> list[str]:
    """One statement as several lines, those after the first indented by one more step; never inside an index.

    >>> print("\\n".join(fold("    float sum = first*second + third*fourth;", 36)))
        float sum = first*second
            + third*fourth;
    """
    indent = " " * (len(line) - len(line.lstrip())) + STEP
    lines: list[str] = []
    for piece in _pieces(line):
        if lines and len(lines[-1]) + 1 + len(piece) <= width:
            lines[-1] += f" {piece}"
        else:
            lines.append(f"{indent if lines else ''}{piece}")
    return lines


def _pieces(line: str) -> list[str]:
    """The line, cut where it may be broken: not inside an index."""
    pieces: list[str] = []
    for piece in _BREAK.split(line):
        if pieces and pieces[-1].count("[") > pieces[-1].count("]"):
            pieces[-1] += f" {piece}"
        else:
            pieces.append(piece)
    return pieces


def comment(text: str) -> str:
    """Text that may stand in a comment of C: nothing in it ends the comment, opens another or is a trigraph.

    >>> comment("# a */ b ??/")
    '# a * / b ? ?/'
    """
    return text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
