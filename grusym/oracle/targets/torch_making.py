"""A torch module made at given sizes, by the arguments that torch's own of the cell has, where it has them too."""

import inspect
from collections.abc import Mapping
from typing import Any

from grusym.conventions.library import CONVENTIONS
from grusym.equations.cell import Cell
from grusym.equations.library import BUILT_IN, settings_of
from grusym.errors import InputError
from grusym.oracle.location import error_in_words

PEERS = "torch"  # the convention whose record says what torch's modules call their arguments


def made(class_: Any, target: str, cell: Cell, sizes: Mapping[str, int]) -> Any:
    """An instance of a class that is called `target`. Raises InputError where it cannot be made."""
    named, options = _arguments(cell, sizes)
    try:
        parameters = dict(inspect.signature(class_).parameters)
        takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    except (TypeError, ValueError):
        parameters, takes_all = {}, True
    options = {word: value for word, value in options.items() if word in parameters or takes_all}
    by_name = bool(named) and (takes_all or set(named) <= set(parameters))
    try:
        module = class_(**named, **options) if by_name else class_(*sizes.values(), **options)
    except Exception as error:
        wanted = ", ".join(f"{word}={n}" for word, n in (named if by_name else sizes).items())
        raise InputError(
            f"cannot make {target}({wanted}): {error_in_words(error)}; name a module that is made already, or a class "
            "that takes these"
        ) from error
    check_depth(module, target)
    return module


def check_depth(module: Any, target: str) -> None:
    """Raise InputError for one of torch's own with several layers or directions."""
    import torch

    if isinstance(module, torch.nn.RNNBase) and (module.num_layers > 1 or module.bidirectional):
        raise InputError(f"{target} has several layers or directions; judge one layer in one direction")


def _arguments(cell: Cell, sizes: Mapping[str, int]) -> tuple[dict[str, int], dict[str, Any]]:
    """The keyword arguments that torch's own module of a cell has for its sizes and for its options."""
    peer = CONVENTIONS[PEERS].peers.get(cell.name)
    if peer is None:
        return {}, {}
    options: dict[str, Any] = {}
    for option, value in settings_of(cell).items() if cell.name in BUILT_IN else ():
        options |= peer.arguments.get(option, {}).get(value, {})
    return {word: sizes[axis] for word, axis in peer.sizes.items() if axis in sizes}, options
