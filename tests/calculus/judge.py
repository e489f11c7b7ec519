"""What is derived against what a cell's equations say, by brute force and complex steps."""

from collections.abc import Iterable

import numpy as np

from grusym.calculus.derivation import Derivation, derive
from grusym.equations.cell import Cell
from grusym.equations.names import cotangent_name, final_name, initial_name, tangent_name
from grusym.equations.tensor import Tensor
from tests.calculus.evaluate import Arrays, Sizes, run_cell, run_nodes, run_program, shape_of

STEP = 1e-30
TOLERANCE = 1e-10  # relative to the largest element; a wrong term is at least a millionth of it


def some_sizes(cell: Cell, *first: int) -> dict[str, int]:
    """A small extent for each axis, neighbours differing."""
    return {axis.name: (*first, 3, 2, 4, 2, 3, 2)[number] for number, axis in enumerate(cell.axes)}


def arguments(cell: Cell) -> tuple[Tensor, ...]:
    return (*cell.inputs, *(state.tensor for state in cell.states), *cell.parameters)


def results(cell: Cell) -> tuple[Tensor, ...]:
    return (*(state.update for state in cell.states), *cell.outputs)


def random_arrays(tensors: Iterable[Tensor], sizes: Sizes, random: np.random.Generator) -> Arrays:
    return {tensor.name: random.uniform(-1, 1, shape_of(tensor.shape, sizes)).astype(complex) for tensor in tensors}


def assert_close(got: np.ndarray, want: np.ndarray, scale: float, what: str) -> None:
    error = np.max(np.abs(got - want), initial=0)
    assert error <= TOLERANCE * scale, f"{what} is off by {error:.2e}, where the largest is {scale:.2e}"


def scale_of(arrays: Iterable[np.ndarray]) -> float:
    return max([1.0, *(float(np.max(np.abs(array), initial=0)) for array in arrays)])


def assert_normal_form(derivation: Derivation, given: Arrays, sizes: Sizes) -> None:
    """The normal form evaluates to the same numbers as the equations that the cell was written in."""
    want, got = run_cell(derivation.cell, given, sizes), run_program(derivation.forward, given, sizes)
    for name in want:
        assert_close(got[name], want[name], scale_of([want[name]]), name)


def assert_vjp(derivation: Derivation, given: Arrays, sizes: Sizes, random: np.random.Generator) -> None:
    """<dA, V> is the derivative of <dY, Y> along V, for every argument A and a random V."""
    cell = derivation.cell
    forward = run_program(derivation.forward, given, sizes)
    cotangents = random_arrays(results(cell), sizes, random)
    received = {cotangent_name(name): array for name, array in cotangents.items()}
    adjoint = run_program(derivation.vjp, {**forward, **received}, sizes)
    for tensor in arguments(cell):
        direction = random.uniform(-1, 1, given[tensor.name].shape)
        moved = run_cell(cell, {**given, tensor.name: given[tensor.name] + STEP * 1j * direction}, sizes)
        want = sum(np.sum(cotangents[r.name] * moved[r.name].imag) / STEP for r in results(cell))
        gradient = adjoint[cotangent_name(tensor.name)]
        scale = scale_of([gradient * direction]) * max(1, direction.size)
        assert_close(np.sum(gradient * direction), np.array(want), scale, f"d{tensor.name}")


def assert_jvp(derivation: Derivation, given: Arrays, sizes: Sizes, random: np.random.Generator) -> None:
    """Every tangent is the derivative along the tangents of the arguments, and <g, JVP v> = <VJP g, v>."""
    cell, jvp = derivation.cell, derivation.jvp
    tangents = random_arrays(arguments(cell), sizes, random)
    along = {tangent_name(name): array for name, array in tangents.items()}
    got = run_cell(jvp, {**given, **along}, sizes)
    moved = run_cell(cell, {name: array + STEP * 1j * tangents[name] for name, array in given.items()}, sizes)
    for tensor in results(cell):
        want = moved[tensor.name].imag / STEP
        assert_close(got[tangent_name(tensor.name)], want, scale_of([want]), f"the tangent of {tensor.name}")
    cotangents = random_arrays(results(cell), sizes, random)
    received = {cotangent_name(name): array for name, array in cotangents.items()}
    adjoint = run_program(derivation.vjp, {**run_program(derivation.forward, given, sizes), **received}, sizes)
    left = [np.sum(cotangents[r.name] * got[tangent_name(r.name)]) for r in results(cell)]
    right = [np.sum(adjoint[cotangent_name(a.name)] * tangents[a.name]) for a in arguments(cell)]
    assert_close(np.sum(left), np.sum(right), scale_of([*left, *right]), "<g, JVP v> - <VJP g, v>")


