"""Programs run side by side return what each returns by itself."""

from dataclasses import replace

import numpy as np
import pytest

from grusym.oracle.catalogue.entry import FORWARD
from grusym.oracle.catalogue.library import candidates
from grusym.oracle.check import plan_of
from grusym.oracle.engine import QUICK
from grusym.oracle.explanation import changed
from grusym.oracle.predict import predicted
from grusym.oracle.program import right_program
from grusym.oracle.spec import Spec, both_directions, materialise, rich_sizes, with_lengths
from grusym.oracle.stack import values_of

ROUNDING = 2.0**-40  # far more than a few hundred operations of float64 lose on values near one


@pytest.mark.parametrize("layered", [False, True])
@pytest.mark.parametrize("cell", ["gru", "lstm", "convgru"])
def test_programs_side_by_side_are_those_programs(cell, layered):
    plan = plan_of("torch" if cell != "convgru" else None, "float64", cell, None, 4, 0)
    spec = Spec(rich_sizes(plan.cell, {}), 3)
    case = materialise(spec, plan.cell, plan.convention, "float64")
    if layered:
        case = with_lengths(both_directions(spec, case), 1)
    ways = [c for c in candidates(plan.cell, plan.convention, FORWARD) if not c.open]
    right = right_program(case)
    made = [changed(right, parts) for one in ways[::3] for parts in ((one,), (one, ways[0]), (one, ways[-1]))]
    programs = [replace(program, leftover=False) for program in made if program]
    assert len(programs) > 40
    for program, found in zip(programs, values_of(programs), strict=True):
        wanted = {name: value for name, (value, _) in predicted(program, QUICK).items()}
        assert found.keys() == wanted.keys()
        for name, array in found.items():
            assert array.shape == wanted[name].shape
            assert np.abs(array - wanted[name]).max() < ROUNDING * max(1, np.abs(array).max()), name
