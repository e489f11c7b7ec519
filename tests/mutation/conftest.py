"""Libraries with bugs in them stay out of the cache that the user's kernels come from."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _cache_of_mutants(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRUSYM_CACHE", str(tmp_path_factory.mktemp("mutants", numbered=True)))
        yield