def run_layer(derivation: Derivation, given: Arrays, steps: int, sizes: Sizes) -> tuple[list[Arrays], list[Arrays]]:
    """What every step is given, and what it computes. `given` holds inputs as x[0], x[1], ... and states as h0."""
    cell, before, after = derivation.cell, [], []
    now = {state.name: given[initial_name(state.name)] for state in cell.states}
    for t in range(steps):
        inputs = {tensor.name: given[f"{tensor.name}[{t}]"] for tensor in cell.inputs}
        before.append({**{p.name: given[p.name] for p in cell.parameters}, **inputs, **now})
        after.append(run_cell(cell, before[-1], sizes))
        now = {state.name: after[-1][state.update.name] for state in cell.states}
    return before, after


def assert_bptt(derivation: Derivation, steps: int, sizes: Sizes, random: np.random.Generator) -> None:
    """The gradients of a layer of several steps, from saved values alone, against complex steps through time."""
    cell, bptt = derivation.cell, derivation.bptt
    given = random_arrays(cell.parameters, sizes, random)
    given |= {initial_name(n): a for n, a in random_arrays((s.tensor for s in cell.states), sizes, random).items()}
    for t in range(steps):
        given |= {f"{n}[{t}]": a for n, a in random_arrays(cell.inputs, sizes, random).items()}
    before, _ = run_layer(derivation, given, steps, sizes)

    seeds = [{s.name: random_arrays([s.tensor], sizes, random)[s.tensor.name] for s in bptt.layer.series}]
    seeds += [{name: random.uniform(-1, 1, a.shape) for name, a in seeds[0].items()} for _ in range(steps - 1)]
    ends = random_arrays((state.update for state in cell.states), sizes, random)

    def loss(arrays: Arrays) -> complex:
        _, after = run_layer(derivation, arrays, steps, sizes)
        over_time = sum(
            np.sum(seeds[t][s.name] * after[t][s.tensor.name]) for t in range(steps) for s in bptt.layer.series
        )
        return over_time + sum(np.sum(ends[name] * after[-1][name]) for name in ends)

    gradients: Arrays = {}
    program = bptt.program
    carried = run_nodes(
        program, bptt.start, {cotangent_name(final_name(s.name)): ends[s.update.name] for s in cell.states}, sizes
    )
    carries = [cotangent_name(state.name) for state in cell.states]
    for t in reversed(range(steps)):
        forward = run_program(derivation.forward, before[t], sizes)
        always = {tensor.name for tensor in (*cell.inputs, *cell.parameters)}
        known = {name: array for name, array in forward.items() if name in always.union(bptt.saved)}
        known = run_nodes(derivation.forward, bptt.recomputed, known, sizes)
        known |= {cotangent_name(name): array for name, array in seeds[t].items()}
        seeded = run_nodes(program, bptt.seeds, {**known, **{name: carried[name] for name in carries}}, sizes)
        now = {name: array for name, array in seeded.items() if name not in carries}
        now = run_nodes(program, (*bptt.step, *bptt.sums), now, sizes)
        carried = {name: now[name] for name in carries}
        gradients |= {f"{tensor.name}[{t}]": now[cotangent_name(tensor.name)] for tensor in cell.inputs}
        for tensor in cell.parameters:
            gradients[tensor.name] = gradients.get(tensor.name, 0) + now[cotangent_name(tensor.name)]
    last = run_nodes(program, bptt.end, carried, sizes)
    for state in cell.states:
        gradients[initial_name(state.name)] = last[cotangent_name(initial_name(state.name))]

    assert gradients.keys() == given.keys()
    for name, array in given.items():
        direction = random.uniform(-1, 1, array.shape)
        want = loss({**given, name: array + STEP * 1j * direction}).imag / STEP
        scale = scale_of([gradients[name] * direction]) * max(1, direction.size)
        assert_close(np.sum(gradients[name] * direction), np.array(want), scale, f"d{name}")


def assert_no_delta(derivation: Derivation) -> None:
    """Nothing that is derived holds a Kronecker delta, a case distinction or an unevaluated derivative."""
    derived = [*derivation.forward.nodes, *derivation.bptt.program.nodes, *derivation.jvp.equations]
    for word in ("KroneckerDelta", "Piecewise", "Derivative", "Subs", "DiracDelta", "Heaviside", "sign(", "Abs("):
        assert not [line for line in map(str, derived) if word in line], word


def assert_derivation(cell: Cell, *first_sizes: int, seed: int = 0) -> None:
    """All of the above for one cell."""
    random, sizes, derivation = np.random.default_rng(seed), some_sizes(cell, *first_sizes), derive(cell)
    given = random_arrays(arguments(cell), sizes, random)
    assert_no_delta(derivation)
    assert_normal_form(derivation, given, sizes)
    assert_vjp(derivation, given, sizes, random)
    assert_jvp(derivation, given, sizes, random)
