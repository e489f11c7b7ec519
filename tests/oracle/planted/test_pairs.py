"""Two mistakes at once are named as a pair; what is right, or wrong in no known way, is not given a name."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest

from grusym.oracle.callables import Callables
from grusym.oracle.check import check, plan_of
from grusym.oracle.diagnose import diagnose
from tests.oracle.implementations import gru, gru_vjp
from tests.oracle.layer_implementations import layer, layer_vjp
from tests.oracle.planted import backward
from tests.oracle.planted import forward as f
from tests.oracle.planted.plants import GRADIENTS

# What changes the parameters, a step, and the run, so that any two of different kinds can be there at once.
READS = {
    "gate-order:zrn": partial(f.blocks, order="zrn"),
    "recurrent-transposed": f.transposed("U"),
    "input-bias-missing": f.changed(bias_ih=0),
    "recurrent-reshaped": f.reshaped("weight_hh"),
}
STEPS = {
    "reset-before": {"reset": "before"},
    "update-write": {"update": "write"},
    "hard-sigmoid-0.2": {"sig": f.hard(0.2)},
    "candidate-relu": {"act": lambda a: np.maximum(a, 0)},
}
RUNS = {
    "initial-state-ignored": lambda forward: lambda x, h0, params: forward(x, 0 * h0, params),
    "sequence-reversed": lambda forward: lambda x, h0, params: forward(x[::-1], h0, params),
}


def pairs():
    for (one, read), (other, step) in ((a, b) for a in READS.items() for b in STEPS.items()):
        yield one, other, f.over_time(read, **step)
    for (one, read), (other, around) in ((a, b) for a in READS.items() for b in RUNS.items()):
        yield one, other, around(f.over_time(read))
    for (one, step), (other, around) in ((a, b) for a in STEPS.items() for b in RUNS.items()):
        yield one, other, around(f.over_time(f.blocks, **step))
    for (one, step), (other, more) in combinations(STEPS.items(), 2):
        yield one, other, f.over_time(f.blocks, **step, **more)


PAIRS = list(pairs())
QUICK = PAIRS[::6]
BACKWARDS = [
    (one, other, backward.vjp(kinds[0], more[0])) for (one, kinds), (other, more) in combinations(GRADIENTS.items(), 2)
]
FEW_BACKWARDS = BACKWARDS[2::40]


def named_together(forward, vjp=None):
    found = diagnose(Callables(forward, vjp), plan_of("torch", "float32", "gru", None, 4, 0))
    return {d.id for d in found.diagnosis}, found


def as_it_should(one, other, forward, vjp=None):
    names, found = named_together(forward, vjp)
    wanted = {one, other}
    return names == wanted or any(set(text.split(" + ")) == wanted for d in found.diagnosis for text in d.equivalent)


@pytest.mark.parametrize(("one", "other", "forward"), QUICK, ids=[f"{a}+{b}" for a, b, _ in QUICK])
def test_two_at_once_are_named(one, other, forward):
    names, found = named_together(forward)
    assert names == {one, other}, found
    assert [set(d.together) for d in found.diagnosis] == [{other}, {one}] or len(found.diagnosis) == 2


@pytest.mark.parametrize(("one", "other", "vjp"), FEW_BACKWARDS, ids=[f"{a}+{b}" for a, b, _ in FEW_BACKWARDS])
def test_two_at_once_in_the_gradients_are_named(one, other, vjp):
    names, found = named_together(gru, vjp)
    assert names == {one, other}, found


@pytest.mark.slow
def test_nine_of_ten_pairs_are_named():
    missed = [(one, other) for one, other, forward in PAIRS if not as_it_should(one, other, forward)]
    assert len(missed) <= len(PAIRS) / 10, missed


@pytest.mark.slow
def test_nine_of_ten_pairs_in_the_gradients_are_named():
    some = BACKWARDS[::7]
    missed = [(one, other) for one, other, vjp in some if not as_it_should(one, other, gru, vjp)]
    assert len(missed) <= len(some) / 10, missed


def test_a_mistake_forward_and_one_in_the_gradients_are_both_named():
    def cut(x, h0, params, dy, dh_n):
        return gru_vjp(x, h0, params, dy, 0 * dh_n)

    found = diagnose(
        Callables(f.over_time(f.blocks, update="write"), cut), plan_of("torch", "float32", "gru", None, 4, 0)
    )
    assert [d.id for d in found.diagnosis] == ["update-write", "grad-final-state-ignored"]


def test_gradients_of_another_layer_are_named_after_its_mistake():
    def other(x, h0, params, dy, dh_n):
        return gru_vjp(x, h0, params | {"bias_hh": 0 * params["bias_hh"]}, dy, dh_n) | {
            "bias_hh": 0 * params["bias_hh"]
        }

    found = diagnose(Callables(gru, other), plan_of("torch", "float32", "gru", None, 4, 0))
    assert [d.id for d in found.diagnosis] == ["recurrent-bias-missing"]
    assert found.diagnosis[0].title == "in the gradients alone: the recurrent biases are missing"


def test_where_no_input_tells_two_mistakes_apart_both_are_named():
    """sum over k of U[i,k] r[i] h[k] is r[i] (U h)[i]: without a recurrent bias, a wrong index is the other form."""
    forward = f.over_time(lambda p: p, update="write")
    plan = plan_of(None, "float32", "gru:reset=before,update=write,biases=one", None, 4, 0)
    (found,) = diagnose(Callables(forward), plan).diagnosis
    assert (found.id, found.equivalent) == ("reset-after", ("reset-wrong-index",))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_right_implementation_gets_no_diagnosis(dtype):
    for forward, vjp in ((gru, gru_vjp), (layer, layer_vjp)):
        found = diagnose(Callables(forward, vjp), plan_of("torch", dtype, "gru", None, 4, 0))
        assert (found.diagnosis, found.notes) == ((), ())


UNKNOWN = {
    "scaled input": lambda x, h0, params: gru(x * x.dtype.type(1.001), h0, params),
    "scaled weights": lambda x, h0, params: gru(x, h0, params | {"weight_ih": params["weight_ih"] * np.float32(1.001)}),
    "offset": lambda x, h0, params: gru(x, h0, params)[0] + np.float32(0.01),
    "first step": lambda x, h0, params: gru(x, h0 * np.float32(1.01), params),
}


@pytest.mark.parametrize("forward", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_mistake_is_given_no_name(forward):
    found = diagnose(Callables(forward), plan_of("torch", "float32", "gru", None, 4, 0))
    assert found.diagnosis == ()
    (note,) = found.notes
    assert note.startswith("no known mistake fits what the layer returns; the nearest is ")
    assert note.endswith(" times its bound")


def test_an_unknown_mistake_in_the_gradients_is_given_no_name():
    def scaled(x, h0, params, dy, dh_n):
        found = gru_vjp(x, h0, params, dy, dh_n)
        return found | {"weight_hh": found["weight_hh"] * np.float32(1.01)}

    found = diagnose(Callables(gru, scaled), plan_of("torch", "float32", "gru", None, 4, 0))
    assert found.diagnosis == ()
    assert found.notes[0].startswith("no known mistake fits the gradients")


def test_the_report_has_the_diagnosis_unless_it_is_turned_off():
    def forward(x, h0, params):
        return gru(x, 0 * h0, params)

    told = check(forward, max_examples=3)
    assert [d["id"] for d in told.to_json()["diagnosis"]] == ["initial-state-ignored"]
    assert told.to_json()["diagnosis"][0]["margin"] > 1
    assert check(forward, max_examples=3, diagnosing=False).diagnosis == ()
