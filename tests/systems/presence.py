"""Which systems are installed: what is absent is skipped in one line, or fails where CI says that it must be there."""

import os
from importlib.util import find_spec

import pytest

REQUIRED = "GRUSYM_SYSTEMS"


def require(module: str, package: str) -> None:
    """Skip the module of tests that calls this while it is collected, unless the system can be imported.

    Nothing is imported: that takes seconds, and every worker of a test run collects every module.
    """
    if find_spec(module) is not None:
        return
    absent = f"{package} is not installed; install grusym[systems]"
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(f"{absent}, which {REQUIRED}=required asks for", pytrace=False)
    pytest.skip(absent, allow_module_level=True)
