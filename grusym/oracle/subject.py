"""What is judged: something that runs a layer and, perhaps, its gradients."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.formats import is_floating


class Subject(Protocol):
    """An implementation. Both functions raise Misbehaviour for what is a verdict, not an accident of ours.

    One that takes lengths, two directions, frozen parameters or no initial state (Case) says so with an attribute
    `takes`, a set of the words "lengths", "directions", "frozen" and "absent"; without it, it is not asked for any.
    """

    @property
    def name(self) -> str: ...

    @property
    def has_gradients(self) -> bool: ...

    def forward(self, case: Case) -> Run:
        """Run the layer on a case."""

    def gradients(self, case: Case) -> Arrays:
        """The gradients of <dy, y> + <dh, h_n> by the names of the cell: inputs, states (those of h0), parameters.

        One that the implementation does not return is left out.
        """


@runtime_checkable
class OwnThreads(Protocol):
    """An implementation that runs elsewhere, where threads of ours would not meet: it starts its own."""

    def together(self, cases: Sequence[Case]) -> list[Run]:
        """Run cases of the same sizes at the same time, a thread each."""


@runtime_checkable
class Addressed(Protocol):
    """An implementation that is handed addresses: it may not matter which."""

    def elsewhere(self, case: Case) -> list[Run]:
        """Run a case with its arrays at other addresses, aligned to one element only."""


@dataclass(frozen=True)
class Unbound:
    """What becomes an implementation when it is said how parameters are packed: `bound` makes it for a plan."""

    name: str
    bound: Callable[[Any], Subject]
    has_gradients: bool = False

    def forward(self, case: Case) -> Run:
        raise NotImplementedError("its convention is not recognised yet")

    def gradients(self, case: Case) -> Arrays:
        raise NotImplementedError("its convention is not recognised yet")


def fixed_sizes(subject: Subject) -> Mapping[str, int]:
    """The extents, by name, that an implementation has once and for all: `fixed`, where it says so."""
    fixed: Mapping[str, int] = getattr(subject, "fixed", {})
    return fixed


def takes(subject: Subject, what: str) -> bool:
    """Whether an implementation takes "lengths", "directions", "frozen" parameters, an "absent" initial state."""
    return what in getattr(subject, "takes", ())


HANG = "hang"  # the id of the check that a call fails which does not return in time


@dataclass
class Misbehaviour(Exception):
    """The implementation did what none may do: `check` is the id of the check that it fails, `what` a sentence.

    `costly` says that it takes long to see it again, so that no smaller case is looked for.
    """

    check: str
    what: str
    costly: bool = False

    def __str__(self) -> str:
        return self.what


def checked(name: str, value: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """A returned array as float64. Raises Misbehaviour where it is none, or of another shape or dtype."""
    array = np.asarray(value)
    if not is_floating(array.dtype):
        raise Misbehaviour("output-type", f"{name} is {_described(value)}, not an array of {dtype}")
    if array.shape != shape:
        raise Misbehaviour("output-shape", f"{name} has shape {array.shape}, but {shape} is wanted")
    if array.dtype != np.dtype(dtype):
        raise Misbehaviour("output-type", f"{name} is of {array.dtype}, but the arrays that came in are of {dtype}")
    return array.astype(np.float64)


def _described(value: Any) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def outputs_of(case: Case, series: Mapping[str, Any], final: Mapping[str, Any]) -> Run:
    """What was returned, by name, checked. Raises Misbehaviour for what does not fit."""
    checked_series = {
        s.name: checked(s.name, series[s.name], case.dy[s.name].shape, case.dtype) for s in Layer(case.cell).series
    }
    finals = {
        state.name: checked(f"{state.name}_n", final[state.name], case.dh[state.name].shape, case.dtype)
        for state in case.cell.states
        if state.name in final
    }
    return Run(checked_series, finals)


def gradients_of(
    case: Case, inputs: Mapping[str, Any], initial: Mapping[str, Any], params: Mapping[str, Any]
) -> Arrays:
    """Gradients that were returned, checked; those of parameters taken out of the convention's arrays."""
    found: Arrays = {}
    for name, array in inputs.items():
        found[name] = checked(f"d{name}", array, case.inputs[name].shape, case.dtype)
    for name, array in initial.items():
        found[name] = checked(f"d{name}0", array, case.initial[name].shape, case.dtype)
    layout, expected = case.layout, case.params()
    packed = {n: checked(f"d{n}", params[n], expected[n].shape, case.dtype) for n in expected if n in params}
    for suffix in ("", "_reverse")[: case.directions]:
        for place in layout.placements:
            key = layout.key(place.buffer) + suffix
            if key in packed:
                found[place.tensor + suffix] = np.array(place.view(packed[key], case.sizes))
    return found


def arguments_in_words(cell: Cell) -> str:
    """How an implementation of a cell is called: forward(x, h0, params)."""
    inputs, states = (tuple(names) for names in ([t.name for t in cell.inputs], [f"{s.name}0" for s in cell.states]))
    return f"({', '.join(_grouped(names) for names in (inputs, states))}, params)"


def _grouped(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"({', '.join(names)})"
