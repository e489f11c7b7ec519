"""Cells that a parallel scan can run: h'[i] = a[i] h[i] + c[i], where a and c read no state.

The maps h -> a h + c are closed under composition, (a2, c2) after (a1, c1) being (a2 a1, a2 c1 + c2), and that is
associative: the states of T steps follow in log2(T) rounds of compositions instead of T steps (Blelloch 1990; minGRU:
Feng et al. 2024). Here a cell is taken apart into cells without a state, of which all steps are computed at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sympy import Add, Expr, Integer, Mul, Sum

from grusym.equations.cell import Cell, Equation
from grusym.equations.names import derived_names, fresh
from grusym.equations.tensor import Role, Tensor, access, accesses, indices_of, is_plain, tensor_of
from grusym.errors import InputError

ZERO, ONE = Integer(0), Integer(1)


@dataclass(frozen=True)
class Scannable:
    """A cell taken apart: per state the names of its coefficients; the cells that compute them and the outputs.

    `coefficients` has the outputs a and c of every state, and no state. `readout` has the outputs of the cell and reads
    the states as inputs; a cell without outputs of its own has none.
    """

    cell: Cell
    factors: Mapping[str, str]
    terms: Mapping[str, str]
    coefficients: Cell
    readout: Cell | None


def scannable(cell: Cell) -> Scannable:
    """The cell taken apart.

    >>> from grusym.equations.library import cell
    >>> print(*scannable(cell("mingru")).coefficients.equations[-2:], sep="; ")
    a_h[i] = 1 - z[i]; c_h[i] = n[i]*z[i]

    Raises InputError, saying where, for a cell whose update is not of this form.
    """
    expand = _Expansion(cell)
    names = [tensor.name for tensor in cell.tensors.values()]
    taken = {*names, *(derived for derived, _ in derived_names(names, [state.name for state in cell.states]))}
    factors: dict[str, str] = {}
    terms: dict[str, str] = {}
    equations, outputs = list(cell.equations), []
    for state in cell.states:
        own = state.update.indices
        element = access(state.name, own)
        parts = _affine(expand(access(state.update.name, own)), element, expand)
        for made, letter, value in zip((factors, terms), "ac", parts, strict=True):
            made[state.name] = fresh((f"{letter}_{state.name}",), taken)
            output = replace(state.update, name=made[state.name], role=Role.OUTPUT)
            outputs.append(output)
            equations.append(Equation(output.element, value))
    coefficients = _part(cell, "coefficients", equations, outputs)
    readout = _part(cell, "readout", cell.equations, cell.outputs, states_as_inputs=True) if cell.outputs else None
    return Scannable(cell, factors, terms, coefficients, readout)


class _Expansion:
    """Writes what depends on a state out in the states and in what does not."""

    def __init__(self, cell: Cell):
        self.cell = cell
        self.definitions = {tensor_of(equation.target): equation for equation in cell.equations}
        self.dependent = {state.name for state in cell.states}
        for equation in cell.equations:
            if self.depends(equation.value):
                self.dependent.add(tensor_of(equation.target))

    def depends(self, expression: Expr) -> bool:
        return any(tensor_of(element) in self.dependent for element in accesses(expression))

    def __call__(self, expression: Expr) -> Expr:
        written = {element: self.definition(element) for element in accesses(expression)}
        return expression.xreplace({element: value for element, value in written.items() if element != value})

    def definition(self, element: Expr) -> Expr:
        name, indices = tensor_of(element), indices_of(element)
        if name not in self.dependent or name not in self.definitions:
            return element
        equation = self.definitions[name]
        if not is_plain(indices):
            raise self.refusal(f"{element} is read at a shifted place")
        renaming: dict[Expr, Expr] = dict(zip(indices_of(equation.target), indices, strict=True))
        renaming |= {new: old for old, new in renaming.items() if new not in renaming}  # exchanged: nothing is captured
        if any(self.depends(total) for total in equation.value.atoms(Sum)):
            raise self.refusal(f"in {equation} a sum mixes the elements of the state")
        return self(equation.value.xreplace(renaming))

    def refusal(self, why: str) -> InputError:
        return InputError(
            f"{self.cell.spelling} cannot be run as a scan: {why}; a scan needs h'[i] = a[i] h[i] + c[i] with a and c "
            "that read no state, as mingru has it; run it step by step with grusym.build"
        )


def _affine(value: Expr, element: Expr, expand: _Expansion) -> tuple[Expr, Expr]:
    """factor and term of value = factor * element + term."""
    if not expand.depends(value):
        return ZERO, value
    if value == element:
        return ONE, ZERO
    if isinstance(value, Add):
        parts = [_affine(term, element, expand) for term in value.args]
        return Add(*(factor for factor, _ in parts)), Add(*(term for _, term in parts))
    if isinstance(value, Mul):
        inside = [part for part in value.args if expand.depends(part)]
        if len(inside) == 1:
            rest = Mul(*(part for part in value.args if part is not inside[0]))
            factor, term = _affine(inside[0], element, expand)
            return Mul(rest, factor), Mul(rest, term)
    raise expand.refusal(f"its update holds {value}, which is not a multiple of {element}")


def _part(
    cell: Cell, name: str, equations: Iterable[Equation], outputs: Iterable[Tensor], states_as_inputs: bool = False
) -> Cell:
    """The cell without a state that computes only these outputs."""
    needed = {output.name for output in outputs}
    kept: list[Equation] = []
    for equation in reversed(list(equations)):
        if tensor_of(equation.target) in needed:
            kept.insert(0, equation)
            needed |= {tensor_of(element) for element in accesses(equation.value)}
    states = [state.tensor for state in cell.states] if states_as_inputs else []
    tensors = [*cell.tensors.values(), *states, *outputs]
    used = {axis for tensor in tensors if tensor.name in needed or tensor in cell.inputs for axis in tensor.axes}
    numbers = {symbol for equation in kept for symbol in equation.value.free_symbols}
    updates = [replace(state.update, role=Role.INTERMEDIATE) for state in cell.states]
    return Cell(
        name=f"{cell.name}_{name}",
        axes=tuple(axis for axis in cell.axes if axis in used or axis.extent in numbers),
        inputs=(*cell.inputs, *(replace(state, role=Role.INPUT) for state in states)),
        states=(),
        parameters=tuple(tensor for tensor in cell.parameters if tensor.name in needed),
        intermediates=tuple(t for t in (*cell.intermediates, *updates) if t.name in needed),
        outputs=tuple(outputs),
        equations=tuple(kept),
        text="\n".join(map(str, kept)),
        options=cell.options,
    )
