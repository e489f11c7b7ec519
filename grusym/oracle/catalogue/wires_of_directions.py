"""Changes of the direction that runs backwards, and of how both are put together."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from grusym.oracle.case import Case
from grusym.oracle.catalogue.entry import Change
from grusym.oracle.catalogue.wires import second
from grusym.oracle.program import Program, Strand
from grusym.oracle.wiring import NOTHING, wired


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
