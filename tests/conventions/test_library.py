"""Conventions by name."""

import pytest

from grusym.conventions.library import CONVENTIONS, layout_of
from grusym.equations.library import cell, options_of
from grusym.errors import InputError


def test_an_unknown_convention_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"^unknown convention 'tensorfish'; known are own, torch"):
        layout_of(cell("gru"), "tensorfish")


def test_a_name_is_not_taken_for_another():
    with pytest.raises(InputError, match=r"^unknown convention ''; known are own, torch"):
        layout_of(cell("gru"), "")


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_convention_goes_by_its_name_and_speaks_of_options_that_exist(name):
    convention = CONVENTIONS[name]
    assert convention.name == name
    assert convention.source
    for family, forms in convention.forms.items():
        for form in forms:
            for option, values in form.options.items():
                assert set(values) <= set(options_of(family)[option])


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn"])
def test_a_layout_says_whose_it_is(name):
    assert layout_of(cell(name)).convention == "own"
    assert layout_of(cell(name), "torch").convention == "torch"
