"""Bugs in the IR: one statement, loop or placement of a lowered kernel is another.

What is emitted follows the IR in every target, so that one of them shows the bug: the one that needs no compiler.
"""

from dataclasses import replace

import pytest
from sympy import Add, Integer

from grusym.calculus.program import Guard
from grusym.equations.axis import BATCH
from grusym.equations.tensor import access, accesses, indices_of, tensor_of
from grusym.lower.ir import Loop
from grusym.lower.lowered import Lowered
from tests.mutation.planting import assert_caught, changed, judged, lowered

CONV = "tests/cells/conv.cell"
GRADIENT = {"torch-gradient", "numerical-gradient", "adjointness"}
SAVED = {"torch-gradient", "numerical-gradient"}
EVERYTHING = {"torch-forward", "torch-gradient", "equations"}


def without(tensor):
    """The sum without the term that reads a tensor; zero where that is all."""

    def change(assign):
        terms = [t for t in Add.make_args(assign.value) if tensor not in map(tensor_of, accesses(t))]
        return replace(assign, value=Add(*terms))

    return change


def instead(old, new):
    """A statement that reads one tensor in place of another."""

    def change(assign):
        elements = {e: access(new, indices_of(e)) for e in accesses(assign.value) if tensor_of(e) == old}
        return replace(assign, value=assign.value.xreplace(elements))

    return change


def divided(tensor):
    """A product without one of its factors."""

    def change(assign):
        (factor,) = (e for e in accesses(assign.value) if tensor_of(e) == tensor)
        return replace(assign, value=assign.value / factor)

    return change


def one_step_later(tensor):
    """A statement that reads what the step left where it should read what the step found."""

    def change(assign):
        moved = {
            e: access(tensor, (indices_of(e)[0] + 1, *indices_of(e)[1:]))
            for e in accesses(assign.value)
            if tensor_of(e) == tensor
        }
        return replace(assign, value=assign.value.xreplace(moved))

    return change


def transposed(tensor):
    """A statement that reads a matrix by columns."""

    def change(assign):
        turned = {e: access(tensor, indices_of(e)[::-1]) for e in accesses(assign.value) if tensor_of(e) == tensor}
        return replace(assign, value=assign.value.xreplace(turned))

    return change


def ascending(kernel):
    return replace(kernel, body=tuple(replace(s, descending=False) if isinstance(s, Loop) else s for s in kernel.body))


def exchanged(one, other):
    """Two tensors in each other's place in the array that holds both."""

    def change(kernel):
        places = {place.tensor: place for place in kernel.placements}
        swapped = {one: replace(places[other], tensor=one), other: replace(places[one], tensor=other)}
        return replace(kernel, placements=tuple(swapped.get(p.tensor, p) for p in kernel.placements))

    return change


def statement(target, change, which=0):
    return lambda kernel: changed(kernel, target, change, which)


def displaced(assign):
    """A shifted access, and its guard, one position too far."""
    (guard,) = assign.guards
    (element,) = (e for e in accesses(assign.value) if guard.index in indices_of(e))
    moved = access(
        tensor_of(element), tuple(index - 1 if index == guard.index else index for index in indices_of(element))
    )
    guards = (Guard(guard.index - 1, guard.extent),)
    return replace(assign, value=assign.value.xreplace({element: moved}), guards=guards)


def one_minus(tensor):
    """A statement with 1 - z in place of z, or z in place of 1 - z."""

    def change(assign):
        (element,) = (e for e in accesses(assign.value) if tensor_of(e) == tensor)
        return replace(assign, value=assign.value.xreplace({element: 1 - element}))

    return change


mean = lambda assign: replace(assign, value=assign.value / BATCH.extent)  # noqa: E731
overwritten = lambda assign: replace(assign, accumulate=False)  # noqa: E731
negated = lambda assign: replace(assign, value=-assign.value)  # noqa: E731
zero = lambda assign: replace(assign, value=Integer(0))  # noqa: E731

BACKWARD = {
    "missing carry dh": ("gru", statement("dh", without("dh_next"), 1), GRADIENT),
    "recurrent part of dh missing": ("gru", statement("dh", without("dh_sum"), 1), GRADIENT),
    "dh_n ignored": ("gru", statement("dh", zero), GRADIENT),
    "dy ignored": ("gru", statement("dh_next", without("dy")), GRADIENT),
    "later steps ignored": ("gru", statement("dh_next", without("dh")), GRADIENT),
    "r missing in the cotangent of u": ("gru", statement("du", divided("saved_r")), GRADIENT),
    "flipped update polarity": ("gru", statement("dn", one_minus("saved_z")), GRADIENT),
    "update gate's cotangent negated": ("gru", statement("dz", negated), GRADIENT),
    "shifted state in dU_z": ("gru", statement("dU_z", one_step_later("saved_h")), GRADIENT),
    "shifted state in dz": ("gru", statement("dz", one_step_later("saved_h")), GRADIENT),
    "transposed U_n in dh": ("gru", statement("dh_sum", transposed("U_n")), GRADIENT),
    "batch mean in dU_r": ("gru", statement("dU_r", mean), GRADIENT),
    "last step only in dW_n": ("gru", statement("dW_n", overwritten), GRADIENT),
    "time runs upwards": ("gru", ascending, GRADIENT),
    "gradient blocks exchanged": ("gru", exchanged("dW_r", "dW_z"), GRADIENT),
    "cotangent of the cell state dropped": ("lstm", statement("dc", zero, 1), GRADIENT),
    "forget and input exchanged": ("lstm", statement("df", instead("saved_c", "saved_h")), GRADIENT),
    "another value in do": ("lstm", statement("do_", instead("saved_tanh_c_next", "saved_g")), GRADIENT),
    "dh0 forgotten": ("rnn", statement("dh0", zero), GRADIENT),
    "guard of the transposed convolution": (CONV, statement("dx", displaced), GRADIENT - {"torch-gradient"}),
    "kernel not turned in dh": (CONV, statement("dh", displaced, 1), GRADIENT - {"torch-gradient"}),
}  # fmt: skip
FORWARD = {
    "h0 ignored": ("gru", statement("h", zero), EVERYTHING),
    "state not carried": ("gru", statement("h", instead("h_next", "n"), 1), EVERYTHING),
    "gate blocks exchanged": ("gru", exchanged("W_r", "W_z"), EVERYTHING),
    "h_n is not the last state": ("rnn", statement("h_n", zero), {"torch-forward", "equations"}),
    "state saved a step late": ("gru", statement("saved_h", instead("h_next", "h"), 1), SAVED),
    "another gate saved": ("lstm", statement("saved_f", instead("f", "i")), SAVED),
    "guard of the convolution": (CONV, statement("a_h_next_x", displaced), {"equations", "numerical-gradient"}),
}  # fmt: skip


def mutant(layer: Lowered, side: str, change) -> Lowered:
    return replace(layer, **{side: change(getattr(layer, side))})


@pytest.mark.parametrize(
    ("side", "bug"), [*(("backward", bug) for bug in BACKWARD), *(("forward", bug) for bug in FORWARD)]
)
def test_a_bug_in_a_kernel_is_caught(side, bug):
    name, change, expected = (BACKWARD if side == "backward" else FORWARD)[bug]
    assert_caught(judged(mutant(lowered(name), side, change), ["numpy"]), expected)


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn", CONV])
def test_the_kernels_as_they_are_pass(name):
    assert judged(lowered(name), ["numpy"]).ok
