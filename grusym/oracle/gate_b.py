"""Gate B, end to end: whole sequences, with errors that grow only as the Jacobians let them.

An error of step s reaches step t multiplied by J_t ... J_(s+1), products of signed Jacobians along the exact
trajectory, so that E_t = sum_s |J_t ... J_(s+1)| (eps_s + |dJ|_s E_(s-1)): eps is what the step's own operations may
add, |dJ| how far the Jacobian changes within the error of the state. Backpropagation likewise, with transposes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from grusym.equations.layer import Layer
from grusym.oracle import balls, bounds
from grusym.oracle.adjoint import pulled_back
from grusym.oracle.bounds import UP, Bounds, Estimate
from grusym.oracle.case import Arrays, Case
from grusym.oracle.gate_a import FIRST_BITS, sharpened
from grusym.oracle.profile import Profile
from grusym.oracle.step import Values, jacobian, step

Reference = dict[str, tuple[Any, Any]]
Slopes = Mapping[tuple[str, str], Any]


class Sequence:
    """A case from beginning to end: exact values and gradients, and bounds on the errors of correct ones."""

    def __init__(self, case: Case, profile: Profile, bits: int = FIRST_BITS, exact: "Sequence | None" = None):
        """`exact` is the same case under another profile: its exact values are these."""
        self.case, self.cell, self.profile, self.bits = case, case.cell, profile, bits
        self.bounds = Bounds(profile)
        self.interval = Bounds(Profile("interval", profile.dtype, 0.0, 0.0, ulps=0.0))
        self.sizes = {**case.sizes, "T": 1}
        self.states = [state.tensor for state in case.cell.states]
        self.exact: Values = exact.exact if exact else sharpened(self._balls, profile, bits)
        self.slopes: Values | None = exact.exact_gradients() if exact else None
        self.middles = {name: ball.middle() for name, ball in self.exact.items() if name.startswith("state ")}
        self.errors = self._errors()

    def outputs(self) -> Reference:
        """Balls and bounds of every series (T, B, ...) and final state, by name."""
        found: Reference = {}
        for series in Layer(self.cell).series:
            found[series.name] = (self.exact[f"series {series.name}"], self.errors[f"series {series.name}"])
        for state in self.cell.states:
            last = balls.Ball(self.exact[f"state {state.name}"].array[-1])
            found[f"final {state.name}"] = (last, self.errors[f"state {state.name}"][-1])
        return found

    def _balls(self) -> dict[str, Any]:
        """The exact trajectory: states (T + 1, B, ...) and series (T, B, ...)."""
        values: Values = {name: balls.exactly(array) for name, array in self.case.tensors.items()}
        values |= {name: balls.exactly(array) for name, array in self.case.initial.items()}
        kept: dict[str, list[Any]] = {f"state {s.name}": [values[s.name].array] for s in self.cell.states}
        kept |= {f"series {series.name}": [] for series in Layer(self.cell).series}
        for time in range(self.case.steps):
            given = values | {name: balls.exactly(array[time]) for name, array in self.case.inputs.items()}
            now = step(self.cell, self.sizes, given, balls.Balls(), balls.ZERO)
            for series in Layer(self.cell).series:
                kept[f"series {series.name}"].append(now[series.tensor.name].array)
            for state in self.cell.states:
                values[state.name] = now[state.update.name]
                kept[f"state {state.name}"].append(values[state.name].array)
        return {name: balls.Ball(np.stack(parts)) for name, parts in kept.items()}

    def _given(self, time: int, errors: Mapping[str, Any]) -> Values:
        """What a step reads, states with the error that they may have."""
        values: Values = {name: bounds.exactly(array) for name, array in self.case.tensors.items()}
        values |= {name: bounds.exactly(array[time]) for name, array in self.case.inputs.items()}
        for state in self.states:
            middle = self.middles[f"state {state.name}"][time]
            error = errors[f"state {state.name}"][time]
            values[state.name] = Estimate(middle, error, np.abs(middle) + error, np.ones_like(middle))
        return values

    def _slopes(self, values: Values, arithmetic: Bounds) -> dict[tuple[str, str], Estimate]:
        return jacobian(self.cell, self.sizes, values, arithmetic, bounds.ZERO, bounds.exactly, self.states)

    def _errors(self) -> Arrays:
        """Bounds on every state (T + 1, B, ...) and series (T, B, ...)."""
        errors: Arrays = {name: [np.zeros_like(array[0])] for name, array in self.middles.items()}
        series: Arrays = {f"series {s.name}": [] for s in Layer(self.cell).series}
        sources: list[Any] = []  # per earlier step, the local errors of all states, as they arrive at the present one
        for time in range(self.case.steps):
            inexact = self._given(time, errors)
            exact = {n: Estimate(v.value, np.zeros_like(v.value), v.size, v.count) for n, v in inexact.items()}
            own = step(self.cell, self.sizes, exact, self.bounds, bounds.ZERO)
            both = step(self.cell, self.sizes, inexact, self.bounds, bounds.ZERO)
            wide = step(self.cell, self.sizes, inexact, self.interval, bounds.ZERO)
            slopes, spread = self._matrices(self._slopes(wide, self.interval))
            before = self._joined([errors[f"state {s.name}"][time] for s in self.states])
            local = self._joined([self.bounds.error(own[s.update.name]) for s in self.cell.states])
            local = local * UP + np.einsum("nij,nj->ni", spread, before)
            sources = [np.einsum("nij,njk->nik", slopes, source) for source in sources]
            sources.append(np.einsum("ni,ij->nij", local, np.eye(local.shape[1])))
            total = _known(sum(np.abs(source).sum(axis=2) for source in sources) * UP)
            for state, part in zip(self.states, self._parts(total), strict=True):
                errors[f"state {state.name}"].append(part)
            updates = {state.update.name: state.name for state in self.cell.states}
            for output in Layer(self.cell).series:
                name = output.tensor.name
                known = errors[f"state {updates[name]}"][-1] if name in updates else self.bounds.error(both[name])
                series[f"series {output.name}"].append(known)
        return {name: np.stack(parts) for name, parts in (errors | series).items()}

    def _matrices(self, slopes: Mapping[tuple[str, str], Estimate]) -> tuple[Any, Any]:
        """The Jacobian of the states, (B, all, all), as numbers and how far it may be off."""
        sizes = [int(np.prod(self.middles[f"state {s.name}"].shape[2:])) for s in self.states]
        value, spread = (np.zeros((self.case.batch, sum(sizes), sum(sizes))) for _ in range(2))
        ends = np.cumsum([0, *sizes])
        for row, state in enumerate(self.cell.states):
            for column, argument in enumerate(self.states):
                slope = slopes.get((state.update.name, argument.name))
                if slope is None:
                    continue
                where = np.s_[:, ends[row] : ends[row + 1], ends[column] : ends[column + 1]]
                for matrix, part in ((value, slope.value), (spread, self.interval.error(slope))):
                    lanes = np.broadcast_to(part, slope.shape).reshape(slope.shape[0], slope.shape[1], -1)
                    matrix[where] = lanes.transpose(1, 2, 0)
        return value, spread

    def _joined(self, parts: list[Any]) -> Any:
        return np.concatenate([np.reshape(part, (self.case.batch, -1)) for part in parts], axis=1)

    def _parts(self, joined: Any) -> list[Any]:
        shapes = [self.middles[f"state {s.name}"].shape[1:] for s in self.states]
        ends = np.cumsum([0, *(int(np.prod(shape[1:])) for shape in shapes)])
        return [joined[:, start:end].reshape(shape) for start, end, shape in zip(ends, ends[1:], shapes, strict=False)]

    def gradients(self) -> Reference:
        """Balls and bounds of the gradient of every argument: inputs (T, B, ...), initial states, parameters."""
        exact = self.exact_gradients()
        self.sources: list[Any] = []  # per later step, its local errors as they arrive at the present one
        allowed = self._chained(self.bounds, bounds.ZERO, self._bounded_step, bounds.exactly, self._carried_back)
        return {name: (exact[name], self.bounds.error(allowed[name])) for name in exact}

    def exact_gradients(self) -> Values:
        """Balls of the gradient of every argument."""

        def chained() -> Values:
            return self._chained(balls.Balls(), balls.ZERO, self._exact_step, balls.exactly)

        if self.slopes is None:
            self.slopes = sharpened(chained, self.profile, self.bits)
        return self.slopes

    def _ending(self, cotangent: Any, time: int) -> Any:
        """The part of the final states' cotangent that belongs to the state before this step."""
        if self.case.lengths is None:
            return cotangent
        ends = np.asarray(self.case.lengths) == time
        return np.where(ends.reshape(-1, *[1] * (cotangent.ndim - 1)), cotangent, 0.0)

    def _exact_step(self, time: int) -> Values:
        given: Values = {name: balls.exactly(array) for name, array in self.case.tensors.items()}
        given |= {name: balls.exactly(array[time]) for name, array in self.case.inputs.items()}
        given |= {s.name: balls.Ball(self.exact[f"state {s.name}"].array[time]) for s in self.states}
        return step(self.cell, self.sizes, given, balls.Balls(), balls.ZERO)

    def _bounded_step(self, time: int) -> Values:
        return step(self.cell, self.sizes, self._given(time, self.errors), self.bounds, bounds.ZERO)

    def _carried_back(self, slopes: Slopes, arriving: Values, found: Values) -> Values:
        """The cotangents of the states before a step, with errors that grow as the transposed Jacobians let them."""
        certain = {n: Estimate(e.value, np.zeros_like(e.value), e.size, e.count) for n, e in arriving.items()}
        local = pulled_back(self.cell, slopes, certain, self.bounds, bounds.ZERO)
        errors = [self.bounds.error(local[state.name].spread(found[state.name].shape)).T for state in self.states]
        added = self._joined(errors) * UP
        matrix, _ = self._matrices(slopes)
        self.sources = [np.einsum("nji,njk->nik", matrix, source) for source in self.sources]
        self.sources.append(np.einsum("ni,ij->nij", added, np.eye(added.shape[1])))
        total = _known(sum(np.abs(source).sum(axis=2) for source in self.sources) * UP)
        carried: Values = {}
        for state, part in zip(self.states, self._parts(total), strict=True):
            value = np.broadcast_to(found[state.name].value, found[state.name].shape)
            error = part.reshape(len(part), -1).T
            carried[state.name] = Estimate(value, error, np.abs(value) + error, np.ones_like(value))
        return carried

    def _chained(
        self, arithmetic: Any, zero: Any, step_at: Any, exactly: Any, carry: Any = lambda slopes, arriving, found: found
    ) -> dict[str, Any]:
        """Backpropagation through time: the steps' Jacobians, from the last to the first."""
        case, cell = self.case, self.cell
        carried = {state.name: exactly(self._ending(case.dh[state.name], case.steps)) for state in cell.states}
        sums: dict[str, list[Any]] = {tensor.name: [] for tensor in cell.parameters}
        over_time: dict[str, list[Any]] = {tensor.name: [] for tensor in cell.inputs}
        series = {output.tensor.name: output.name for output in Layer(cell).series}
        for time in reversed(range(case.steps)):
            values = step_at(time)
            slopes = jacobian(cell, self.sizes, values, arithmetic, zero, exactly)
            arriving = {s.update.name: carried[s.name] for s in cell.states}
            for tensor, name in series.items():
                seed = exactly(case.dy[name][time])
                arriving[tensor] = arithmetic.add([arriving[tensor], seed]) if tensor in arriving else seed
            found = pulled_back(cell, slopes, arriving, arithmetic, zero)
            before = carry(slopes, arriving, found)
            carried = {s.name: _as_samples(before[s.name], case.initial[s.name].shape, zero) for s in cell.states}
            if case.lengths is not None:
                carried = {
                    name: arithmetic.add([number, exactly(self._ending(case.dh[name], time))])
                    for name, number in carried.items()
                }
            for name, parts in sums.items():
                parts.append(found[name])
            for name, parts in over_time.items():
                parts.insert(0, _as_samples(found[name], case.inputs[name].shape[1:], zero))
        result: dict[str, Any] = {name: _stacked(parts, case.inputs[name].shape) for name, parts in over_time.items()}
        result |= carried
        for name, parts in sums.items():
            result[name] = _shaped(arithmetic.add(parts), case.tensors[name].shape, zero)
        return result


def _known(errors: Any) -> Any:
    """Errors, infinite where infinities met zeros."""
    return np.where(np.isnan(errors), np.inf, errors)


def _map(number: Any, change: Any) -> Any:
    """The number with each of its arrays changed."""
    return type(number)(*(change(np.asarray(part)) for part in vars(number).values()))


def _as_samples(number: Any, shape: tuple[int, ...], zero: Any) -> Any:
    """(L, B) as (B, ...)."""
    if number is zero:
        return number.spread(shape)
    return _map(number, lambda part: np.broadcast_to(part, number.shape).T.reshape(shape))


def _shaped(number: Any, shape: tuple[int, ...], zero: Any) -> Any:
    return number.spread(shape) if number is zero else _map(number, lambda part: part.reshape(shape))


def _stacked(parts: list[Any], shape: tuple[int, ...]) -> Any:
    fields = zip(*(vars(part).values() for part in parts), strict=True)
    return type(parts[0])(*(np.stack([np.broadcast_to(array, shape[1:]) for array in arrays]) for arrays in fields))
