"""Every entry of the catalogue, planted: it is named first, alone or with what no input tells from it."""

import pytest

from grusym.oracle.callables import Callables
from grusym.oracle.catalogue.library import CATALOGUE
from grusym.oracle.check import judge, plan_of
from grusym.oracle.diagnose import diagnose
from tests.oracle.planted.plants import CHECKED, EVALUATED

# In test_planted_behaviour.py, as they need guards around buffers, or another way in.
ELSEWHERE = {"out-of-bounds-write", "out-of-bounds-read", "output-not-written", "error-status", "output-malformed"}


def named(plant, dtype="float32"):
    plan = plan_of(plant.convention, dtype, plant.cell, None, 4, 0)
    return diagnose(Callables(plant.forward, plant.vjp), plan)


@pytest.mark.parametrize("plant", EVALUATED, ids=str)
def test_a_planted_mistake_is_named(plant):
    found = named(plant)
    assert [d.id for d in found.diagnosis] == [plant.id], found
    (diagnosis,) = found.diagnosis
    assert diagnosis.equivalent == plant.also
    assert diagnosis.worst_ratio <= 1
    assert diagnosis.margin > 1
    assert diagnosis.fix


@pytest.mark.parametrize("plant", CHECKED, ids=str)
def test_a_planted_behaviour_is_named(plant):
    plan = plan_of(plant.convention, "float32", plant.cell, None, 4, 0)
    report = judge(Callables(plant.forward, plant.vjp), plan)
    assert [d.id for d in report.diagnosis] == [plant.id], report


def test_every_entry_is_planted():
    planted = {plant.id.partition(":")[0] for plant in (*EVALUATED, *CHECKED)}
    assert set(CATALOGUE) - planted == ELSEWHERE
