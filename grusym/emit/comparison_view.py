"""A comparison of cells as tables: expressions first, then numbers, with the ratio to the first cell."""

from collections.abc import Callable

from sympy import cancel

from grusym.lower.compare import Comparison, Row

Column = Callable[[Row], list[str]]


def comparison_text(comparison: Comparison) -> str:
    """The tables.

    >>> from grusym.lower.compare import compare
    >>> print(comparison_text(compare(["rnn", "gru"], sizes={"I": 64, "H": 128})).splitlines()[-2])
      parameters                    99,328  297,984          3
    """
    symbolic = _table(comparison, lambda row: [str(e) for e in row.expressions], _ratios, str.ljust)
    units = f"Bytes as {comparison.dtype}, parameters in convention {comparison.convention}."
    if not comparison.sizes:
        return "\n".join((*symbolic, "", units))
    sizes = ", ".join(f"{name} = {number}" for name, number in comparison.sizes.items())
    numbers = _table(comparison, lambda row: [f"{value:,}" for value in row.values], _quotients, str.rjust)
    return "\n".join((*symbolic, "", f"{units} With {sizes}:", "", *numbers))


def _ratios(row: Row) -> list[str]:
    """The ratio of each cell to the first, where it is the same for all sizes."""
    first, *others = row.expressions
    ratios = [cancel(other / first) if first != 0 else None for other in others]
    return [str(ratio) if ratio is not None and ratio.is_Rational else "" for ratio in ratios]


def _quotients(row: Row) -> list[str]:
    first, *others = row.values
    return [f"{other / first:.3g}" if first else "" for other in others]


def _table(comparison: Comparison, columns: Column, ratios: Column, align: Callable[[str, int], str]) -> list[str]:
    first, *others = comparison.cells
    lines = [["", *comparison.cells, *(f"{other} / {first}" for other in others)]]
    group = ""
    for row in comparison.rows:
        if row.group != group:
            lines.append([group := row.group])
        lines.append([f"{'  ' if group else ''}{row.name}", *columns(row), *ratios(row)])
    full = [line for line in lines if len(line) > 1]
    widths = [max(len(line[column]) for line in full) for column in range(len(full[0]))]

    def aligned(line: list[str]) -> str:
        name, *texts = (
            text.ljust(width) if n == 0 else text.rjust(width) if n > len(comparison.cells) else align(text, width)
            for n, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join((name, *texts)).rstrip()

    return [aligned(line) if len(line) > 1 else line[0] for line in lines]
