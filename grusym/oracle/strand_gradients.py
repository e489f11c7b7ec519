"""The gradients of one direction: the steps' Jacobians, multiplied along the wires backwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from grusym.equations.cell import Equation
from grusym.equations.layer import Layer
from grusym.equations.tensor import Tensor, tensor_of
from grusym.oracle.adjoint import pulled_back
from grusym.oracle.engine import Slopes
from grusym.oracle.pools import add, at, diagonal, lanes_at, samples_first, zeros_like
from grusym.oracle.program import Strand
from grusym.oracle.strand_run import Pair, Predicted, StrandRun
from grusym.oracle.tangents import tangents_made
from grusym.oracle.wiring import NOTHING

Cotangents = Mapping[str, Any]


def gradients(run: StrandRun, strand: Strand, dy: Cotangents, dh: Cotangents) -> Iterator[tuple[str, Pair]]:
    """The cotangents of initial states (B, ...), inputs (T, B, ...) and parameters, one after the other.

    The strand is the one that was run, or one that differs from it in its gradients only. What is not asked for takes
    no time, so that a first look may end at the first tensor that is off.
    """
    arriving = _arriving(run, strand, dy, dh)
    yield from _of_initial(run, strand, arriving).items()
    here = {name: at(number, run.batch + np.arange(run.count)) for name, number in arriving.items()}
    for tensor in run.cell.inputs:
        yield tensor.name, _of_input(run, strand, tensor, here)
    if strand.backward.weights is not None:
        here = {name: _weighted(run, strand, number) for name, number in here.items()}
    each = ((tensor.name, _of_parameter(run, strand, tensor, here)) for tensor in run.cell.parameters)
    yield from _read_back(strand, dict(each)).items() if strand.reading else each


def _arriving(run: StrandRun, strand: Strand, dy: Cotangents, dh: Cotangents) -> dict[str, Any]:
    """What arrives at every state that is left and every output, over all steps: from what is returned, and onwards."""
    cell, engine, how, wiring = run.cell, run.engine, strand.backward, strand.wiring
    arriving = {state.update.name: zeros_like(run.states[state.name]) for state in cell.states}
    for series in Layer(cell).series:
        name = series.tensor.name
        if name not in arriving and run.count:
            arriving[name] = zeros_like(run.series[series.name])
        if name in arriving:
            flat = dy[series.name].reshape(-1, *dy[series.name].shape[2:])
            add(arriving[name], wiring.y.reshape(-1), engine.exactly(flat))
    for state in cell.states:
        if how.final and state.name in dh:
            add(arriving[state.update.name], wiring.final, engine.exactly(dh[state.name]))
    recurrent = _slopes(run, strand, [state.tensor for state in cell.states])
    if how.carry == "own":
        recurrent = {key: diagonal(slope) for key, slope in recurrent.items()}
    for nodes in reversed(run.levels):
        here = {name: at(number, run.batch + nodes) for name, number in arriving.items()}
        level = {key: lanes_at(slope, nodes) for key, slope in recurrent.items()}
        found = pulled_back(cell, level, here, engine.arithmetic, engine.zero)
        for state in cell.states:
            number = found[state.name]
            if number is engine.zero:
                continue
            targets = run.h[nodes]
            if how.carry == "none":
                targets = np.where(targets >= run.batch, NOTHING, targets)
            if how.carry == "detached":
                targets = np.full_like(targets, NOTHING)
            add(arriving[state.update.name], targets, samples_first(number, run.states[state.name].shape[1:]))
    return arriving


def _of_initial(run: StrandRun, strand: Strand, arriving: Mapping[str, Any]) -> Predicted:
    result: Predicted = {}
    for state in run.cell.states:
        pair = run.pair(at(arriving[state.update.name], np.arange(run.batch)))
        name = strand.ties.get(state.name, state.name)
        before = result.get(name)
        result[name] = (before[0] + pair[0], before[1] + pair[1]) if before else pair
    return result


def _of_input(run: StrandRun, strand: Strand, tensor: Tensor, here: dict[str, Any]) -> Pair:
    found = _pulled(run, strand, tensor, here)
    rows = zeros_like(run.rows[tensor.name])
    if found is not run.engine.zero:
        add(rows, run.x, samples_first(found, rows.shape[1:]))
    return _shaped(run.pair(at(rows, np.arange(run.count))), strand.inputs[tensor.name].shape)


def _of_parameter(run: StrandRun, strand: Strand, tensor: Tensor, here: dict[str, Any]) -> Pair:
    found = _pulled(run, strand, tensor, here)
    shape = strand.tensors[tensor.name].shape
    return _shaped(run.pair(found), shape) if found is not run.engine.zero else (np.zeros(shape), np.zeros(shape))


def _shaped(pair: Pair, shape: tuple[int, ...]) -> Pair:
    return pair[0].reshape(shape), pair[1].reshape(shape)


def _pulled(run: StrandRun, strand: Strand, tensor: Tensor, here: dict[str, Any]) -> Any:
    slopes = _slopes(run, strand, [tensor])
    return pulled_back(run.cell, slopes, here, run.engine.arithmetic, run.engine.zero)[tensor.name]


def _weighted(run: StrandRun, strand: Strand, number: Any) -> Any:
    """What arrives at the steps, times what each counts."""
    weights = strand.backward.weights.reshape(-1, *[1] * (len(number.shape) - 1))
    return run.engine.arithmetic.multiply([number, run.engine.exactly(weights).spread(number.shape)])


def _slopes(run: StrandRun, strand: Strand, arguments: Sequence[Tensor]) -> Slopes:
    """The Jacobians of all steps by some arguments, kept for strands that differ in what is made of them."""
    if not run.count:
        return {}
    how = strand.backward
    rows = b"" if how.saved is None else np.ascontiguousarray(how.saved).tobytes()
    inputs = tuple((name, np.ascontiguousarray(taken).tobytes()) for name, taken in sorted(how.inputs.items()))
    read = rows, inputs, how.raw
    if read not in run.saved:
        run.saved[read] = _saved_values(run, strand)
    tangents = tangents_made(run.cell, how.derivatives, how.tangents)
    sizes = {**run.sizes, "B": run.count}
    found: Slopes = {}
    for argument in arguments:
        key = read, tangents, argument.name
        if key not in run.slopes:
            run.slopes[key] = run.engine.jacobian(run.cell, sizes, run.saved[read], tangents, [argument])
        found |= run.slopes[key]
    return found


def _saved_values(run: StrandRun, strand: Strand) -> dict[str, Any]:
    """The values that backward reads, at every step."""
    how, nodes = strand.backward, np.arange(run.count)
    values = run.values(nodes)
    if how.saved is not None or how.inputs:
        given = {tensor.name for tensor in (*run.cell.parameters, *run.cell.inputs)}
        rows = nodes if how.saved is None else how.saved.reshape(-1)
        values |= {name: at(number, rows) for name, number in values.items() if name not in given}
        values |= {name: at(run.rows[name], taken.reshape(-1)) for name, taken in how.inputs.items()}
    for name in how.raw:
        (equation,) = [e for e in run.cell.equations if tensor_of(e.target) == name]
        plain = replace(run.cell, equations=(Equation(equation.target, equation.value.args[0]),))
        known = {other: number for other, number in values.items() if other != name}
        values[name] = run.engine.step(plain, {**run.sizes, "B": run.count}, known)[name]
    return values


def _read_back(strand: Strand, found: Predicted) -> Predicted:
    """Gradients of parameters, where each element was taken for another."""
    assert strand.reading is not None
    names = list(strand.tensors)
    where = np.concatenate([strand.reading[name].reshape(-1) for name in names]).astype(int)
    ends = np.cumsum([0, *(strand.tensors[name].size for name in names)])
    parts: list[list[Any]] = []
    for part in (0, 1):
        whole = np.zeros(ends[-1])
        np.add.at(whole, where, np.concatenate([found[name][part].reshape(-1) for name in names]))
        parts.append(
            [whole[a:b].reshape(strand.tensors[n].shape) for n, a, b in zip(names, ends, ends[1:], strict=False)]
        )
    return dict(zip(names, zip(*parts, strict=True), strict=True))
