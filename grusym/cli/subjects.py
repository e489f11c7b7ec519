"""From words of the command line to what is judged: pkg.mod:function."""

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from grusym.errors import GrusymError, InputError
from grusym.oracle.callables import Callables
from grusym.oracle.location import raised_at
from grusym.oracle.reports.wording import printable
from grusym.oracle.subject import Subject

ROLES = {"forward": "x, h0, params", "vjp": "x, h0, params, dy, dh_n"}


def python_subject(name: str, vjp: str | None) -> Subject:
    """The functions of these names, pkg.mod:function, as a subject. The working directory is searched first.

    Raises InputError for what cannot be imported, is no function, or cannot be called as the contract says.
    """
    if sys.path[0] not in ("", "."):
        sys.path.insert(0, "")
    forward = _function(name, "forward")
    return Callables(forward, None if vjp is None else _function(vjp, "vjp"), name)


def _function(name: str, role: str) -> Callable[..., Any]:
    module_name, colon, path = name.partition(":")
    if not colon or not module_name or not path:
        raise InputError(f"cannot read the implementation {name!r}; write it as pkg.mod:{role}")
    found: Any = _module(module_name)
    for part in path.split("."):
        if not hasattr(found, part):
            own = getattr(found, "__dict__", {}).items()
            known = [key for key, value in own if callable(value) and not key.startswith("_")]
            raise InputError(f"{module_name} has no {path}; it has {', '.join(known) or 'nothing that can be called'}")
        found = getattr(found, part)
    if not callable(found):
        raise InputError(f"{name} is a {type(found).__name__}, not a function; name one that is called {role}(...)")
    try:
        inspect.signature(found).bind(*ROLES[role].split(", "))
    except TypeError as error:
        raise InputError(
            f"{name} takes {inspect.signature(found)}, but is called as {role}({ROLES[role]}): {error}"
        ) from error
    except ValueError:  # a function without a signature that Python could read
        pass
    return found


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except GrusymError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise InputError(
                f"cannot import {name}: there is no module {error.name}; run grusym where it is, or set PYTHONPATH"
            ) from error
        what = printable(f"importing {name} raised {type(error).__name__}: {error}{raised_at(error)}")
        raise InputError(f"{what}; mend it, or install what it needs") from error
