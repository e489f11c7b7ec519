"""Kernels that several tests call, built once for each module."""

import functools
import shutil

import pytest

import grusym
from grusym.runtime.kernel import build as build_kernel


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache of compiled libraries for this module, so that nothing is left from elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRUSYM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def build(cache):
    """Kernels, each built once."""
    made = {}

    def make(cell="gru", target="c", dtype="float64", convention=None):
        key = (cell, target, dtype, convention)
        if key not in made:
            if target == "c" and shutil.which("cc") is None:
                pytest.skip("cc is not on this machine")
            made[key] = grusym.build(cell, target=target, dtype=dtype, convention=convention)
        return made[key]

    return make


@pytest.fixture(scope="module")
def layer(cache):
    """Layers, of kernels that are each built once."""
    once = functools.cache(build_kernel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grusym.runtime.layer.build", once)
        patch.setattr("grusym.runtime.stack.build", once)

        def make(cell="gru", target="numpy", dtype="float64", convention=None, **form):
            if target == "c" and shutil.which("cc") is None:
                pytest.skip("cc is not on this machine")
            return grusym.layer(cell, target, dtype, convention, **form)

        yield make
