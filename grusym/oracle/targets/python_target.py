"""What `pkg.mod:name` and `path/to/file.py:name` stand for: functions, and torch modules.

Modules are looked for in the working directory first, as `python -m` does; what a file imports, beside the file.
Nothing else in grusym imports what a user names.
"""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from grusym.equations.cell import Cell
from grusym.errors import InputError
from grusym.oracle.callables import Callables
from grusym.oracle.location import words_of
from grusym.oracle.plan import AUTO, Plan
from grusym.oracle.subject import Subject, Unbound, arguments_in_words

PREFIX = "grusym_target_"  # files are modules of their own, whatever else has their name


def python_subject(target: str, vjp: str | None, plan: Plan) -> Subject:
    """The subject of a target: a function, with its gradients by `vjp`, or a torch module, which has its own.

    Raises InputError for what cannot be imported, is not there, or cannot be called with what it would be called with.
    """
    return subject_in(named(target), target, named(vjp) if vjp else None, vjp or "", plan)


def subject_in(found: Any, name: str, vjp: Any, vjp_name: str, plan: Plan) -> Subject:
    """The subject that a Python object is. Raises InputError where it cannot be called as it would be."""
    if is_torch_module(found):
        from grusym.oracle.targets.torch_module import TorchModule

        if vjp is not None:
            raise InputError(f"{name} is a torch module, whose gradients are autograd's; leave the vjp {vjp_name} out")
        if plan.convention == AUTO:
            return Unbound(name, lambda there: TorchModule(found, name, there))
        return TorchModule(found, name, plan)
    check_callable(name, found, arguments_in_words(plan.cell), 3)
    if vjp is not None:
        check_callable(vjp_name, vjp, with_cotangents(plan.cell), 5)
    return Callables(found, vjp, name)


def with_cotangents(cell: Cell) -> str:
    """How gradients are asked for: (x, h0, params, dy, dh_n)."""
    return f"{arguments_in_words(cell)[:-1]}, dy, dh_n)"


def named(target: str) -> Any:
    """What a target names. Raises InputError where there is no such thing."""
    where, colon, name = target.rpartition(":")
    if not colon or not where or not all(part.isidentifier() for part in name.split(".")):
        raise InputError(f"{target!r} names no function; write package.module:function or path/to/file.py:function")
    value = _file(target, where) if where.endswith(".py") else _module(target, where)
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            raise InputError(f"{where} has no {name}; {_there_is(value)}") from None
    return value


def is_torch_module(found: Any) -> bool:
    """Whether it is a torch.nn.Module or a class of them; does not load torch where nobody did."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    return isinstance(found, torch.nn.Module) or (inspect.isclass(found) and issubclass(found, torch.nn.Module))


def check_callable(target: str, function: Any, words: str, count: int) -> None:
    """Raise InputError unless a function can be called with so many arguments."""
    if inspect.isclass(function):
        raise InputError(f"{target} is a class, but no torch.nn.Module; name a function that takes {words}")
    if not callable(function):
        raise InputError(f"{target} is a {type(function).__name__}; name a function that takes {words}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C: it will say so itself
        return
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        raise InputError(f"{target} takes {signature}, but is called with {words}: {error}") from None


def _module(target: str, name: str) -> Any:
    if not all(part.isidentifier() for part in name.split(".")):
        raise InputError(f"{name!r} in {target!r} is no name of a module; for a file, write its path with .py")
    with _imported(target), _searched(Path.cwd()):
        return importlib.import_module(name)


def _file(target: str, name: str) -> Any:
    path = Path(name)
    if not path.is_file():
        raise InputError(f"there is no file {name} for {target}; give the path of a Python file")
    path = path.resolve()
    spec = importlib.util.spec_from_file_location(PREFIX + path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look a class's module up
    with _imported(target), _searched(path.parent):
        spec.loader.exec_module(module)
    return module


@contextmanager
def _searched(directory: Path) -> Iterator[None]:
    """Modules are looked for in this directory first, and last from then on, when the target may import some more.

    Last, because the directory may have a module by a name that others, and processes that we start, need.
    """
    known = str(directory) in sys.path
    sys.path.insert(0, str(directory))
    try:
        yield
    finally:
        with suppress(ValueError):  # the target may have set its own
            sys.path.remove(str(directory))
        if not known:
            sys.path.append(str(directory))


@contextmanager
def _imported(target: str) -> Iterator[None]:
    """What an import raises becomes a sentence."""
    try:
        yield
    except (Exception, SystemExit) as error:
        mend = ""
        if isinstance(error, ModuleNotFoundError):
            own = target.rpartition(":")[0].split(".")[0] == error.name
            where = "run grusym in its directory, or give the path of its file" if own else "install it beside grusym"
            mend = f"; {where}"
        raise InputError(f"cannot import {target}: {words_of(error)}{mend}") from error


def _there_is(value: Any) -> str:
    own = getattr(value, "__dict__", {})
    names = [name for name in own if not name.startswith("_") and callable(getattr(value, name))]
    return f"it has {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}" if names else "it has no functions"
