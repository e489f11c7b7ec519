"""The order in which terms and factors are read: that of the cell's text, and not the one that SymPy keeps them in."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from grusym.calculus.program import Program
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.names import code_name, cotangent_name
from grusym.equations.tensor import tensor_of

_WORD = re.compile(r"[A-Za-z_]\w*'?")
_COMMENT = re.compile("#.*")
_TARGET = re.compile(r"([A-Za-z_]\w*'?)\s*(?:\[[^\]]*\])?\s*=")
Key = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Reading:
    """Ranks of names; in an adjoint, parameters order terms, and cotangents, which are no `values`, lead a product."""

    rank: dict[str, int]
    parameters: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()

    def term(self, names: Collection[str]) -> Key:
        """The place of a term that reads these tensors: terms of an adjoint without a parameter come first."""
        return (self._ranks(self.parameters.intersection(names)), self._ranks(set(names) - self.parameters))

    def factor(self, names: Collection[str], compound: bool) -> Key:
        """The place of a factor that reads these tensors: in an adjoint cotangents first, sums and powers last."""
        if not self.values:
            return ((0,), self._ranks(names))
        return ((2 if compound else int(self.values.issuperset(names)),), self._ranks(names))

    def _ranks(self, names: Collection[str]) -> tuple[int, ...]:
        return tuple(sorted(self.rank.get(name, len(self.rank)) for name in names))


def equation_readings(cell: Cell) -> dict[str, Reading]:
    """For every tensor that an equation defines, the order of the words of that equation; others follow."""
    defined = {tensor_of(equation.target) for equation in cell.equations}
    text = _COMMENT.sub("", cell.text)
    starts = [match for match in _TARGET.finditer(text) if match[1] in defined]
    words = _words(text)
    readings = {}
    for match, after in zip(starts, [*(m.start() for m in starts[1:]), len(text)], strict=True):
        readings[code_name(match[1])] = Reading(_ranked([*_words(text[match.end() : after]), *words]))
    return readings


def adjoint_reading(layer: Layer, forward: Program) -> Reading:
    """The order for the adjoint: parameters as they are declared, cotangents of the outputs, then the text's words."""
    parameters = [tensor.name for tensor in layer.cell.parameters]
    words = _words(_COMMENT.sub("", layer.cell.text))
    series = [cotangent_name(series.name) for series in layer.series]
    received = [cotangent_name(word) for word in words]
    values = frozenset(code_name(name) for name in (*layer.cell.tensors, *forward.defined))
    return Reading(_ranked([*parameters, *series, *received, *words]), frozenset(parameters), values)


def _words(text: str) -> list[str]:
    return [code_name(word) for word in _WORD.findall(text)]


def _ranked(words: list[str]) -> dict[str, int]:
    return {word: place for place, word in enumerate(dict.fromkeys(words))}
