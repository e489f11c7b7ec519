"""Text to tokens, each with its line and column."""

import re
from dataclasses import dataclass

from grusym.errors import CellError

_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+|\#[^\n]*)|(?P<newline>\n)|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*'?)|(?P<arrow>->)|(?P<symbol>[-+*/^()\[\],:=])"
)
MAX_CHARACTERS = 100_000


@dataclass(frozen=True)
class Token:
    """One token; `kind` is number, name, arrow, newline, end, or the symbol itself."""

    kind: str
    text: str
    line: int
    column: int


@dataclass(frozen=True)
class Source:
    """The text of a cell and where it came from, for error messages."""

    text: str
    name: str = ""

    def error(self, message: str, at: Token) -> CellError:
        return CellError(message, text=self.text, line=at.line, column=at.column, source=self.name)


def tokenize(source: Source) -> list[Token]:
    """Every token of the text, ending with one of kind `end`. Raises CellError at a character outside the notation."""
    if len(source.text) > MAX_CHARACTERS:
        raise CellError(
            f"the cell's text has {len(source.text)} characters; at most {MAX_CHARACTERS} are read", source=source.name
        )
    tokens, position, line, line_start = [], 0, 1, 0
    while position < len(source.text):
        column = position - line_start + 1
        match = _TOKEN.match(source.text, position)
        if match is None:
            character = source.text[position]
            raise source.error(
                f"the character {character!r} is not part of the notation", Token("", character, line, column)
            )
        kind = str(match.lastgroup)
        if kind != "space":
            text = match.group()
            tokens.append(Token(text if kind == "symbol" else kind, text, line, column))
        position = match.end()
        if kind == "newline":
            line, line_start = line + 1, position
    tokens.append(Token("end", "", line, position - line_start + 1))
    return tokens
