r"""How the tensors of a cell are called in a document.

What follows an underscore is a label and stands in parentheses above, an index or the time stands below, so that the
two are never confused: W_r[i,j] is W^{(r)}_{ij}. A state h is h_{t-1} before the step and its update h' is h_t. The
cotangent of X wears a bar; of a state h, \bar h^{+}_t is the part that later steps send back, \bar h_t the whole.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Expr, Idx, Symbol
from sympy import latex as sympy_latex

from grusym.calculus.bptt import step_program
from grusym.calculus.derivation import Derivation
from grusym.emit.order import Order
from grusym.equations.axis import indices_in
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.equations.names import cotangent_name, final_name, initial_name
from grusym.equations.tensor import indices_of, tensor_of

GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)


TILDE = r"\mathit{tilde}"


@dataclass(frozen=True)
class Head:
    """A tensor's letter, what stands above it, and the step it belongs to (empty for a parameter)."""

    letter: str
    above: str = ""
    time: str = ""

    def text(self, below: str = "", above: str = "") -> str:
        """The head with subscript `below` and, beside its own, superscript `above`."""
        up = f"{self.above}{above}"
        return self.letter + (f"^{{{up}}}" if up else "") + (f"_{{{below}}}" if below else "")


@dataclass(frozen=True)
class Notation:
    """Names for the tensors of one derivation.

    `carry` is the step of a state's cotangent: the step before where one step of BPTT defines it, T and 0 at the
    ends. `sample` is the index of the sample, where it is written.
    """

    layer: Layer
    order: Order
    carry: str
    sample: str = ""

    @staticmethod
    def of(derivation: Derivation) -> "Notation":
        layer = derivation.bptt.layer
        return Notation(layer, Order(derivation.cell, derivation.forward), f"{word(layer.time.name)}-1")

    @staticmethod
    def of_cell(cell: Cell) -> "Notation":
        """The notation for a cell alone."""
        layer = Layer(cell)
        return Notation(layer, Order(cell, step_program(layer)), f"{word(layer.time.name)}-1")

    def at(self, carry: str) -> "Notation":
        """This notation where the carried cotangents belong to step `carry`."""
        return replace(self, carry=carry)

    def per_sample(self) -> "Notation":
        """This notation with the index of the sample written out."""
        return replace(self, sample=word(self.layer.batch.name))

    @property
    def time(self) -> str:
        return word(self.layer.time.name)

    @cached_property
    def _plain(self) -> dict[str, Head]:
        """The heads of all tensors of the forward pass; names that would look alike are spelt out."""
        cell, now = self.layer.cell, self.time
        heads = {name: replace(spelt(name), time=now) for name in (*cell.tensors, *self.order.forward.defined)}
        heads |= {p.name: spelt(p.name) for p in cell.parameters}
        heads |= {series.name: replace(spelt(series.name), time=now) for series in self.layer.series}
        for state in cell.states:
            heads[state.name] = replace(spelt(state.name), time=f"{now}-1")
            heads[state.update.name] = replace(spelt(state.name), time=now)
        alike = Counter((head.letter, head.above, head.time) for head in heads.values())
        for name, head in heads.items():
            if alike[(head.letter, head.above, head.time)] > 1:
                heads[name] = Head(verbatim(name), "", head.time)
        for state in cell.states:
            heads[initial_name(state.name)] = replace(heads[state.name], time="0")
            heads[final_name(state.name)] = replace(heads[state.name], time=r"\mathrm{n}")
        return heads

    def head(self, name: str) -> Head:
        """The head of a tensor, of the forward pass or derived from one of it."""
        if name in self._plain:
            return self._plain[name]
        for source in sorted(self._plain, key=lambda known: (-len(known), known)):
            prefix = cotangent_name(source)
            rest = name[len(prefix) :]
            if name.startswith(prefix) and re.fullmatch(r"|_(?:total|sum)\d*|\d+", rest):
                return self._barred(source, rest.strip("_"))
        return replace(spelt(name), time=self.time)

    def _barred(self, source: str, part: str) -> Head:
        head = self._plain[source]
        carried = any(state.name == source for state in self.layer.cell.states)
        above = ("+" if carried else "") + head.above + (f"(\\mathrm{{{part}}})" if part else "")
        wide = len(head.letter) > 1 and head.letter.lstrip("\\") not in GREEK
        letter = f"\\{head.letter}math" if head.letter in ("i", "j") else head.letter  # without its dot
        return Head(f"\\{'overline' if wide else 'bar'}{{{letter}}}", above, self.carry if carried else head.time)

    def subscript(self, head: Head, indices: tuple[Expr, ...] = ()) -> str:
        """Time, sample and indices below a head."""
        moment = [head.time] if head.time else []
        if moment and self.sample:
            moment.append(self.sample)
        written = [index_text(i) for i in indices]
        if not moment and all(isinstance(i, Idx) and len(i.name) == 1 for i in indices):
            return "".join(written)
        return ",".join((*moment, *written))

    def element(self, access: Expr, above: str = "") -> str:
        """An access in index form: W^{(r)}_{ij}, h_{t-1,k}."""
        head = self.head(tensor_of(access))
        return head.text(self.subscript(head, indices_of(access)), above)

    def whole(self, name: str, above: str = "") -> str:
        """A tensor as a whole, in matrix form: W^{(r)}, h_{t-1}."""
        head = self.head(name)
        return head.text(self.subscript(head), above)


