"""Mistakes planted in C are named as those in Python are; without one, the same code is right."""

import pytest

from grusym.oracle.callables import Callables
from grusym.oracle.check import plan_of
from grusym.oracle.diagnose import diagnose
from tests.oracle.planted.plants_in_c import BACKWARD, COMPILER, FORWARD, functions

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")


def named(forward, vjp=None):
    found = diagnose(Callables(forward, vjp), plan_of("torch", "float32", "gru", None, 4, 0))
    return [d.id for d in found.diagnosis], found


def test_the_code_is_right_without_a_mistake():
    assert named(*functions(0))[1].diagnosis == ()


@pytest.mark.parametrize(("bug", "id_"), FORWARD.items(), ids=FORWARD.values())
def test_a_mistake_forward_is_named(bug, id_):
    ids, found = named(functions(bug)[0])
    assert ids == [id_], found


@pytest.mark.parametrize(("bug", "id_"), BACKWARD.items(), ids=BACKWARD.values())
def test_a_mistake_in_the_gradients_is_named(bug, id_):
    ids, found = named(functions(0)[0], functions(bug)[1])
    assert ids == [id_], found
