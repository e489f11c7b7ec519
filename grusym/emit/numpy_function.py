"""One kernel as a Python function: signature, arguments, allocations, the loop over time, results."""

from grusym.conventions.packing import Placement
from grusym.emit.numpy_arguments import Argument, argument_lines, condition_lines, saved_key, shape_text, split_lines
from grusym.emit.numpy_contraction import value
from grusym.emit.numpy_expression import Expressions
from grusym.emit.numpy_folding import fold, reads
from grusym.emit.numpy_lines import INDENT, broken
from grusym.emit.numpy_reading import Reading, adjoint_reading, equation_readings
from grusym.emit.numpy_statement import Statements
from grusym.emit.numpy_variables import array_lines, dtype_of, variables
from grusym.equations.names import code_name, cotangent_name
from grusym.equations.tensor import tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import Assign, Buffer, Kernel, Kind, Loop, WhenSaving
from grusym.lower.lowered import Lowered
from grusym.lower.traverse import Body, assigns, stores


def function(lowered: Lowered, kernel: Kernel) -> str:
    """The function of a lowered cell's forward or backward kernel."""
    return _Function(lowered, kernel).text()


class _Function:
    def __init__(self, lowered: Lowered, kernel: Kernel):
        self.cell, self.layout, self.kernel = lowered.cell, lowered.layout, kernel
        if not self.cell.inputs:
            raise LoweringError(f"NumPy text of {self.cell.name}: without an input there is no number of steps")
        self.backward = kernel.name == "backward"
        self.variables = variables(lowered, kernel)
        self.names = self.variables.names
        self.dtype = dtype_of(kernel, self.names)
        # A tensor of the equations keeps a line of its own, and so does its cotangent.
        own = {code_name(name) for name in self.cell.tensors}
        self.folded = fold(kernel, own | {cotangent_name(name) for name in own})
        self.reads = {n for a in assigns(self.folded.body) for n in reads(a.value, self.folded.inlined)}
        adjoint = adjoint_reading(lowered.layer, lowered.derivation.forward)
        printer = Expressions(
            self.variables.name,
            self.variables.word,
            self.names,
            self.variables.numbers,
            kernel.shapes,
            self.folded.inlined,
            value,
            adjoint if self.backward else Reading({}),
        )
        readings = {} if self.backward else equation_readings(self.cell)
        self.statements = Statements(
            kernel, printer, self.variables.target, readings, self.variables.opening, self.dtype
        )

    def text(self) -> str:
        """The function, its sections apart by blank lines."""
        before, loop, after = self._parts()
        sections = [
            self._arguments(),
            self._views(),
            self._lines(array_lines(self.variables, self.dtype)),
            self._allocations() + ([] if self.backward else self._before(before)),
            self._before(before) if self.backward else [],
            self.statements.block((loop,), INDENT),
            self.statements.block(after, INDENT) + self._result(),
        ]
        head = [f"def {self.kernel.name}({', '.join(self._signature())}):", *self._docstring()]
        return "\n".join(head) + "\n" + "\n\n".join("\n".join(section) for section in sections if section) + "\n"

    def _parts(self) -> tuple[Body, Loop, Body]:
        body = self.folded.body
        place = next(number for number, statement in enumerate(body) if isinstance(statement, Loop))
        loop = body[place]
        assert isinstance(loop, Loop)
        return body[:place], loop, body[place + 1 :]

    def _lines(self, statements: list[str]) -> list[str]:
        return [line for statement in statements for line in broken(statement, INDENT)]

    def _signature(self) -> list[str]:
        given = [self.names[buffer.name] for buffer in self.kernel.of_kind(Kind.INPUT)]
        count = len(self.cell.inputs)
        return (
            [*given[:count], "params", "saved", *given[count:]] if self.backward else [*given, "params", "saving=True"]
        )

    def _docstring(self) -> list[str]:
        results = ", ".join(self.names[buffer.name] for buffer in self.kernel.of_kind(Kind.OUTPUT))
        if self.backward:
            return [f'{INDENT}"""All steps, last to first: returns {results}, grads."""']
        text = f"All steps, first to last: returns {results}, saved (None unless saving)."
        return [f'{INDENT}"""{text}"""']

    def _arguments(self) -> list[str]:
        listed = []
        for buffer in self.kernel.buffers:
            name, label = self.names.get(buffer.name, ""), buffer.name
            if buffer.kind is Kind.INPUT:
                listed.append(Argument(buffer, label, name))
            elif buffer.kind is Kind.PARAMETER:
                key = self.layout.key(label)
                listed.append(Argument(buffer, key, f'params["{key}"]', name))
            elif buffer.kind is Kind.SAVED and self.backward:
                key = saved_key(label)
                listed.append(Argument(buffer, f"saved['{key}']", f'saved["{key}"]'))
        lines = self._lines(argument_lines(self.kernel, listed, self.names, self.dtype))
        lines += condition_lines(self.cell.conditions, self.names)
        if not self.backward:
            return lines
        message = "saved is None: forward was called with saving=False"
        return [f"{INDENT}if saved is None:", f'{INDENT * 2}raise ValueError("{message}")', *lines]

    def _views(self) -> list[str]:
        lines = []
        for buffer in self.kernel.of_kind(Kind.PARAMETER):
            lines += split_lines(buffer, self._placed(buffer), self.names, self.reads)
        return self._lines(lines)

    def _placed(self, buffer: Buffer) -> tuple[Placement, ...]:
        return tuple(place for place in self.kernel.placements if place.buffer == buffer.name)

    def _allocations(self) -> list[str]:
        """Arrays that are filled step by step, and gradients that are summed up from zero."""
        over_time = {name for name, found in stores(self._parts()[1].body).items() if found}
        lines = [
            f"{self.names[b.name]} = np.empty({shape_text(b.shape, self.names)}, {self.dtype})"
            for b in self.kernel.of_kind(Kind.OUTPUT)
            if b.name in over_time
        ]
        parameters = self.kernel.of_kind(Kind.PARAMETER)
        gradients = self.kernel.of_kind(Kind.GRADIENT)
        for gradient, parameter in zip(gradients, parameters, strict=bool(gradients)):
            lines.append(f"{self.names[gradient.name]} = np.zeros_like({self.names[parameter.name]})")
        written = set(stores(self.folded.body))
        for gradient in gradients:
            lines += split_lines(gradient, self._placed(gradient), self.names, written)
        return self._lines(lines)

    def _before(self, body: Body) -> list[str]:
        """What precedes the loop; gradients have been set to zero where they were made."""
        gradients = {buffer.name for buffer in self.kernel.of_kind(Kind.GRADIENT)}
        kept = [s for s in body if not (isinstance(s, Assign) and tensor_of(s.target) in gradients)]
        lines = self.statements.block(tuple(s for s in kept if not isinstance(s, WhenSaving)), INDENT)
        if self.backward:
            return lines
        first = [s for s in kept if isinstance(s, WhenSaving)]
        return lines + self._saved_arrays(first)

    def _saved_arrays(self, first: list[WhenSaving]) -> list[str]:
        buffers = self.kernel.of_kind(Kind.SAVED)
        if not buffers:
            return [f"{INDENT}saved = {{}} if saving else None"]
        lines = [f"{INDENT}saved = None", f"{INDENT}if saving:", f"{INDENT * 2}saved = {{"]
        for buffer in buffers:
            array = f"np.empty({shape_text(buffer.shape, self.names)}, {self.dtype})"
            lines.append(f'{INDENT * 3}"{saved_key(buffer.name)}": {array},')
        lines.append(f"{INDENT * 2}}}")
        for statement in first:
            lines += self.statements.block(statement.body, INDENT * 2)
        return lines

    def _result(self) -> list[str]:
        results = [self.names[buffer.name] for buffer in self.kernel.of_kind(Kind.OUTPUT)]
        if not self.backward:
            return [f"{INDENT}return {', '.join(results)}, saved"]
        gradients = zip(self.kernel.of_kind(Kind.GRADIENT), self.kernel.of_kind(Kind.PARAMETER), strict=True)
        entries = [f'{INDENT * 2}"{self.layout.key(p.name)}": {self.names[g.name]},' for g, p in gradients]
        grads = [f"{INDENT}grads = {{", *entries, f"{INDENT}}}"] if entries else [f"{INDENT}grads = {{}}"]
        return [*grads, f"{INDENT}return {', '.join(results)}, grads"]
