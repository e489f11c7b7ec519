"""The C functions of a kernel: their names and arguments, and how many elements their flat buffers hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sympy import Add, Expr, Mul

from grusym.emit.c_expression import size
from grusym.emit.c_lines import WIDTH
from grusym.emit.c_types import CType
from grusym.equations.condition import Condition
from grusym.equations.names import fresh
from grusym.lower.ir import Buffer, Kernel, Kind
from grusym.lower.lowered import Lowered


@dataclass(frozen=True)
class Argument:
    """A pointer argument: `const` if the function only reads it."""

    name: str
    const: bool = True


@dataclass(frozen=True)
class CKernel:
    """A lowered cell under a schedule, with an element type: all that the C files are printed from."""

    lowered: Lowered
    schedule: str
    ctype: CType
    forward: Kernel
    backward: Kernel

    @property
    def base(self) -> str:
        """What the files are called: gru_f32."""
        return f"{self.lowered.cell.symbol}_{self.ctype.suffix}"

    def function(self, word: str) -> str:
        """The name of a function: gru_forward_f32."""
        return f"{self.lowered.cell.symbol}_{word}_{self.ctype.suffix}"

    @property
    def guard(self) -> str:
        return f"GRUSYM_{self.base.upper()}"

    @property
    def sizes(self) -> tuple[str, ...]:
        return tuple(str(symbol) for symbol in self.lowered.layer.sizes)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What sizes have to be besides at least 1."""
        return self.lowered.cell.conditions

    @property
    def restricted(self) -> tuple[str, ...]:
        """The sizes that the conditions speak of, in the order of the arguments."""
        named = {name for condition in self.conditions for name in condition.sizes}
        return tuple(name for name in self.sizes if name in named)

    @property
    def parameters(self) -> tuple[Buffer, ...]:
        return self.forward.of_kind(Kind.PARAMETER)

    @cached_property
    def fingerprint(self) -> str:
        """What the text was generated from, as a hash; every file bears it."""
        return self.lowered.fingerprint(self.schedule)

    def local(self, word: str) -> str:
        """A name for a variable of the C code itself, which no size and no array has."""
        buffers = (*self.forward.buffers, *self.backward.buffers)
        return fresh((word, f"{word}_"), {*self.sizes, *(buffer.name for buffer in buffers)})

    @property
    def forward_packed(self) -> tuple[Argument, ...]:
        """x, h0, packed -> y, h_n, saved, with a workspace."""
        inputs = _arguments(self.forward.of_kind(Kind.INPUT))
        outputs = _arguments(self.forward.of_kind(Kind.OUTPUT), const=False)
        return (*inputs, Argument("packed"), *outputs, Argument("saved", False), Argument("workspace", False))

    @property
    def backward_packed(self) -> tuple[Argument, ...]:
        """x, packed, saved, dy, dh_n -> dx, dh0 and the gradients of the parameters, with a workspace."""
        inputs = [buffer for buffer in self.backward.of_kind(Kind.INPUT) if buffer not in self.lowered.cotangents]
        results = self.backward.of_kind(Kind.OUTPUT, Kind.GRADIENT)
        return (
            *_arguments(inputs),
            Argument("packed"),
            Argument("saved"),
            *_arguments(self.lowered.cotangents),
            *_arguments(results, const=False),
            Argument("workspace", False),
        )

    @property
    def pack(self) -> tuple[Argument, ...]:
        return (*_arguments(self.parameters), Argument("packed", False))

    @property
    def forward_plain(self) -> tuple[Argument, ...]:
        """x, h0, the parameters' arrays -> y, h_n."""
        inputs = _arguments((*self.forward.of_kind(Kind.INPUT), *self.parameters))
        return (*inputs, *_arguments(self.forward.of_kind(Kind.OUTPUT), const=False))

    @property
    def backward_plain(self) -> tuple[Argument, ...]:
        """x, h0, the parameters' arrays, dy, dh_n -> dx, dh0 and the gradients of the parameters."""
        inputs = _arguments((*self.forward.of_kind(Kind.INPUT), *self.parameters, *self.lowered.cotangents))
        return (*inputs, *_arguments(self.backward.of_kind(Kind.OUTPUT, Kind.GRADIENT), const=False))

    def signature(self, word: str, arguments: Iterable[Argument], restrict: str = "restrict") -> str:
        """The declaration of a function that takes all sizes and these pointers, in lines of at most WIDTH characters.

        A header, which C++ reads too, has a macro of its own in place of C's `restrict`.
        """
        real = self.ctype.name
        parts = [f"int64_t {name}" for name in self.sizes]
        parts += [f"{'const ' if a.const else ''}{real} *{restrict} {a.name}" for a in arguments]
        return _wrapped(f"int {self.function(word)}(", parts)

    def size_signature(self, word: str) -> str:
        return _wrapped(f"int64_t {self.function(word)}(", [f"int64_t {name}" for name in self.sizes])


def _wrapped(head: str, parts: list[str], width: int = WIDTH - 1) -> str:
    """A declaration, with room for a semicolon behind it; parts stand behind the bracket, or below a long head."""
    lines, line = [], head
    indent = len(head) if len(head) + max(map(len, parts), default=0) + 1 <= width else 8
    for number, part in enumerate(parts):
        piece = part + ("," if number < len(parts) - 1 else ")")
        if len(line) + len(piece) + 1 > width:
            lines.append(line.rstrip())
            line = " " * indent
        line += piece if line.endswith(("(", "  ")) or not line.strip() else f" {piece}"
    return "\n".join((*lines, line))


def _arguments(buffers: Iterable[Buffer], const: bool = True) -> tuple[Argument, ...]:
    return tuple(Argument(buffer.name, const) for buffer in buffers)


def elements(buffer: Buffer) -> Expr:
    """How many elements a buffer holds."""
    return Mul(*buffer.shape)


def total(buffers: Iterable[Buffer]) -> Expr:
    """How many elements these buffers hold one after the other."""
    return Add(*(elements(buffer) for buffer in buffers))


def shape_text(buffer: Buffer) -> str:
    """A shape as documentation writes it: (T, B, H)."""
    return f"({', '.join(size(extent) for extent in buffer.shape)})"


def parts_text(lowered: Lowered, buffer: Buffer) -> str:
    """Which tensors of the cell an array holds: W_r, W_z, W_n; empty where it is one tensor of the same name."""
    text = lowered.layout.blocks_text(buffer.name)
    return "" if text == buffer.name else text
