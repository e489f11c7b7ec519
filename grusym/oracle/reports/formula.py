"""The fix of a mistake as a page shows it: equations as MathML, which browsers draw without scripts, the rest as words.

A fix is statements between semicolons, each an equation in the notation of cells, perhaps after words and a colon or
before a comma and words: "dW = 0, before the first step". What follows an underscore is a label and stands in brackets
above where indices stand below, as in `grusym derive`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from xml.etree.ElementTree import Element, tostring

from grusym.equations.parser import parse_equality
from grusym.equations.syntax import Call, Factors, Node, Number, Power, Reference, Terms, Total
from grusym.equations.tokens import Source
from grusym.errors import CellError

# What fixes speak of besides the functions of cells: the cell itself, and derivatives.
FUNCTIONS = {"cell": 2, "tanh'": 1, "sigmoid'": 1}
LETTERS = {"sigmoid": "σ", "sigmoid'": "σ′", "tanh'": "tanh′"}
LETTER = re.compile(r"[A-Za-z]{1,2}(?![A-Za-z])")
NAME = re.compile(r"([A-Za-z]+)(\d*)_?(.*?)('?)")
WORD = re.compile(r"(.*?)()()('?)")
TIMES, APPLIED, COMMA = "\u2062", "\u2061", "\u2063"  # which are not seen
THIN = "0.17em"  # a space between factors


@dataclass(frozen=True)
class Statement:
    """An equation as MathML with the words around it; where none is in it, words alone."""

    before: str
    equation: str
    after: str


def statements(fix: str) -> list[Statement]:
    """What a fix says, in its order.

    >>> [(one.before, one.equation != "", one.after) for one in statements("h_n = h0, where no step is; read on")]
    [('', True, 'where no step is'), ('read on', False, '')]
    """
    return [_statement(text) for text in fix.split("; ")]


def _statement(text: str) -> Statement:
    before, colon, rest = text.rpartition(": ")
    end = _first_comma(rest)
    try:
        left, right = parse_equality(Source(rest[:end]), FUNCTIONS)
    except CellError:
        return Statement(text, "", "")
    math = Element("math", {"display": "block", "alttext": rest[:end]})
    math.extend([*_row(left), _sign("="), *_row(right)])
    return Statement(f"{before}{colon}".strip(), tostring(math, encoding="unicode"), rest[end:].removeprefix(", "))


def _first_comma(text: str) -> int:
    """Where the first comma outside of brackets is; the end, where none is."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            return place
    return len(text)


@singledispatch
def _row(node: Node) -> list[Element]:
    """A node as elements side by side."""
    raise TypeError(type(node).__name__)


@_row.register
def _(node: Number) -> list[Element]:
    return [_leaf("mn", node.token.text)]


@_row.register
def _(node: Reference) -> list[Element]:
    # A longer name is an array's, whose underscore is no label: weight_ih.
    form = NAME if LETTER.match(node.token.text) else WORD
    letters, number, label, prime = form.fullmatch(node.token.text).groups()  # type: ignore[union-attr]
    above = [_sign("′")] if prime else []
    below = [[_leaf("mn", number)]] if number else []
    below += [[_leaf("mi", label)]] if label and not node.indices else []
    above += _fenced([_leaf("mi", label)]) if label and node.indices else []
    return [_scripted([_leaf("mi", letters)], _indices(node.indices, below), above)]


@_row.register
def _(node: Call) -> list[Element]:
    arguments = list(_listed([_row(argument) for argument in node.arguments], ","))
    match node.token.text:
        case "abs":
            return [_grouped(_fenced(arguments, "|", "|"))]
        case "sqrt":
            return [_holding("msqrt", arguments)]
        case name:
            return [_leaf("mi", LETTERS.get(name, name)), _leaf("mo", APPLIED), _grouped(_fenced(arguments))]


@_row.register
def _(node: Total) -> list[Element]:
    names = list(_listed([[_leaf("mi", name.text)] for name in node.names], ","))
    return [_holding("munder", [_sign("∑"), _grouped(names)]), *_factor(node.body)]


@_row.register
def _(node: Terms) -> list[Element]:
    found: list[Element] = []
    for number, (sign, term) in enumerate(node.terms):
        if number or sign < 0:
            found.append(_sign("+" if sign > 0 else "−"))
        found += _in_brackets(term) if isinstance(term, Terms) else _row(term)
    return found


@_row.register
def _(node: Factors) -> list[Element]:
    above = [factor for power, factor in node.factors if power > 0]
    below = [factor for power, factor in node.factors if power < 0]
    if not below:
        return _product(above)
    parts = (_product(factors) if len(factors) > 1 else _row(factors[0]) for factors in (above, below))
    return [_holding("mfrac", [_grouped(part) for part in parts])]


@_row.register
def _(node: Power) -> list[Element]:
    simple = isinstance(node.base, Number | Reference)
    return [_scripted(_row(node.base) if simple else _in_brackets(node.base), [], _row(node.exponent))]


def _product(factors: Sequence[Node]) -> list[Element]:
    found: list[Element] = []
    for number, factor in enumerate(factors):
        if number:
            found.append(_leaf("mo", TIMES, lspace="0", rspace=THIN))
        # A sum reaches as far as its product does.
        alone = isinstance(factor, Total) and number == len(factors) - 1
        found += _row(factor) if alone else _factor(factor)
    return found


def _factor(node: Node) -> list[Element]:
    return _in_brackets(node) if isinstance(node, Terms | Total) else _row(node)


def _indices(nodes: Sequence[Node], first: list[list[Element]]) -> list[Element]:
    """Below a letter: ij, and with commas where an index is more than a letter."""
    plain = all(isinstance(node, Number | Reference) and len(node.token.text) == 1 for node in nodes)
    return list(_listed([*first, *map(_row, nodes)], COMMA if plain and not first else ","))


def _scripted(base: list[Element], below: list[Element], above: list[Element]) -> Element:
    if not (below or above):
        return _grouped(base)
    name = "msubsup" if below and above else "msub" if below else "msup"
    return _holding(name, [_grouped(part) for part in (base, below, above) if part])


def _listed(items: Iterable[list[Element]], between: str) -> Iterable[Element]:
    for number, item in enumerate(items):
        if number:
            yield _leaf("mo", between, separator="true")
        yield from item


def _in_brackets(node: Node) -> list[Element]:
    return _fenced(_row(node))


def _fenced(inside: list[Element], opening: str = "(", closing: str = ")") -> list[Element]:
    fences = (_leaf("mo", fence, stretchy="false") for fence in (opening, closing))
    return [next(fences), _grouped(inside), next(fences)]  # grouped, a minus at its beginning is that of a number


def _grouped(elements: list[Element]) -> Element:
    return elements[0] if len(elements) == 1 else _holding("mrow", elements)


def _holding(tag: str, elements: list[Element]) -> Element:
    found = Element(tag)
    found.extend(elements)
    return found


def _sign(text: str) -> Element:
    return _leaf("mo", text)


def _leaf(tag: str, text: str, **attributes: str) -> Element:
    found = Element(tag, attributes)
    found.text = text
    return found
