"""Parameters from one convention to another: the same function, or a refusal that says why there is none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any

from grusym.conventions.identities import reparametrised
from grusym.conventions.library import CONVENTIONS, cell_in, convention_by_name, layout_of
from grusym.conventions.packing import Layout, numbers, solve
from grusym.equations.cell import Cell
from grusym.equations.library import cell as cell_by_name
from grusym.equations.library import settings_of, spelt_out
from grusym.errors import InputError

BIASES = ("two", "candidate", "one", "none")  # what holds more comes first


@dataclass(frozen=True)
class Conversion:
    """Converted `params`, the cell that they are of in the target convention, and the cell they were of before."""

    params: dict[str, Any]
    cell: Cell
    origin: Cell


def convert(params: Mapping[str, Any], source: str, target: str, cell: str = "gru") -> dict[str, Any]:
    """Parameters, as NumPy arrays by the names of the convention `source`, in the convention `target`.

    `cell` says what the arrays do not: "gru:reset=after" for ONNX's, which look the same with reset=before. Arrays are
    new, in the dtype of those given. Exact but for biases that are added. Raises InputError where names or shapes do
    not fit, more than one form of the cell fits, or the target computes no such function.

    >>> import numpy as np
    >>> torch = {"weight_ih": np.ones((6, 3)), "weight_hh": np.ones((6, 2))}
    >>> {name: array.shape for name, array in convert(torch, source="torch", target="keras").items()}
    {'kernel': (3, 6), 'recurrent_kernel': (2, 6)}
    """
    return conversion(params, source, target, cell).params


def conversion(params: Mapping[str, Any], source: str, target: str, cell: str = "gru") -> Conversion:
    """The same, with the cells that both are parameters of."""
    origin, sizes = _origin(params, source, cell)
    layout = layout_of(origin, source)
    tensors = layout.unpack(layout.by_name(params), sizes)
    refusals: list[InputError] = []
    for goal in _goals(origin, target):
        try:
            found = _translated(tensors, origin, goal)
        except InputError as error:
            refusals.append(error)
            continue
        there = layout_of(goal, target)
        return Conversion(there.keyed(there.pack(found, sizes)), goal, origin)
    raise InputError(f"cannot convert {origin.spelling} from {source} to {target}: {refusals[0]}")


def _translated(tensors: Mapping[str, Any], origin: Cell, goal: Cell) -> dict[str, Any]:
    if origin.spelling == goal.spelling:
        return dict(tensors)
    if origin.name != "gru":
        raise InputError(f"{origin.spelling} and {goal.spelling} differ, and identities are known of gru only")
    return reparametrised(tensors, settings_of(origin), settings_of(goal))


def _forms(convention: str, family: str, settings: Mapping[str, str] = MappingProxyType({})) -> list[Cell]:
    """The cells of a family that a system computes, its defaults first; options it leaves open as in `settings`."""
    forms = convention_by_name(convention).forms.get(family, ())
    fixed = {key: (value,) for key, value in settings.items()}
    options = [{**form.options, **{key: fixed[key] for key in fixed if key not in form.options}} for form in forms]
    chosen = [(known, values) for known in options for values in product(*known.values())]
    return [cell_by_name(family, **dict(zip(keys, values, strict=True))) for keys, values in chosen]


def _origin(params: Mapping[str, Any], source: str, spelling: str) -> tuple[Cell, dict[str, int]]:
    """The cell that these are parameters of, and its sizes."""
    _check_arrays(params)
    family, given = spelt_out(spelling)
    known = cell_in(spelling, source)  # refuses what the system does not compute
    cells = [known] if source == "own" else _forms(source, family, given)
    cells = [c for c in cells if all(settings_of(c).get(key) == value for key, value in given.items())]
    if not cells:
        layout_of(known, source)  # refuses a cell that the system does not pack
    fitting = [(c, sizes) for c in cells or [known] if isinstance(sizes := _sizes(layout_of(c, source), params), dict)]
    if len(fitting) > 1:
        forms = _distinguished([c for c, _ in fitting])
        raise InputError(f"these arrays of {source} fit more than one form of {family}; say which: {forms}")
    if fitting:
        return fitting[0]
    wrong = _sizes(layout_of(known, source), params)
    others = [name for name in CONVENTIONS if name != source and _fits(name, family, params)]
    hint = f"; they fit the convention {' or '.join(others)}" if others else ""
    raise InputError(f"params do not fit {known.spelling} in convention {source}: {wrong}{hint}")


def _distinguished(cells: list[Cell]) -> str:
    """Spellings of cells by the options in which they differ."""
    options = [settings_of(c) for c in cells]
    keys = [key for key in options[0] if len({option[key] for option in options}) > 1]
    spelt = (",".join(f"{key}={option[key]}" for key in keys) for option in options)
    return " or ".join(f'cell="{cells[0].name}:{text}"' for text in spelt)


def _fits(convention: str, family: str, params: Mapping[str, Any]) -> bool:
    return any(isinstance(_sizes(layout_of(c, convention), params), dict) for c in _forms(convention, family))


def _goals(origin: Cell, target: str) -> Iterable[Cell]:
    """The cells that the target computes, those nearest to the origin first."""
    if target == "own":
        return [origin]
    old = settings_of(origin)
    cells = _forms(target, origin.name, old)
    if not cells:
        layout_of(origin, target)  # refuses it

    def distance(goal: Cell) -> tuple[bool, bool, bool, int]:
        new = settings_of(goal)
        reset, update, biases = (new.get(key) != old.get(key) for key in ("reset", "update", "biases"))
        return (reset, update, biases, BIASES.index(new["biases"]))

    return sorted(cells, key=distance)


def _check_arrays(params: Mapping[str, Any]) -> None:
    import numpy as np

    if not isinstance(params, Mapping):
        raise InputError(f"params is a {type(params).__name__}, not a dict of arrays by name")
    for name, array in params.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            what = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise InputError(f"{name} is a {what}, not a NumPy array of floats")


def _sizes(layout: Layout, params: Mapping[str, Any]) -> dict[str, int] | str:
    """The sizes that arrays have under a layout, or why they do not fit it."""
    names = [layout.key(name) for name, _ in layout.arrays]
    if set(params) != set(names):
        return f"it has {', '.join(names)}, not {', '.join(map(str, params)) or 'nothing'}"
    sizes: dict[str, int] = {}
    shapes = [(layout.key(name), shape, params[layout.key(name)].shape) for name, shape in layout.arrays]
    for name, wanted, shape in shapes:
        if len(wanted) != len(shape):
            return f"{name} has shape {shape}, but ({', '.join(map(str, wanted))}) is wanted"
    extents = [pair for _, wanted, shape in shapes for pair in zip(wanted, shape, strict=True)]
    for extent, number in sorted(extents, key=lambda pair: not pair[0].is_Symbol):  # H before H + I
        solve(extent, number, sizes)
    if not all(size > 0 for size in sizes.values()):
        return f"its sizes would be {', '.join(f'{name} = {size}' for name, size in sorted(sizes.items()))}"
    for name, wanted, shape in shapes:
        there = numbers(wanted, sizes)
        if there != shape:
            return f"{name} has shape {shape}, but ({', '.join(map(str, wanted))}) = {there} is wanted"
    return sizes