def spelt(name: str) -> Head:
    """A name as letter and labels, by its spelling alone.

    >>> spelt("W_r").text("ij")
    'W^{(r)}_{ij}'
    >>> spelt("a_h_next_x").text()
    "a^{(h',x)}"

    A label `tilde` stands over the letter; words before the first label that is none are one name:

    >>> spelt("h_tilde").text(), spelt("recurrent_kernel_z").text()
    ('\\\\tilde{h}', '\\\\mathit{recurrent\\\\_kernel}^{(z)}')
    """
    bare = name.rstrip("'")
    first, *rest = bare.split("_")
    words = [first]
    while _is_word(words[-1]) and rest and _is_word(rest[0]):
        words.append(rest.pop(0))
    stem = re.fullmatch(r"([A-Za-z]+?)(\d*)", first)
    if stem is None or "" in rest:
        return Head(verbatim(name))
    labels = [stem[2]] if stem[2] else []
    prime = "'" if bare != name else ""
    for part in rest:
        if part == "next":  # as h' is spelt in code
            if labels:
                labels[-1] += "'"
            else:
                prime += "'"
        else:
            labels.append(word(part))
    letter = word(stem[1]) if len(words) == 1 else f"\\mathit{{{escape('_'.join(words))}}}"
    if TILDE in labels:
        labels.remove(TILDE)
        letter = f"\\tilde{{{letter}}}"
    above = r"\prime" * len(prime) + (f"({','.join(labels)})" if labels else "")
    return Head(letter, above)


def _is_word(text: str) -> bool:
    return text.isalpha() and len(text) > 2 and text not in GREEK and text not in ("next", "tilde")


def word(text: str) -> str:
    """A name without underscores in math: a letter, a Greek letter, a number, or a word in one piece."""
    if len(text) == 1 or text.isdigit():
        return text
    if text in GREEK:
        return f"\\{text}"
    return f"\\mathit{{{text}}}"


def verbatim(name: str) -> str:
    """A name letter by letter, in typewriter type."""
    return f"\\mathtt{{{escape(name)}}}"


def escape(name: str) -> str:
    """A name for running text or typewriter type."""
    return name.replace("_", r"\_")


def index_name(name: str) -> str:
    """An index: i, and i' for the fresh `i_` of a sum."""
    bare = name.rstrip("_")
    return word(bare).replace("_", r"\_") + "'" * (len(name) - len(bare))


def index_text(index: Expr) -> str:
    """An index expression: i, p+u-1."""
    plain = {i: Symbol(i.name) for i in indices_in(index)}
    names = {symbol: index_name(symbol.name) for symbol in plain.values()}
    return size_text(index.xreplace(plain), names)


def size_text(size: Expr, names: dict[Expr, str] | None = None) -> str:
    """An expression in extents and numbers: H, 2H-1."""
    known = {s: word(s.name) if "_" not in s.name else verbatim(s.name) for s in size.free_symbols} | (names or {})
    return sympy_latex(size, symbol_names=known).replace(" + ", "+").replace(" - ", "-")
