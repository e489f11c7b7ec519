"""Changes of how steps are wired, and of the states and inputs that they read."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from grusym.equations.cell import Cell, Equation, State
from grusym.equations.tensor import access, indices_of, tensor_of
from grusym.oracle.case import Arrays, Case
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.edits import ZERO, substituted
from grusym.oracle.catalogue.entry import GRADIENTS, Candidate, Change, Setting
from grusym.oracle.program import Program, Strand, backwards, each_strand, rewired
from grusym.oracle.wiring import NOTHING, Wiring, numbered, wired

Rewire = Callable[[Case, Wiring], Wiring]


def ways(id_: str, *changes: Change, fix: str = "", open_: bool = False) -> Callable[[Setting], list[Candidate]]:
    return lambda setting: [Candidate(id_, change, fix, open_) for change in changes]


def wires(rewire: Rewire) -> Change:
    return lambda program: rewired(program, rewire)


def second(change: Callable[[Case, Strand, Strand], Strand]) -> Change:
    """A change of the direction that runs backwards, where there is one: it sees that and the first."""

    def changed(program: Program) -> Program:
        if len(program.strands) == 1:
            return program
        first, second = program.strands
        return replace(program, strands=(first, change(program.case, first, second)))

    return changed


def padded(change: Callable[[Case, Wiring, int], Wiring]) -> Change:
    """A change that shows only where sequences have lengths; it sees which direction it changes."""

    def changed(program: Program) -> Program:
        if program.case.lengths is None:
            return program
        strands = [
            replace(strand, wiring=change(program.case, strand.wiring, way))
            for way, strand in enumerate(program.strands)
        ]
        return replace(program, strands=tuple(strands))

    return changed


# The state from step to step


def not_carried(case: Case, wiring: Wiring, again: bool) -> Wiring:
    batch = case.batch
    restart = np.broadcast_to(np.arange(batch), wiring.h.shape) if again else np.full(wiring.h.shape, NOTHING)
    return replace(wiring, h=np.where(wiring.h >= batch, restart, wiring.h))


def start_ignored(case: Case, wiring: Wiring) -> Wiring:
    return replace(wiring, h=np.where((wiring.h >= 0) & (wiring.h < case.batch), NOTHING, wiring.h))


def g(h: Any) -> Any:
    return np.where(h >= 0, h + 0.5, 1 / (1 + np.exp(-np.minimum(h, 0.0))))


def positive_start(program: Program) -> Program | None:
    return each_strand(program, lambda s: replace(s, initial={name: g(array) for name, array in s.initial.items()}))


FRESH = "fresh"  # a state that is 1 before the first step, and 0 from then on


@lru_cache(maxsize=64)
def undecayed(cell: Cell) -> Cell:
    """The initial state enters the first step's result as it is, without the coefficient of that step."""
    updates = {state.update.name: state for state in cell.states}
    states, equations = list(cell.states), []
    for equation in cell.equations:
        state = updates.get(tensor_of(equation.target))
        if state is None:
            equations.append(equation)
            continue
        name, own = f"{FRESH}_{state.name}", indices_of(equation.target)
        fresh = access(name, own)
        alone = substituted(equation.value, {s.name for s in cell.states}, lambda _: ZERO)
        value = fresh * (access(state.name, own) + alone) + (1 - fresh) * equation.value
        states.append(State(replace(state.tensor, name=name), replace(state.update, name=f"{name}'")))
        equations += [Equation(equation.target, value), Equation(access(f"{name}'", own), ZERO)]
    return replace(cell, states=tuple(states), equations=tuple(equations))


def undecayed_start(program: Program) -> Program | None:
    def entered(strand: Strand) -> Strand:
        names = {f"{FRESH}_{state.name}": state.name for state in strand.cell.states}
        ones = {name: np.ones_like(strand.initial[origin]) for name, origin in names.items()}
        ties = {**strand.ties, **{name: name for name in names}}
        return replace(strand, cell=undecayed(strand.cell), initial={**strand.initial, **ones}, ties=ties)

    return each_strand(program, entered)


def scan(setting: Setting) -> list[Candidate]:
    """For cells whose gates and candidates do not read the state."""
    states = {state.name for state in setting.cell.states}
    updates = {state.update.name for state in setting.cell.states}
    reading = [e for e in setting.cell.equations if roles.reads(e.value) & states]
    if not all(tensor_of(e.target) in updates for e in reading):
        return []
    fix = "h[t] = a[t] h[t-1] + b[t], with a[0] h0 + b[0] first"
    return [Candidate("parallel-scan-initial-state", change, fix) for change in (positive_start, undecayed_start)]


