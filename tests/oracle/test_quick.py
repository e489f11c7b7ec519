"""The first look computes what the walk of the equations computes: every cell, its steps and its Jacobians."""

import numpy as np
import pytest

from grusym.equations.library import BUILT_IN
from grusym.oracle import bounds
from grusym.oracle.bounds import Bounds
from grusym.oracle.check import plan_of
from grusym.oracle.quick import quick_jacobian, quick_step
from grusym.oracle.spec import Spec, materialise, rich_sizes
from grusym.oracle.step import arguments_of, jacobian, step

ROUNDING = 2.0**-40  # far more than a few hundred operations of float64 lose on values near one


@pytest.mark.parametrize("name", BUILT_IN)
def test_steps_and_jacobians_are_those_of_the_equations(name):
    plan = plan_of(None, "float64", name, None, 4, 0)
    cell, exactly = plan.cell, bounds.exactly
    case = materialise(Spec(rich_sizes(cell, {}), 3), cell, None, "float64")
    sizes, arithmetic = case.sizes, Bounds(plan.profile)
    given = {**case.tensors, **{name: array[0] for name, array in case.inputs.items()}, **case.initial}
    found = quick_step(cell, sizes, given)
    wanted = step(cell, sizes, {name: exactly(array) for name, array in given.items()}, arithmetic, bounds.ZERO)
    for tensor in found:
        assert np.abs(found[tensor] - wanted[tensor].value).max() < ROUNDING, tensor
    own = {t: np.broadcast_to(array, (case.batch, *array.shape)) for t, array in case.tensors.items()}
    for tensor, value in quick_step(cell, sizes, given | own, apart=True).items():
        assert np.abs(value - wanted[tensor].value).max() < ROUNDING, tensor
    slopes = quick_jacobian(cell, sizes, found, None, arguments_of(cell))
    right = jacobian(cell, sizes, wanted, arithmetic, bounds.ZERO, exactly)
    assert slopes.keys() == right.keys()
    for pair, slope in slopes.items():
        assert np.abs(slope - right[pair].value).max() < ROUNDING, pair
