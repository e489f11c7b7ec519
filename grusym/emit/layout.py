r"""Setting equations in an aligned display, with the long ones broken over lines.

A printed expression may hold the marks TERM and FACTOR, where a line can break: delimiters are of fixed size
(`\Bigl(`), never `\left(`, so that an expression can be broken inside them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TERM, FACTOR = "\x01", "\x02"
LINE = 76.0  # what fits on one line of the document, in letters
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|.")
_WIDE = {"\\sum": 2.2, "\\sigma": 1.2, "\\odot": 2.4, "+": 2.4, "-": 2.0, "=": 2.6, "\\qquad": 4.0, "\\quad": 2.0}
_NONE = frozenset(
    (
        "{ } ^ _ & \\mathrm \\mathit \\mathtt \\bar \\overline \\substack \\bigl \\bigr \\Bigl \\Bigr \\biggl \\biggr"
    ).split()
)


@dataclass(frozen=True)
class Line:
    """One equation: what stands left of the relation, the relation, and what stands right of it."""

    left: str
    right: str
    relation: str = "="


def bracket(body: str, least: str = "") -> str:
    """The body in parentheses large enough for it, and at least of the size `least`."""
    if "\\Bigl" in body or "\\biggl" in body:
        size = "bigg"
    elif "\\sum" in body or "\\frac" in body:
        size = "Big"
    elif re.search(r"\\bigl|(?<![{+e)])\(", body):  # a bracket, not a label as in ^{(r)}, ^{+(r)}, ^{\prime(r)}
        size = "big"
    else:
        size = least
    if not size:
        return f"({body})"
    return f"\\{size}l({body}\\{size}r)"


def solid(text: str) -> str:
    """Text without marks: where it stands it cannot break."""
    return text.replace(TERM, "").replace(FACTOR, "")


def width(text: str) -> float:
    """About how wide the text is set, in letters of normal size."""
    total, scripts = 0.0, [False]
    pending = False
    for token in _TOKEN.findall(solid(text)):
        if token in "^_":
            pending = True
        elif token == "{":
            scripts.append(scripts[-1] or pending)
            pending = False
        elif token == "}":
            scripts.pop()
        elif token not in _NONE and not token.isspace():
            total += _WIDE.get(token, 1.0) * (0.6 if scripts[-1] or pending else 1.0)
            pending = False
    return total


def beside(items: Iterable[str]) -> str:
    """Factors side by side, with a space beside names of several letters."""
    text = ""
    for item in items:
        space = r"\, " if r"\mathit" in text + item else ""
        text += f" {FACTOR}{space}{item}" if text else item
    return text


def broken(text: str, room: float) -> list[str]:
    """The text in pieces of at most `room`, as far as its marks allow: outside brackets first, terms before factors."""
    pieces = [_segments(text)]
    for level in range(1 + max(level for level, _ in pieces[0])):
        pieces = [part for piece in pieces for part in _refilled(piece, room, level)]
    return [_text(piece).strip() for piece in pieces]


Segments = list[tuple[int, str]]


def _segments(text: str) -> Segments:
    """The text between marks, each part with the level of the mark before it: 2 for every bracket, 1 for a factor."""
    parts: Segments = []
    level = inside = start = 0
    for position, letter in enumerate(text):
        inside += (letter in "([") - (letter in ")]")
        if letter in (TERM, FACTOR):
            parts.append((level, text[start:position]))
            level, start = 2 * inside + (letter == FACTOR), position + 1
    return [*parts, (level, text[start:])]


def _text(segments: Segments) -> str:
    return "".join(part for _, part in segments)


def _refilled(segments: Segments, room: float, level: int) -> list[Segments]:
    """A piece that is too wide, broken at marks of this level into as few pieces as fit."""
    if width(_text(segments)) <= room:
        return [segments]
    groups: list[Segments] = [segments[:1]]
    for mark, part in segments[1:]:
        if mark == level:
            groups.append([(mark, part)])
        else:
            groups[-1].append((mark, part))
    filled = groups[:1]
    for group in groups[1:]:
        if width(_text([*filled[-1], *group])) <= room:
            filled[-1] = [*filled[-1], *group]
        else:
            filled.append(group)
    return filled


def rows(lines: Sequence[Line], room: float = LINE) -> list[str]:
    """The rows of an aligned display of these equations."""
    margin = max((width(line.left) for line in lines), default=0.0) + 4.0
    found = []
    for line in lines:
        first, *more = broken(line.right, room - margin)
        found.append(f"{solid(line.left)} &{line.relation} {first}")
        found += [f"&\\qquad {_continued(piece)}" for piece in more]
    return found


def _continued(piece: str) -> str:
    """A piece on a line of its own, with the operator that it goes on with."""
    return f"{{}}{piece}" if piece.startswith(("+", "-", "\\odot")) else f"\\cdot {piece}"


def display(lines: Iterable[Line]) -> str:
    """The equations as a display of a document."""
    return "\\begin{align*}\n  " + " \\\\\n  ".join(rows(tuple(lines))) + "\n\\end{align*}\n"


def implication(before: Sequence[Line], after: Sequence[Line]) -> str:
    """A display of what follows from what: an arrow before each consequence, all aligned at their relations."""
    lines = rows([*before, *after], LINE - 4)
    first = len(rows(before, LINE - 4))
    arrows = ["\\Rightarrow\\quad" if n >= first and not row.startswith("&") else "" for n, row in enumerate(lines)]
    marked = [f"{arrow} && {row}".lstrip() for arrow, row in zip(arrows, lines, strict=True)]
    return "\\begin{alignat*}{2}\n  " + " \\\\\n  ".join(marked) + "\n\\end{alignat*}\n"
