"""What the equations of a cell are to each other: gates, candidates, and the parameters by their letter."""

from sympy import Expr

from grusym.equations.cell import Cell, Equation
from grusym.equations.functions import relu, sigmoid, tanh
from grusym.equations.tensor import Tensor, accesses, tensor_of


def reads(expression: Expr) -> set[str]:
    """The tensors that an expression reads."""
    return {tensor_of(element) for element in accesses(expression)}


def gates(cell: Cell) -> list[str]:
    """What is a sigmoid, by name."""
    return [tensor_of(e.target) for e in cell.equations if isinstance(e.value, sigmoid)]


def candidates(cell: Cell) -> list[Equation]:
    """Equations of what a gate lets in: tanh or relu, and no result of the step."""
    results = {state.update.name for state in cell.states} | {tensor.name for tensor in cell.outputs}
    return [e for e in cell.equations if isinstance(e.value, tanh | relu) and tensor_of(e.target) not in results]


def resets(cell: Cell) -> list[str]:
    """Gates that a candidate reads."""
    read = {name for equation in candidates(cell) for name in reads(equation.value)}
    return [name for name in gates(cell) if name in read]


def helpers(cell: Cell) -> list[str]:
    """What candidates read that is defined in the cell and no gate: u = U h + c."""
    defined = {tensor_of(e.target) for e in cell.equations}
    read = {name for equation in candidates(cell) for name in reads(equation.value)}
    return sorted((read & defined) - set(gates(cell)))


def with_letter(cell: Cell, *letters: str) -> list[Tensor]:
    """Parameters called by these letters: W_r and W for W."""
    return [tensor for tensor in cell.parameters if tensor.name.partition("_")[0] in letters]


def stacks(cell: Cell, order: list[str]) -> dict[str, list[Tensor]]:
    """Parameters of a letter and a shape that differ in their gate only, in this order of names."""
    found: dict[str, list[Tensor]] = {}
    place = {name: number for number, name in enumerate(order)}
    for tensor in sorted(cell.parameters, key=lambda tensor: place.get(tensor.name, 0)):
        letter, _, gate = tensor.name.partition("_")
        if gate:
            found.setdefault(letter, []).append(tensor)
    return {letter: group for letter, group in found.items() if len(group) > 1 and len({t.axes for t in group}) == 1}


def gate_of(tensor: Tensor) -> str:
    """The gate that a parameter belongs to, by its name: r of W_r."""
    return tensor.name.partition("_")[2]
