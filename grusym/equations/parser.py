"""A recursive-descent parser for cells in index notation.

    cell       = name "(" references ")" "->" references "axes" clause+ ["parameters" references] assignment+
    clause     = name {"," name} ":" name
    assignment = reference "=" terms                         one a line; inside brackets a line may end anywhere
    terms      = ["-"] factors {("+" | "-") factors}
    factors    = power {["*" | "/"] power}                   side by side means times
    power      = atom ["^" ["-"] atom]
    atom       = number | function "(" terms {"," terms} ")" | "sum" "[" names "]" "(" terms ")" | "(" terms ")"
               | reference
    reference  = name ["[" terms {"," terms} "]"]

Nothing is evaluated: text becomes a `CellSyntax`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from grusym.equations.functions import ARITY, FLOOR
from grusym.equations.syntax import (
    Assignment,
    AxisClause,
    Call,
    CellSyntax,
    Factors,
    Node,
    Number,
    Power,
    Reference,
    Terms,
    Total,
)
from grusym.equations.tokens import Source, Token, tokenize

MAX_DEPTH = 60  # brackets
MAX_CALLS = 5  # functions inside each other
MAX_LENGTH = 500  # terms of a sum, factors of a product
NO_MORE: Mapping[str, int] = MappingProxyType({})


def parse(source: Source) -> CellSyntax:
    """The syntax tree of one cell. Raises CellError, pointing at the column, for anything outside the grammar."""
    return _Parser(source).cell()


def parse_equality(source: Source, more: Mapping[str, int] = NO_MORE) -> tuple[Node, Node]:
    """Both sides of one equation that stands alone; `more` are functions besides the notation's, with their arity.

    Raises CellError, pointing at the column, for anything outside the grammar.
    """
    parser = _Parser(source, {**ARITY, **more})
    left = parser.terms()
    parser.take("=", "'='")
    right = parser.terms()
    parser.take("end", "the end of the equation")
    return left, right


class _Parser:
    """The tokens and how far they have been read."""

    def __init__(self, source: Source, functions: Mapping[str, int] = ARITY):
        self.source, self.functions = source, functions
        self.tokens = tokenize(source)
        self.position = 0
        self.calls = 0  # functions that the next token is inside of
        self.depth = 0  # of open brackets: inside them a line end means nothing

    def locate(self, ahead: int = 0) -> int:
        """Where the next token stands, or the one `ahead` of it."""
        position = self.position
        while True:
            while self.depth and self.tokens[position].kind == "newline":
                position += 1
            if not ahead or self.tokens[position].kind == "end":
                return position
            position, ahead = position + 1, ahead - 1

    def peek(self, ahead: int = 0) -> Token:
        return self.tokens[self.locate(ahead)]

    def take(self, kind: str, wanted: str) -> Token:
        token = self.peek()
        if token.kind != kind:
            raise self.unexpected(wanted)
        self.position = self.locate() + 1
        return token

    def unexpected(self, wanted: str) -> Exception:
        token = self.peek()
        found = {"end": "the end of the text", "newline": "the end of the line"}.get(token.kind, repr(token.text))
        return self.source.error(f"expected {wanted}, found {found}", token)

    def open(self, kind: str, wanted: str) -> None:
        self.take(kind, wanted)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.source.error(f"more than {MAX_DEPTH} brackets are open", self.peek())

    def close(self, kind: str) -> None:
        self.take(kind, f"'{kind}'")
        self.depth -= 1

    def skip_lines(self) -> None:
        self.position = self.past_lines(self.position)

    def past_lines(self, position: int) -> int:
        while self.tokens[position].kind == "newline":
            position += 1
        return position

    def cell(self) -> CellSyntax:
        self.skip_lines()
        name = self.take("name", "the cell's name, as in 'gru(x[j], h[k]) -> h'[i]  axes j: I  i, k: H'")
        self.open("(", "'(' after the cell's name")
        arguments = self.references()
        self.close(")")
        self.skip_lines()
        self.take("arrow", "'->' and what the cell updates")
        results = self.references()
        self.skip_lines()
        self.keyword("axes", "'axes' and the extent of every index, as in 'axes j: I  i, k: H'")
        axes = [self.axis_clause()]
        while self.at_axis_clause():
            axes.append(self.axis_clause())
        self.skip_lines()
        parameters: tuple[Reference, ...] = ()
        if self.peek().text == "parameters" and self.peek(1).kind == "name":
            self.take("name", "")
            parameters = self.references()
            self.skip_lines()
        assignments = []
        while self.peek().kind != "end":
            assignments.append(self.assignment())
            self.skip_lines()
        if not assignments:
            raise self.unexpected("an equation, as in 'r[i] = sigmoid(W_r[i,j] x[j])'")
        return CellSyntax(name, arguments, results, tuple(axes), parameters, tuple(assignments))

    def keyword(self, word: str, wanted: str) -> None:
        if self.peek().text != word:
            raise self.unexpected(wanted)
        self.take("name", wanted)

    def at_axis_clause(self) -> bool:
        """Whether names, commas and a colon follow; then the line ends before them are skipped."""
        position = self.past_lines(self.position)
        start = position
        while self.tokens[position].kind == "name" and self.tokens[position + 1].kind == ",":
            position = self.past_lines(position + 2)
        found = self.tokens[position].kind == "name" and self.tokens[position + 1].kind == ":"
        if found:
            self.position = start
        return found

    def axis_clause(self) -> AxisClause:
        indices = [self.take("name", "an index")]
        while self.peek().kind == ",":
            self.take(",", "")
            self.skip_lines()
            indices.append(self.take("name", "an index"))
        self.take(":", "':' and the axis of the index")
        return AxisClause(tuple(indices), self.take("name", "the name of an axis, such as H"))

    def references(self) -> tuple[Reference, ...]:
        found = [self.reference()]
        while self.peek().kind == ",":
            self.take(",", "")
            if not self.depth:
                self.skip_lines()
            found.append(self.reference())
        return tuple(found)

    def reference(self) -> Reference:
        name = self.take("name", "a tensor, as in h[k]")
        if self.peek().kind != "[":
            return Reference(name, ())
        self.open("[", "")
        indices = [self.terms()]
        while self.peek().kind == ",":
            self.take(",", "")
            indices.append(self.terms())
        self.close("]")
        return Reference(name, tuple(indices))

    def assignment(self) -> Assignment:
        if self.peek().kind in ("+", "-", "*", "/", "^"):
            raise self.unexpected("an equation (one goes on where a line ends with an operator, or inside brackets)")
        target = self.reference()
        self.take("=", f"'=' after {target.token.text}")
        value = self.terms()
        if self.peek().kind not in ("newline", "end"):
            raise self.unexpected("an operator or the end of the equation")
        return Assignment(target, value)

    def terms(self) -> Node:
        start = self.peek()
        sign = 1
        if start.kind == "-":
            self.take("-", "")
            sign = -1
        terms = [(sign, self.factors())]
        while self.peek().kind in ("+", "-"):
            sign = 1 if self.peek().kind == "+" else -1
            self.take(self.peek().kind, "")
            self.skip_lines()  # an operator at the end of a line carries the equation on
            terms.append((sign, self.factors()))
            if len(terms) > MAX_LENGTH:
                raise self.source.error(f"a sum has at most {MAX_LENGTH} terms", start)
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Terms(start, tuple(terms))

    def factors(self) -> Node:
        start = self.peek()
        factors: list[tuple[int, Node]] = []
        power = 1
        while True:
            node = self.power()
            # A product in brackets is part of the product around it; as a divisor it stands by itself.
            factors += node.factors if isinstance(node, Factors) and power == 1 else ((power, node),)
            if len(factors) > MAX_LENGTH:
                raise self.source.error(f"a product has at most {MAX_LENGTH} factors", start)
            following = self.peek().kind
            power = -1 if following == "/" else 1
            if following in ("*", "/"):
                self.take(following, "")
                if self.peek().kind == "*":
                    raise self.unexpected("a factor (a power is written a^2)")
                self.skip_lines()
            elif following not in ("name", "number", "("):
                return factors[0][1] if len(factors) == 1 and factors[0][0] == 1 else Factors(start, tuple(factors))

    def power(self) -> Node:
        base = self.atom()
        if self.peek().kind != "^":
            return base
        token = self.take("^", "")
        if self.peek().kind == "-":
            minus = self.take("-", "")
            return Power(token, base, Terms(minus, ((-1, self.atom()),)))
        return Power(token, base, self.atom())

    def atom(self) -> Node:
        token = self.peek()
        if token.kind == "number":
            return Number(self.take("number", ""))
        if token.kind == "(":
            self.open("(", "")
            inner = self.terms()
            self.close(")")
            return inner
        if token.kind != "name":
            raise self.unexpected("a number, a tensor, a function or '('")
        if token.text == "sum":
            return self.total()
        if self.peek(1).kind != "(":
            return self.reference()
        if token.text not in self.functions and token.text != FLOOR:
            raise self.source.error(
                f"unknown function {token.text}; known are {', '.join(self.functions)} (a product with a bracket is "
                f"written {token.text} * (...))",
                token,
            )
        self.take("name", "")
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise self.source.error(
                f"more than {MAX_CALLS} functions stand inside each other; give an inner one an equation of its own",
                token,
            )
        call = Call(token, self.arguments(token))
        self.calls -= 1
        return call

    def arguments(self, function: Token) -> tuple[Node, ...]:
        self.open("(", "")
        arguments = [self.terms()]
        while self.peek().kind == ",":
            self.take(",", "")
            arguments.append(self.terms())
        self.close(")")
        arity = self.functions.get(function.text, 1)
        if len(arguments) != arity:
            wanted = "1 argument" if arity == 1 else f"{arity} arguments"
            raise self.source.error(f"{function.text} takes {wanted}, not {len(arguments)}", function)
        return tuple(arguments)

    def total(self) -> Total:
        token = self.take("name", "")
        self.open("[", "'[' and the summed indices, as in sum[k](...)")
        names = [self.take("name", "an index")]
        while self.peek().kind == ",":
            self.take(",", "")
            names.append(self.take("name", "an index"))
        self.close("]")
        self.open("(", "'(' after sum[...]")
        body = self.terms()
        self.close(")")
        return Total(token, tuple(names), body)
