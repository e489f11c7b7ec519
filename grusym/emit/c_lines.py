"""Lines of C: none longer than WIDTH where it can be helped."""

import re

STEP = "    "
WIDTH = 110
# Behind a comma, and before an operator, so that a continued line begins with it.
_BREAK = re.compile(r"(?<=,) | (?=(?:[-+?:]|&&|\|\|) )")


def fold(line: str, width: int = WIDTH) -> list[str]:
    """One statement as several lines, those after the first indented by one more step.

    >>> print(*fold("    const float sum = first*second + third*fourth;", 36), sep="\\\\n")
        const float sum = first*second
            + third*fourth;
    """
    indent = " " * (len(line) - len(line.lstrip())) + STEP
    lines: list[str] = []
    for piece in _BREAK.split(line):
        if lines and len(lines[-1]) + 1 + len(piece) <= width:
            lines[-1] += f" {piece}"
        else:
            lines.append(f"{indent if lines else ''}{piece}")
    return lines


def comment(text: str) -> str:
    """Text that may stand in a comment of C: nothing in it ends the comment, opens another or is a trigraph.

    >>> comment("# a */ b ??/")
    '# a * / b ? ?/'
    """
    return text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
