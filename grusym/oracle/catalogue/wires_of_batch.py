"""Changes of which sample is which: axes exchanged, samples mixed up, one buffer for all."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from grusym.oracle.case import Case
from grusym.oracle.catalogue.entry import Candidate, Change, Setting
from grusym.oracle.catalogue.wires import Rewire
from grusym.oracle.program import Program, Strand, each_strand, rewired
from grusym.oracle.wiring import NOTHING, Wiring, numbered


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


def permutations(setting: Setting) -> Iterable[Candidate]:
    del setting
    for number in range(4):
        for parts in ("yn", "xh", "x", "h", "n", "y"):
            yield Candidate(
                "batch-permuted", permuted(mixed(number), parts), "y[t,b] and h_n[b] belong to x[t,b] and h0[b]"
            )


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


def mixed(number: int) -> Callable[[Case], Any]:
    """Ways in which samples are mixed up: backwards, moved on, moved back, sorted by length."""

    def order(case: Case) -> Any:
        own = np.arange(case.batch)
        if number < 3:
            return (own[::-1], np.roll(own, 1), np.roll(own, -1))[number]
        return own if case.lengths is None else np.argsort(-np.asarray(case.lengths), kind="stable")

    return order


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