# Order in time


def run_backwards(flipped: bool) -> Rewire:
    def rewire(case: Case, wiring: Wiring) -> Wiring:
        other = wired(case.steps, case.batch, case.lengths, backwards=True)
        return other if flipped else replace(other, y=wiring.y)

    return rewire


def alone(change: Change) -> Change:
    """For layers of one direction."""
    return lambda program: change(program) if len(program.strands) == 1 else program


def in_running_order(case: Case, first: Strand, second: Strand) -> Strand:
    return replace(second, wiring=replace(second.wiring, y=first.wiring.y))


def from_padding(final: bool) -> Callable[[Case, Strand, Strand], Strand]:
    def change(case: Case, first: Strand, second: Strand) -> Strand:
        whole = wired(case.steps, case.batch, None, backwards=True)
        y = np.where(first.wiring.y == NOTHING, NOTHING, whole.y)
        return replace(second, wiring=replace(whole, y=y, final=whole.final if final else second.wiring.final))

    return change


def final_from_last(padded: bool) -> Callable[[Case, Strand, Strand], Strand]:
    """The state of the backward direction at the last step, which it visits first."""

    def change(case: Case, first: Strand, second: Strand) -> Strand:
        del first
        lengths = np.full(case.batch, case.steps) if case.lengths is None else np.asarray(case.lengths)
        node = case.batch + np.arange(case.batch)
        at_end = np.where(lengths > 0, node, second.wiring.final)
        if padded:  # what the padded series holds at its end
            at_end = np.where(lengths == case.steps, node, NOTHING)
        return replace(second, wiring=replace(second.wiring, final=at_end))

    return change


# Lengths


def lengths_ignored(case: Case, wiring: Wiring, way: int) -> Wiring:
    del wiring
    return wired(case.steps, case.batch, None, backwards=way == 1)


def repeated(case: Case, wiring: Wiring, way: int) -> Wiring:
    del case, way
    return replace(wiring, y=np.where(wiring.y == NOTHING, wiring.final, wiring.y))


def computed(case: Case, wiring: Wiring, way: int) -> Wiring:
    del way
    return replace(wiring, y=np.where(wiring.y == NOTHING, case.batch + numbered(case.steps, case.batch), wiring.y))


def final_past_end(case: Case, wiring: Wiring, way: int) -> Wiring:
    del way
    last = case.batch + (case.steps - 1) * case.batch + np.arange(case.batch)
    return replace(wiring, final=last if case.steps else wiring.final)


def final_of_series(case: Case, wiring: Wiring, way: int) -> Wiring:
    """What the padded series holds at its last step: zero, for shorter sequences."""
    return replace(wiring, final=wiring.y[0 if way else -1]) if case.steps else wiring


def empty_zero(case: Case, wiring: Wiring) -> Wiring:
    return replace(wiring, final=np.where(wiring.final < case.batch, NOTHING, wiring.final))


def empty_is_one(case: Case, wiring: Wiring, way: int) -> Wiring:
    return wired(case.steps, case.batch, np.maximum(case.lengths, 1), backwards=way == 1) if case.steps else wiring


# Batch


def batch_first(read: bool, wrote: bool, square: bool) -> Change:
    """Arrays of (T, B) are taken for (B, T); `square`: with their axes exchanged, which fits where T is B only."""

    def rewire(case: Case, wiring: Wiring) -> Wiring:
        other = np.arange(case.steps * case.batch).reshape(case.batch, case.steps).T
        x = np.where(wiring.x == NOTHING, NOTHING, other.reshape(-1)[wiring.x]) if read else wiring.x
        y = wiring.y
        if wrote:
            y = np.empty_like(wiring.y.reshape(-1))
            y[other.reshape(-1)] = wiring.y.reshape(-1)
        return replace(wiring, x=x, y=y.reshape(wiring.y.shape))

    def change(program: Program) -> Program | None:
        if square and program.case.steps != program.case.batch:
            return None
        return rewired(program, rewire)

    return change


def mixed(number: int) -> Callable[[Case], Any]:
    """Ways in which samples are mixed up: backwards, moved on, moved back, sorted by length."""

    def order(case: Case) -> Any:
        own = np.arange(case.batch)
        if number < 3:
            return (own[::-1], np.roll(own, 1), np.roll(own, -1))[number]
        return own if case.lengths is None else np.argsort(-np.asarray(case.lengths), kind="stable")

    return order


