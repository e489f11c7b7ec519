"""A cell: its tensors and its equations, per sample and per time step."""

from dataclasses import dataclass
from functools import cached_property

from sympy import Expr

from grusym.equations.axis import Axis
from grusym.equations.condition import Condition
from grusym.equations.domain import conditions
from grusym.equations.tensor import Tensor


@dataclass(frozen=True)
class Equation:
    """`target` = `value`, for every value of the indices of `target`; sums in `value` are SymPy `Sum`."""

    target: Expr
    value: Expr

    def __str__(self) -> str:
        return f"{self.target} = {self.value}"


@dataclass(frozen=True)
class State:
    """A state and the tensor that updates it: h and h'."""

    tensor: Tensor
    update: Tensor

    @property
    def name(self) -> str:
        return self.tensor.name


@dataclass(frozen=True)
class Cell:
    """One recurrent cell, valid by construction: `Cell.parse` is the only way that text becomes one.

    `intermediates` are what equations define besides results, `outputs` the results that are not state updates;
    `options` are those of a built-in cell that differ from its defaults, and those that any cell may have (mask,
    zoneout), for names and documents.
    """

    name: str
    axes: tuple[Axis, ...]
    inputs: tuple[Tensor, ...]
    states: tuple[State, ...]
    parameters: tuple[Tensor, ...]
    intermediates: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    equations: tuple[Equation, ...]
    text: str
    options: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(text: str, source: str = "") -> "Cell":
        """The cell that a text in index notation defines. Raises CellError, pointing at the column.

        >>> Cell.parse("rnn(x[j], h[k]) -> h'[i]  axes j: I  i, k: H\\n h'[i] = tanh(W[i,j] x[j] + U[i,k] h[k])").name
        'rnn'
        """
        from grusym.equations.meaning import understand
        from grusym.equations.parser import parse
        from grusym.equations.tokens import Source

        origin = Source(text, source)
        return understand(parse(origin), origin)

    @property
    def symbol(self) -> str:
        """The name for files and C symbols: the cell's name and the options that differ from its defaults."""
        return "_".join([self.name, *(f"{key}_{value}" for key, value in self.options)])

    @property
    def spelling(self) -> str:
        """The name as the command line takes it: ``gru:reset=before``."""
        settings = ",".join(f"{key}={value}" for key, value in self.options)
        return f"{self.name}:{settings}" if settings else self.name

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the cell by name."""
        states = [tensor for state in self.states for tensor in (state.tensor, state.update)]
        groups = (*self.inputs, *states, *self.parameters, *self.intermediates, *self.outputs)
        return {tensor.name: tensor for tensor in groups}

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """What sizes have to be for the equations to have values: Q != 1 where one divides by Q - 1.

        >>> text = "f(x[q], h[q]) -> h'[q]  axes q: Q\\n h'[q] = tanh(x[q] + 2 q/(Q-1) h[q])"
        >>> print(*Cell.parse(text).conditions)
        Q != 1
        """
        return conditions(equation.value for equation in self.equations)

    def __str__(self) -> str:
        return self.text.strip("\n")
