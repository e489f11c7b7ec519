"""Parameters from one convention to another: the same function, or a refusal that says why there is none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from grusym.conventions.fitting import cells_of, check_arrays, misfit_of, sizes_of
from grusym.conventions.flat import raveled, unraveled
from grusym.conventions.identities import exact_options, reparametrised
from grusym.conventions.library import CONVENTIONS, cell_in, layout_of
from grusym.equations.cell import Cell
from grusym.equations.library import settings_of, spelt_out
from grusym.equations.transformations import TRANSFORMATIONS
from grusym.errors import InputError

BIASES = ("two", "candidate", "one", "none")  # what holds more comes first


@dataclass(frozen=True)
class Conversion:
    """Converted `params`, the cell that they are of in the target convention, and the cell they were of before.

    `before` and `after` are the tensors of these two cells, by name, at these `sizes`.
    """

    params: dict[str, Any]
    cell: Cell
    origin: Cell
    sizes: Mapping[str, int]
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def convert(
    params: Mapping[str, Any], source: str, target: str, cell: str = "gru", sizes: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Parameters, as NumPy arrays by the names of the convention `source`, in the convention `target`.

    `cell` says what the arrays do not: "lstm", or "gru:reset=after" for ONNX's, which look the same with reset=before;
    `sizes` ({"I": 3, "H": 4}) how large the cell is, where all parameters are one vector (mxnet_flat). Arrays are new,
    in the dtype of those given, and of the target's form that is nearest: `conversion` says which (from PyTorch to ONNX
    gru:reset=after, linear_before_reset=1). Exact but for biases that are added, each within one rounding. Raises
    InputError where names or shapes do not fit, more than one form of the cell fits, or the target computes no such
    function.

    >>> import numpy as np
    >>> torch = {"weight_ih": np.ones((6, 3)), "weight_hh": np.ones((6, 2))}
    >>> {name: array.shape for name, array in convert(torch, source="torch", target="keras").items()}
    {'kernel': (3, 6), 'recurrent_kernel': (2, 6)}
    """
    return conversion(params, source, target, cell, sizes).params


def conversion(
    params: Mapping[str, Any], source: str, target: str, cell: str = "gru", sizes: Mapping[str, int] | None = None
) -> Conversion:
    """The same, with the cells that both are parameters of."""
    check_arrays(params)
    if not (sizes is None or isinstance(sizes, Mapping)):
        raise InputError(f'sizes is a {type(sizes).__name__}; pass a dict of extents by name, as in {{"I": 3, "H": 4}}')
    flat = CONVENTIONS[source].flat if source in CONVENTIONS else None
    if flat:
        params = unraveled(params, flat, layout_of(cell_in(cell, source), source), sizes)
    origin, extents = _origin(params, source, cell)
    _check_sizes(extents, sizes)
    layout = layout_of(origin, source)
    tensors = layout.unpack(layout.by_name(params), extents)
    refusals: list[InputError] = []
    for goal in _goals(origin, target):
        try:
            found = dict(tensors)
            if origin.spelling != goal.spelling:
                found = reparametrised(tensors, origin, goal, extents)
        except InputError as error:
            refusals.append(error)
            continue
        there = layout_of(goal, target)
        arrays = there.keyed(there.pack(found, extents))
        vector = CONVENTIONS[target].flat if target in CONVENTIONS else None
        return Conversion(raveled(arrays, vector) if vector else arrays, goal, origin, extents, tensors, found)
    raise InputError(f"cannot convert {origin.spelling} from {source} to {target}: {refusals[0]}")


def _origin(params: Mapping[str, Any], source: str, spelling: str) -> tuple[Cell, dict[str, int]]:
    """The cell that these are parameters of, and its sizes."""
    family, given = spelt_out(spelling)
    known = cell_in(spelling, source)  # refuses what the system does not compute
    given = {key: value for key, value in given.items() if key not in TRANSFORMATIONS}  # they have no parameters
    cells = [known] if source == "own" else cells_of(source, family, given)
    cells = [c for c in cells if all(settings_of(c).get(key) == value for key, value in given.items())]
    if not cells:
        layout_of(known, source)  # refuses a cell that the system does not pack
    found = [(c, sizes_of(layout_of(c, source), params)) for c in cells or [known]]
    fitting = [(c, sizes) for c, sizes in found if sizes is not None]
    if len(fitting) > 1:
        forms = _distinguished([c for c, _ in fitting])
        raise InputError(f"these arrays of {source} fit more than one form of {family}; say which: {forms}")
    if not fitting:
        raise misfit_of(known, source, params)
    return fitting[0]


def _distinguished(cells: list[Cell]) -> str:
    """Spellings of cells by the options in which they differ."""
    options = [settings_of(c) for c in cells]
    keys = [key for key in options[0] if len({option[key] for option in options}) > 1]
    spelt = (",".join(f"{key}={option[key]}" for key in keys) for option in options)
    return " or ".join(f'cell="{cells[0].name}:{text}"' for text in spelt)


def _check_sizes(found: Mapping[str, int], given: Mapping[str, int] | None) -> None:
    for name, size in (given or {}).items():
        if found.get(name) != size:
            has = ", ".join(f"{key} = {value}" for key, value in sorted(found.items()))
            raise InputError(f"sizes says {name} = {size}, but the arrays have {has}")


def _goals(origin: Cell, target: str) -> Iterable[Cell]:
    """The cells that the target computes, those nearest to the origin first."""
    if target == "own":
        return [origin]
    old = settings_of(origin)
    cells = cells_of(target, origin.name, old)
    if not cells:
        layout_of(origin, target)  # refuses it

    def distance(goal: Cell) -> tuple[int, int, bool, int]:
        new = settings_of(goal)
        differing = {key for key in new if new[key] != old[key]}
        held = BIASES.index(new["biases"]) if "biases" in new else 0
        return (len(differing - exact_options(origin.name)), len(differing - {"biases"}), "biases" in differing, held)

    return sorted(cells, key=distance)
