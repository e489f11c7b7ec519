"""The Python names of one kernel: of its arrays, of the tensors in them, of sizes, and of what is read at a step."""

import keyword
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from sympy import Expr, Idx

from grusym.emit.numpy_arguments import saved_key
from grusym.emit.numpy_operand import linear
from grusym.equations.axis import extent_of, indices_in, spans
from grusym.equations.names import code_name, fresh, saved_name
from grusym.equations.tensor import accesses, indices_of, is_plain, standing_in, tensor_of
from grusym.errors import LoweringError
from grusym.lower.ir import Buffer, Kernel, Kind, Loop
from grusym.lower.lowered import Lowered
from grusym.lower.traverse import assigns

# What the text of a module calls by name.
TAKEN = frozenset(
    "np math params saved saving grads forward backward sigmoid erf gather scatter_add inside sizes check name "
    "range reversed float tuple zip ValueError".split()
)


@dataclass(frozen=True)
class Variables:
    """`names` by the words of the IR; `steps` names what backward reads of a saved tensor at t or t + 1.

    `arrays` are indices that positions are computed with, `numbers` name those that stand as numbers.
    """

    names: dict[str, str]
    steps: dict[tuple[str, Expr], str]
    saved: frozenset[str]
    arrays: tuple[Idx, ...]
    numbers: dict[Idx, str]

    def target(self, tensor: str, lead: tuple[Expr, ...]) -> str:
        """A tensor at its leading indices, as it is stored to: y[t], saved["h"][t + 1]."""
        name = f'saved["{saved_key(tensor)}"]' if tensor in self.saved else self.names[tensor]
        return name + (f"[{', '.join(map(self._step, lead))}]" if lead else "")

    def name(self, tensor: str, lead: tuple[Expr, ...]) -> str:
        """A tensor at its leading indices, as it is read: x[t], and r for what is saved of r."""
        if tensor not in self.saved:
            return self.target(tensor, lead)
        rest = lead[1:]
        return self.steps[tensor, lead[0]] + (f"[{', '.join(map(self._step, rest))}]" if rest else "")

    def word(self, element: Expr) -> str:
        """The tensor of an access, by the name that an equation reads it by."""
        tensor = tensor_of(element)
        return self.steps[tensor, indices_of(element)[0]] if tensor in self.saved else tensor

    @property
    def opening(self) -> tuple[str, ...]:
        """The lines that name what a step reads of the saved tensors."""
        return tuple(f"{name} = {self.target(tensor, (step,))}" for (tensor, step), name in self.steps.items())

    def _step(self, index: Expr) -> str:
        return linear(index, {i: self.names[i.name] for i in indices_in(index)}, self.names)


def python_names(words: Iterable[str]) -> dict[str, str]:
    """A name for every word: the word itself, unless that means something else in the module or in Python."""
    names: dict[str, str] = {}
    taken = set(TAKEN)
    for word in dict.fromkeys(words):
        refused = taken | ({word} if keyword.iskeyword(word) or keyword.issoftkeyword(word) else set())
        names[word] = fresh((word, f"{word}_"), refused)
        taken.add(names[word])
    return names


def variables(lowered: Lowered, kernel: Kernel) -> Variables:
    """The names of a kernel. A parameter that fills its array gives the array its name."""
    shapes = {buffer.name: buffer.shape for buffer in kernel.buffers}
    whole = {place.buffer: place.tensor for place in kernel.placements if place.fills(shapes[place.buffer])}
    steps = _steps(lowered, kernel) if kernel.name == "backward" else {}
    loops = [statement.index for statement in kernel.body if isinstance(statement, Loop)]
    arrays = _index_arrays(kernel, set(loops))
    standing = _standing(kernel)
    numbers = {index: f"{index.name}_number" if index in arrays else index.name for index in standing}
    words = [whole.get(buffer.name, buffer.name) for buffer in kernel.buffers if buffer.kind is not Kind.SAVED]
    words += [place.tensor for place in kernel.placements] + list(steps.values())
    words += [size.name for size in kernel.sizes] + [index.name for index in (*loops, *arrays)]
    words += list(numbers.values())
    names = python_names(words)
    names |= {buffer: names[tensor] for buffer, tensor in whole.items()}
    named = {key: names[word] for key, word in steps.items()}
    saved = frozenset(buffer.name for buffer in kernel.of_kind(Kind.SAVED))
    return Variables(names, named, saved, arrays, {index: names[word] for index, word in numbers.items()})


def _steps(lowered: Lowered, kernel: Kernel) -> dict[tuple[str, Expr], str]:
    updates = {saved_name(state.name): code_name(state.update.name) for state in lowered.cell.states}
    read = {e for assign in assigns(kernel.body) for e in accesses(assign.value)}
    found = {}
    for buffer in kernel.of_kind(Kind.SAVED):
        steps = {indices_of(element)[0] for element in read if tensor_of(element) == buffer.name}
        for step in sorted(steps, key=lambda step: (not isinstance(step, Idx), str(step))):
            found[buffer.name, step] = saved_key(buffer.name) if isinstance(step, Idx) else updates[buffer.name]
    return found


def _index_arrays(kernel: Kernel, loops: set[Idx]) -> tuple[Idx, ...]:
    """The indices that a shifted access or a guard computes with."""
    found: set[Idx] = set()
    shapes = kernel.shapes
    for assign in assigns(kernel.body):
        for element in accesses(assign.value):
            for index, extent in zip(indices_of(element), shapes[tensor_of(element)], strict=True):
                if not spans(index, extent):
                    found |= set(indices_in(index))
        if is_plain(indices_of(assign.target)):
            found |= {index for guard in assign.guards for index in indices_in(guard.index)}
    return _listed(kernel, found - loops)


def _standing(kernel: Kernel) -> tuple[Idx, ...]:
    """The indices that stand as numbers."""
    found = set()
    for assign in assigns(kernel.body):
        found |= set(standing_in(assign.value))
    return _listed(kernel, found)


def _listed(kernel: Kernel, found: set[Idx]) -> tuple[Idx, ...]:
    listed = tuple(sorted(found, key=lambda index: (index.name, str(extent_of(index)))))
    for one, other in pairwise(listed):
        if one.name == other.name:
            raise LoweringError(f"NumPy text of kernel {kernel.name}: index {one.name} runs over two extents")
    return listed


def array_lines(variables: Variables, dtype: str) -> list[str]:
    """The statements that make the arrays of indices: whole numbers for positions, the kernel's dtype for numbers."""
    names = variables.names
    lines = [f"{names[i.name]} = np.arange({linear(extent_of(i), {}, names)})" for i in variables.arrays]
    for index, name in variables.numbers.items():
        lines.append(f"{name} = np.arange({linear(extent_of(index), {}, names)}, dtype={dtype})")
    return lines


def dtype_of(kernel: Kernel, names: dict[str, str]) -> str:
    """The dtype of everything: that of the first array."""
    first: Buffer = kernel.of_kind(Kind.INPUT)[0]
    return f"{names[first.name]}.dtype"
