"""The packages that only the demo needs: imported when it runs, with the mend where one is absent."""

from importlib import import_module
from types import ModuleType

from grusym.errors import InputError

PACKAGES = {"torch": "PyTorch", "sklearn": "scikit-learn", "threadpoolctl": "threadpoolctl", "matplotlib": "matplotlib"}


def need(module: str) -> ModuleType:
    """Import a module of one of PACKAGES.

    >>> need("torch.no_such_part")
    Traceback (most recent call last):
    ...
    grusym.errors.InputError: the demo needs PyTorch, but No module named 'torch.no_such_part'; \
run pip install 'grusym[demo]'

    Raises InputError where it cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = PACKAGES[module.partition(".")[0]]
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(f"the demo needs {package}, but {reason}; run pip install 'grusym[demo]'") from error
