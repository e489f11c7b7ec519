"""Every function of the notation has a text in every emitter that runs."""

import pytest

from grusym.emit import numpy_expression
from grusym.emit.c_functions import BODIES, LIBRARY
from grusym.equations.functions import FUNCTIONS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_has_a_text_in_c_and_in_numpy(name):
    assert (name in LIBRARY) != (name in BODIES)
    assert name in numpy_expression.FUNCTIONS


def test_no_emitter_knows_another():
    assert {*LIBRARY, *BODIES} == set(FUNCTIONS)
    assert set(numpy_expression.FUNCTIONS) == set(FUNCTIONS)
