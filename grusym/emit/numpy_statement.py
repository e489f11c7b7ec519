"""Statements of the IR as lines of Python: assignments, the loop over time, what is done only when saving."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sympy import Expr, Idx

from grusym.calculus.program import Guard
from grusym.emit.numpy_arguments import shape_text
from grusym.emit.numpy_contraction import value
from grusym.emit.numpy_expression import Expressions
from grusym.emit.numpy_lines import INDENT, broken
from grusym.emit.numpy_operand import Operand, aligned, linear
from grusym.emit.numpy_reading import Reading
from grusym.equations.axis import extent_of
from grusym.equations.tensor import indices_of, is_access, is_plain, tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import Assign, Kernel, Kind, Loop, Statement
from grusym.lower.traverse import Body


@dataclass(frozen=True)
class Statements:
    """What it takes to print the statements of one kernel.

    `target` is the text that a store to a tensor at these leading indices begins with; `reading` gives the order for
    the statement that defines a tensor; `loop_head` are lines that open the body of the loop over time.
    """

    kernel: Kernel
    printer: Expressions
    target: Callable[[str, tuple[Expr, ...]], str]
    readings: dict[str, Reading]
    loop_head: tuple[str, ...]
    dtype: str

    def block(self, body: Body, indent: str) -> list[str]:
        """The lines of some statements; a blank line stands between equations, sums and what is kept for later."""
        lines: list[str] = []
        subjects = [self._subject(statement) for statement in body]
        for place, (statement, reading) in enumerate(zip(body, self._readings(body), strict=True)):
            if place and subjects[place] != subjects[place - 1]:
                lines.append("")
            if isinstance(statement, Loop):
                lines += self._loop(statement, indent)
            elif isinstance(statement, Assign):
                lines += broken(self.assign(statement, replace(self.printer, reading=reading)), indent)
            else:
                lines += [f"{indent}if saving:", *self.block(statement.body, indent + INDENT)]
        return lines

    def _subject(self, statement: Statement) -> str:
        if isinstance(statement, Loop):
            return "loop"
        if not isinstance(statement, Assign):
            return "kept"
        if statement.accumulate and self.kernel.kinds[tensor_of(statement.target)] is Kind.GRADIENT:
            return "summed"
        copies = is_access(statement.value) and not (statement.over or statement.guards or statement.accumulate)
        return "kept" if copies and self.kernel.name == "forward" else "computed"

    def _readings(self, body: Body) -> list[Reading]:
        """The order that each statement is read in: that of the equation which it is part of, the next one defined."""
        found, reading = [], self.printer.reading
        for statement in reversed(body):
            if isinstance(statement, Assign):
                reading = self.readings.get(tensor_of(statement.target), reading)
            found.append(reading)
        return found[::-1]

    def _loop(self, loop: Loop, indent: str) -> list[str]:
        steps = f"range({self._extent(extent_of(loop.index))})"
        steps = f"reversed({steps})" if loop.descending else steps
        head = [f"{indent}for {self.printer.names[loop.index.name]} in {steps}:"]
        head += [indent + INDENT + line for line in self.loop_head] + [""] * bool(self.loop_head)
        return head + self.block(loop.body, indent + INDENT)

    def assign(self, assign: Assign, printer: Expressions) -> str:
        """One assignment."""
        name, indices = tensor_of(assign.target), indices_of(assign.target)
        lead = 0
        while lead < len(indices) and not indices[lead].atoms(Idx) & set(assign.free):
            lead += 1
        target, own = self.target(name, indices[:lead]), indices[lead:]
        placed = {Guard(index, extent) for index, extent in zip(own, self.printer.shapes[name][lead:], strict=True)}
        # A store checks where it goes by itself.
        text = value(printer, replace(assign, guards=tuple(g for g in assign.guards if g not in placed)))
        if not is_plain(own):
            if not assign.accumulate:
                raise LoweringError(f"NumPy text of a store to {assign.target} is not known: only sums are scattered")
            return self._scatter(target, own, assign, text)
        shape = tuple(extent_of(index) for index in own)
        if shape != self.printer.shapes[name][lead:]:
            raise LoweringError(f"NumPy text of a store to a part of {name} is not known: {assign.target}")
        result = aligned(text, tuple(own))
        if assign.accumulate:
            return f"{target} += {result.text}"
        if lead or self.kernel.kinds[name] in (Kind.SAVED, Kind.GRADIENT):
            return f"{target} = {result.text}"
        if assign.value == 0:
            return f"{target} = np.zeros({shape_text(shape, printer.names)}, {self.dtype})"
        if set(text.axes) != set(own):  # constant along an axis
            return f"{target} = np.full({shape_text(shape, printer.names)}, {result.text}, {self.dtype})"
        # What comes from the caller is copied, so that no result shares memory with an argument.
        copies = (
            is_access(assign.value) and not assign.guards and self.kernel.kinds[tensor_of(assign.value)] is Kind.INPUT
        )
        return f"{target} = {result.text}" + (".copy()" if copies else "")

    def _scatter(self, target: str, own: tuple[Expr, ...], assign: Assign, text: Operand) -> str:
        names = {index: index.name for index in assign.free}
        where = ", ".join(linear(i, {j: names[j] for j in assign.free if i.has(j)}, self.printer.names) for i in own)
        where += "," if len(own) == 1 else ""
        result = aligned(text, assign.free)
        if set(text.axes) != set(assign.free):
            shape = shape_text(tuple(extent_of(index) for index in assign.free), self.printer.names)
            result = Operand(f"np.broadcast_to({result.text}, {shape})")
        return f"scatter_add({target}, lambda {', '.join(names.values())}: ({where}), {result.text})"

    def _extent(self, extent: Expr) -> str:
        return linear(extent, {}, self.printer.names)
