"""Breaking long lines of Python where a formatter would break them."""

from collections.abc import Iterator

WIDTH = 100
INDENT = "    "
DELIMITERS = ((",",), (" + ", " - "), (" * ", " / ", " @ "))  # a line breaks at the weakest that it has
OPENING, CLOSING = "([{", ")]}"


def broken(statement: str, indent: str) -> list[str]:
    """A statement in lines of at most WIDTH, as far as it has places to break."""
    if len(indent + statement) <= WIDTH:
        return [indent + statement]
    target, sign, value = _assignment(statement)
    if sign and any(len(_split(value, marks)) > 1 for marks in DELIMITERS):
        return _around(f"{target}{sign}(", value, ")", indent)
    return _inside(statement, indent)


def negated(text: str) -> str:
    """The text of a product with a minus before it, as a formatter has it: a power in front stands in brackets."""
    first, *_ = _split(text, DELIMITERS[2])
    if any(text.startswith("**", place) for place in _outside(first)):
        return f"-({first}){text[len(first) :]}"
    return f"-{text}"


def _inside(text: str, indent: str) -> list[str]:
    """A text in lines, broken inside its last bracket."""
    if len(indent + text) <= WIDTH:
        return [indent + text]
    end = max(text.rfind(bracket) for bracket in CLOSING)
    start = _opening(text, end)
    if start is None:
        return [indent + text]
    return _around(text[: start + 1], text[start + 1 : end], text[end:], indent)


def _around(head: str, body: str, tail: str, indent: str) -> list[str]:
    inner = indent + INDENT
    if len(inner + body) <= WIDTH and not body.endswith(","):
        return [indent + head, inner + body, indent + tail]
    marks = next((marks for marks in DELIMITERS if len(_split(body, marks)) > 1), ())
    pieces = _split(body, marks)
    comma = "," if marks == DELIMITERS[0] else ""
    lines = [line for piece in pieces for line in _inside(piece.rstrip(",") + comma, inner)]
    return [indent + head, *lines, indent + tail]


def _split(text: str, marks: tuple[str, ...]) -> list[str]:
    """The text in pieces at these delimiters outside all brackets; an operator begins its piece."""
    pieces, start = [], 0
    for place in _outside(text):
        mark = next((mark for mark in marks if text.startswith(mark, place)), None)
        if mark == ",":
            pieces.append(text[start : place + 1].strip())
            start = place + 1
        elif mark and place > start:
            pieces.append(text[start:place].strip())
            start = place
    last = text[start:].strip()
    return [*pieces, last] if last else pieces


def _assignment(statement: str) -> tuple[str, str, str]:
    for place in _outside(statement):
        for sign in (" = ", " += "):
            if statement.startswith(sign, place):
                return statement[:place], sign, statement[place + len(sign) :]
    return statement, "", ""


def _outside(text: str) -> Iterator[int]:
    """The places of a text that lie in no bracket, no string and no list of parameters."""
    depth, quote, parameters = 0, "", False
    for place, letter in enumerate(text):
        if parameters or text.startswith("lambda ", place):
            parameters = letter != ":"
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in OPENING:
            depth += 1
        elif letter in CLOSING:
            depth -= 1
        elif not depth:
            yield place


def _opening(text: str, end: int) -> int | None:
    """Where the bracket that closes at `end` opens."""
    depth = 0
    for place in range(end, -1, -1):
        depth += (text[place] in CLOSING) - (text[place] in OPENING)
        if depth == 0:
            return place
    return None