def permuted(order: Callable[[Case], Any], parts: str) -> Change:
    """Samples in another order: in what is read (x, h) or what is returned (y, n for the final state)."""

    def change(program: Program) -> Program | None:
        mixed = order(program.case)

        def moved(strand: Strand) -> Strand:
            wiring = strand.wiring
            if "x" in parts:
                time, sample = np.divmod(wiring.x, program.case.batch)
                wiring = replace(wiring, x=time * program.case.batch + mixed[sample])
            if "y" in parts:
                wiring = replace(wiring, y=wiring.y[:, mixed])
            if "n" in parts:
                wiring = replace(wiring, final=wiring.final[mixed])
            if "h" not in parts:
                return replace(strand, wiring=wiring)
            first = np.where((wiring.h >= 0) & (wiring.h < len(mixed)), mixed[wiring.h % len(mixed)], wiring.h)
            return replace(strand, wiring=replace(wiring, h=first))

        return each_strand(program, moved)

    return change


def shared(number: int) -> Rewire:
    """One buffer for the states of all samples: which sample's state each step finds in it."""

    def rewire(case: Case, wiring: Wiring) -> Wiring:
        steps, batch = case.steps, case.batch
        if not steps:
            return wiring
        own = batch + numbered(steps, batch)
        h = wiring.h.copy()
        if number == 0:  # that of the last sample
            h[1:] = own[:-1, -1:]
        elif number == 1:  # that of the first
            h[1:] = own[:-1, :1]
        elif number == 2:  # each sample begins with what the sample before it left
            h[0, 1:] = own[-1, :-1]
        else:  # that of whichever sample came before
            h[:, 1:] = own[:, :-1]
            h[1:, 0] = own[:-1, -1]
        return replace(wiring, h=h)

    return rewire


# Directions


def same_weights(case: Case, first: Strand, second: Strand) -> Strand:
    del case
    return replace(second, tensors=first.tensors, reading=first.reading)


def share(program: Program) -> Program:
    changed = second(same_weights)(program)
    assert changed is not None
    return changed if changed is program else replace(changed, shared=True)


def interleaved(number: int) -> Change:
    """Both directions in the wrong places of what is returned."""

    def change(program: Program) -> Program:
        case = program.case
        if case.directions == 1:
            return program
        orders: dict[str, Any] = {}
        for name, array in case.dy.items():
            own = np.arange(array.size).reshape(array.shape)
            halves = own.reshape(*own.shape[:2], 2, own.shape[2] // 2, *own.shape[3:])
            if number == 0:
                orders[f"series {name}"] = halves.swapaxes(2, 3).reshape(-1)
            elif number == 1:
                orders[f"series {name}"] = halves.swapaxes(1, 2).reshape(-1)
            elif number == 3:
                orders[f"series {name}"] = halves[:, :, ::-1].reshape(-1)
        for name, array in case.dh.items():
            own = np.arange(array.size).reshape(array.shape)
            if number == 2:
                orders[f"final {name}"] = own.swapaxes(0, 1).reshape(-1)
        return replace(program, orders={**program.orders, **orders})

    return change


# Inputs that are masks


def frozen(setting: Setting) -> list[Candidate]:
    """The values of the first step, of an input besides the first, at every step: in the gradients, or everywhere."""
    found = []
    for tensor in setting.cell.inputs[1:]:
        name = tensor.name

        def constant(program: Program, name: str = name) -> Program | None:
            def held(strand: Strand) -> Strand:
                array = strand.inputs[name]
                inputs: Arrays = {**strand.inputs, name: np.broadcast_to(array[:1], array.shape)}
                return replace(strand, inputs=inputs)

            return each_strand(program, held)

        def in_gradients(program: Program, name: str = name) -> Program | None:
            first = np.broadcast_to(np.arange(program.case.batch), (program.case.steps, program.case.batch))
            return backwards(program, inputs={name: first})

        fix = f"at step t, read {name}[t]"
        found.append(Candidate("zoneout-mask-frozen", in_gradients, fix, group=GRADIENTS))
        found.append(Candidate("zoneout-mask-frozen", constant, fix))
    return found


def leftover(program: Program) -> Program:
    return replace(program, leftover=True)


def unknown_start(program: Program) -> Program:
    return replace(program, open_start=True)


def permutations(setting: Setting) -> Iterable[Candidate]:
    del setting
    for number in range(4):
        for parts in ("yn", "xh", "x", "h", "n", "y"):
            yield Candidate(
                "batch-permuted", permuted(mixed(number), parts), "y[t,b] and h_n[b] belong to x[t,b] and h0[b]"
            )
