"""What grusym raises when it is used wrongly or cannot go on.

Every message is one clear sentence: what was wrong, the value, where, and how to mend it.
The command line prints it and exits with code 2; a subclass exists where a caller would catch it by itself.
"""

from collections.abc import Sequence

EXCERPT = 100  # characters of a line of a cell that are shown
OUTPUT_TAIL = 20  # lines of a compiler's output that are repeated


class GrusymError(Exception):
    """The base of every error grusym raises on purpose."""


class InputError(GrusymError):
    """An array, shape, dtype, option or path that grusym was given cannot be used."""


class DerivativeError(GrusymError):
    """A function has no derivative rule."""


class LoweringError(GrusymError):
    """An IR is ill-formed, or a transformation does not apply to it."""


class CellError(GrusymError):
    """The text of a cell is malformed; the message points at the column.

    `text` is the cell's whole text, `source` the name of its file; `line` and `column` count from 1, 0 is
    not known.

    >>> print(CellError("index q has no axis", "tiny(h[i])\\n  h'[q] = h[i]", 2, 6, "tiny.cell"))
    tiny.cell:2:6: index q has no axis
        h'[q] = h[i]
           ^
    """

    def __init__(self, message: str, text: str = "", line: int = 0, column: int = 0, source: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.line = line
        self.column = column
        self.source = source

    def __str__(self) -> str:
        if not self.line:
            return f"{self.source}: {self.message}" if self.source else self.message
        where = f"{self.source or '<cell>'}:{self.line}"
        if self.column:
            where += f":{self.column}"
        return f"{where}: {self.message}{self._excerpt()}"

    def _excerpt(self) -> str:
        """The offending line, or the part of a long one, without its own indentation, and a caret under the column."""
        lines = self.text.split("\n")
        if self.line > len(lines):
            return ""
        line = lines[self.line - 1].rstrip()
        shown = line.lstrip()
        if not shown:
            return ""
        at = max(0, self.column - 1 - (len(line) - len(shown)))
        start = max(0, min(at - EXCERPT // 2, len(shown) - EXCERPT))
        before, after = "..." * (start > 0), "..." * (start + EXCERPT < len(shown))
        shown, at = f"{before}{shown[start : start + EXCERPT]}{after}", len(before) + at - start
        if not self.column:
            return f"\n    {shown}"
        # A tab stays a tab: it is as wide above the caret as before it.
        padding = "".join("\t" if character == "\t" else " " for character in shown[:at].ljust(at))
        return f"\n    {shown}\n    {padding}^"


class CompilerError(GrusymError):
    """There is no compiler, or it failed; keeps the command and the end of what the compiler said."""

    def __init__(self, message: str, command: Sequence[str] = (), output: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.command = tuple(command)
        self.output = "\n".join(output.rstrip().splitlines()[-OUTPUT_TAIL:])

    def __str__(self) -> str:
        parts = [self.message]
        if self.command:
            parts.append("  command: " + " ".join(self.command))
        if self.output:
            parts.append(self.output)
        return "\n".join(parts)
