"""Python functions as subjects: forward(x, h0, params) and vjp(x, h0, params, dy, dh_n)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import numpy as np

from grusym.equations.layer import Layer
from grusym.errors import GrusymError
from grusym.oracle.case import Arrays, Case, Run
from grusym.oracle.location import location_of, words_of
from grusym.oracle.report import Location
from grusym.oracle.subject import Misbehaviour, gradients_of, outputs_of

Function = Callable[..., Any]
KEYWORDS = {"lengths": "lengths", "directions": "bidirectional"}


def keywords(function: Function | None) -> frozenset[str]:
    """The names of a function's parameters; none where they cannot be read."""
    if function is None:
        return frozenset()
    try:
        return frozenset(signature(function).parameters)
    except (TypeError, ValueError):
        return frozenset()


def may_be_left_out(function: Function, position: int) -> bool:
    """Whether a function's argument at this position is None where it is not given."""
    try:
        arguments = [*signature(function).parameters.values()]
    except (TypeError, ValueError):
        return False
    return len(arguments) > position and arguments[position].default is None


@dataclass(frozen=True)
class Callables:
    """A forward function and, perhaps, its gradients. Several inputs or states are tuples, in the cell's order.

    forward returns y, or (y, h_n); vjp a dict: "x", "h0" and the names of the parameters. What they take besides is
    seen in their signatures: `lengths` (B,) of the sequences, `bidirectional` (states (2, B, ...), parameters
    NAME_reverse), an initial state that is None by default, and, for vjp, `wanted`, the names of the gradients that are
    asked for.
    """

    function: Function
    vjp: Function | None = None
    name: str = "forward"

    @property
    def has_gradients(self) -> bool:
        return self.vjp is not None

    @property
    def location(self) -> Location | None:
        return location_of(self.function)

    @property
    def takes(self) -> frozenset[str]:
        """What of "lengths", "directions", "frozen" and "absent" the functions' signatures have a place for."""
        forward, vjp = keywords(self.function), keywords(self.vjp)
        both = forward & vjp if self.vjp else forward
        found = {word for word, keyword in KEYWORDS.items() if keyword in both}
        absent = {"absent"} if may_be_left_out(self.function, 1) else set()
        return frozenset(found | absent | ({"frozen"} if "wanted" in vjp else set()))

    def forward(self, case: Case) -> Run:
        returned = self._called(case, self.function, "forward", ())
        series, states = Layer(case.cell).series, case.cell.states
        names = [s.name for s in series]
        if isinstance(returned, tuple) and len(returned) == len(series) + 1:
            *values, last = returned
        elif isinstance(returned, tuple) and len(returned) == len(series) + len(states):
            values, last = list(returned[: len(series)]), tuple(returned[len(series) :])
        else:
            values, last = _group(f"{self.name} returned", returned, names), None
        final = {} if last is None else dict(zip((s.name for s in states), _group("h_n is", last, states), strict=True))
        return outputs_of(case, dict(zip(names, values, strict=True)), final)

    def elsewhere(self, case: Case) -> list[Run]:
        """Run a case with arrays that begin one element after an aligned address."""
        return [self.forward(replace(case, offset=1))]

    def gradients(self, case: Case) -> Arrays:
        assert self.vjp is not None
        series = [case.cast(case.dy[s.name]) for s in Layer(case.cell).series]
        finals = [case.cast(case.dh[state.name]) for state in case.cell.states]
        returned = self._called(case, self.vjp, "vjp", (_alone(series), _alone(finals)))
        if not isinstance(returned, Mapping):
            raise Misbehaviour(
                "output-type", f"vjp returned a {type(returned).__name__}, not a dict of gradients by name"
            )
        inputs = {tensor.name: returned[tensor.name] for tensor in case.cell.inputs if tensor.name in returned}
        initial = {s.name: returned[f"{s.name}0"] for s in case.cell.states if f"{s.name}0" in returned}
        known = {*inputs, *(f"{name}0" for name in initial), *case.params()}
        unknown = [str(name) for name in returned if name not in known]
        if unknown:
            raise Misbehaviour(
                "output-type", f"vjp returned {', '.join(unknown)}, which is no gradient of {case.cell.spelling}"
            )
        return gradients_of(case, inputs, initial, returned)

    def _called(self, case: Case, function: Function, role: str, cotangents: tuple[Any, ...]) -> Any:
        options: dict[str, Any] = {}
        if case.lengths is not None:
            options["lengths"] = np.array(case.lengths, np.int64)
        if case.directions > 1:
            options["bidirectional"] = True
        if case.frozen and cotangents:
            options["wanted"] = (*case.inputs, *(f"{name}0" for name in case.initial))
        given = {f"the input {n}": case.cast(a) for n, a in case.inputs.items()}
        given |= {f"the initial state {n}0": case.cast(a) for n, a in case.initial.items()}
        params = case.params()
        arrays = list(given.values())
        inputs, initial = arrays[: len(case.inputs)], arrays[len(case.inputs) :]
        before = [array.copy() for array in arrays] + [array.copy() for array in params.values()]
        try:
            start = None if case.absent and not cotangents else _alone(initial)
            returned = function(_alone(inputs), start, params, *cotangents, **options)
        except (GrusymError, Misbehaviour):
            raise
        except (Exception, SystemExit) as error:  # an exit with code 0 would say that it conforms
            raise Misbehaviour("exception", f"{role} raised {words_of(error)}") from error
        names = [*given, *(f"the parameter {name}" for name in params)]
        for name, array, old in zip(names, (*arrays, *params.values()), before, strict=True):
            if not np.array_equal(array, old, equal_nan=True):
                raise Misbehaviour("input-unchanged", f"{role} wrote to {name}, which belongs to its caller")
        return returned


def _alone(arrays: Sequence[Any]) -> Any:
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def _group(what: str, value: Any, names: Sequence[Any]) -> list[Any]:
    values = (
        list(value) if isinstance(value, tuple | list) and (len(names) > 1 or isinstance(value, tuple)) else [value]
    )
    if len(values) != len(names):
        raise Misbehaviour("output-type", f"{what} {len(values)} array(s), but {len(names)} are wanted")
    return values
