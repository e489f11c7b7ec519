"""Which cell arrays belong to, by their names and shapes: its sizes, or what does not fit and what would.

Names and shapes are all that is looked at, so that arrays of two conventions may fit both.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from sympy import Expr, Integer

from grusym.conventions.library import CONVENTIONS, convention_by_name, layout_of
from grusym.conventions.packing import Layout, solve
from grusym.equations.cell import Cell
from grusym.equations.library import cell as cell_by_name
from grusym.errors import InputError

Arrays = Mapping[str, Any]
Shapes = dict[str, tuple[Expr, ...]]
Given = dict[str, tuple[int, ...]]


def cells_of(convention: str, family: str, given: Mapping[str, str]) -> list[Cell]:
    """The cells of a family that a system computes, its defaults first; `given` decides what it leaves open."""
    found = []
    for form in convention_by_name(convention).forms.get(family, ()):
        own = {key: value for key, value in given.items() if key not in form.options}
        for values in product(*form.options.values()):
            found.append(cell_by_name(family, **own | dict(zip(form.options, values, strict=True))))
    return found


def sizes_of(layout: Layout, params: Arrays) -> dict[str, int] | None:
    """The sizes that arrays have under a layout; None where they do not fit it."""
    shapes = {layout.key(name): shape for name, shape in layout.arrays}
    if set(params) != set(shapes):
        return None
    return _solved(shapes, {name: array.shape for name, array in params.items()})


def check_arrays(params: Arrays) -> None:
    """Raise InputError unless these are NumPy arrays of floats by name."""
    import numpy as np

    if not isinstance(params, Mapping):
        raise InputError(f"params is a {type(params).__name__}, not a dict of arrays by name")
    for name, array in params.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            what = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise InputError(f"{name} is a {what}, not a NumPy array of floats")


def misfit_of(cell: Cell, convention: str, params: Arrays) -> InputError:
    """Why arrays are not the parameters of this cell, and of which they could be."""
    layout = layout_of(cell, convention)
    return InputError(
        f"params do not fit {cell.spelling} in convention {convention}: {wrong_shapes(layout, params)}"
        f"{_others(cell, convention, params)}"
    )


def _solved(shapes: Shapes, given: Given) -> dict[str, int] | None:
    """The sizes with which all of these shapes are as given."""
    if any(len(shapes[name]) != len(given[name]) for name in given):
        return None
    sizes = _read(shapes, given)
    if not all(size > 0 for size in sizes.values()):
        return None
    fits = all(_known(shapes[name], sizes) == list(given[name]) for name in given)
    return sizes if fits else None


def _read(shapes: Shapes, given: Given) -> dict[str, int]:
    extents = [pair for name in given for pair in zip(shapes[name], given[name], strict=False)]
    sizes: dict[str, int] = {}
    for extent, number in sorted(extents, key=lambda pair: (len(pair[0].free_symbols), not pair[0].is_Symbol)):
        solve(extent, number, sizes)  # H before 4 H before H + I
    return sizes


def _known(shape: Sequence[Expr], sizes: Mapping[str, int]) -> list[int | str]:
    """A shape in numbers, as far as sizes are known."""
    values = [e.xreplace({s: Integer(sizes[s.name]) for s in e.free_symbols if s.name in sizes}) for e in shape]
    return [int(value) if value.is_Integer else str(value) for value in values]


def wrong_shapes(layout: Layout, params: Arrays) -> str:
    shapes = {layout.key(name): shape for name, shape in layout.arrays}
    missing = [name for name in shapes if name not in params]
    unknown = [str(name) for name in params if name not in shapes]
    if missing or unknown:
        said = [f"{', '.join(missing)} {_are(missing)} missing"] if missing else []
        said += [f"{', '.join(unknown)} {_are(unknown)} none of them"] if unknown else []
        return f"it has {', '.join(shapes) or 'no arrays'}; {' and '.join(said)}"
    given = {name: params[name].shape for name in shapes}
    turned = _transposed(shapes, given)
    if turned:
        sizes = _solved(shapes, given | {name: given[name][::-1] for name in turned}) or {}
        told = [f"{name} has shape {given[name]}, but {_text(shapes[name], sizes)} is wanted" for name in turned]
        return f"{' and '.join(told)}: transposed"
    for name in given:
        sizes = _solved(shapes, {other: shape for other, shape in given.items() if other != name}) or {}
        if sizes or len(given) == 1:
            return f"{name} has shape {given[name]}, but {_text(shapes[name], sizes)} is wanted"
    sizes = _read(shapes, given)
    if any(size < 1 for size in sizes.values()):
        return f"its sizes would be {', '.join(f'{name} = {size}' for name, size in sorted(sizes.items()))}"
    told = [f"{name} has shape {given[name]}, where {_text(shapes[name], {})} is wanted" for name in given]
    return ", ".join(told)


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _transposed(shapes: Shapes, given: Given) -> list[str]:
    """The matrices that would fit if they were transposed: one of them, or all."""
    matrices = [name for name, shape in given.items() if len(shape) == 2]
    for names in (*([name] for name in matrices), matrices):
        if names and _solved(shapes, given | {name: given[name][::-1] for name in names}):
            return list(names)
    return []


def _text(shape: Sequence[Expr], sizes: Mapping[str, int]) -> str:
    """A shape in symbols and numbers: (3*H, I) = (9, I) where I is not known."""
    symbols, known = (_tuple(map(str, extents)) for extents in (shape, _known(shape, sizes)))
    return symbols if symbols == known else f"{symbols} = {known}"


def _tuple(words: Iterable[str]) -> str:
    inside = list(words)
    return f"({inside[0]},)" if len(inside) == 1 else f"({', '.join(inside)})"


def _others(cell: Cell, convention: str, params: Arrays) -> str:
    """What the arrays would fit: another family of this system, the cell in another system, anything."""
    here = [family for family in _families(convention) if family != cell.name and _fits(convention, family, params)]
    if here:
        counts = {name: f"{_blocks(name, convention)}*H".removeprefix("1*") for name in (*here, cell.name)}
        says = f" ({counts[here[0]]} instead of {counts[cell.name]})" if len(set(counts.values())) > 1 else ""
        spelt = " or ".join(f'cell="{family}"' for family in here)
        return f"; they look like the parameters of {' or '.join(here)}{says}, so give {spelt}"
    systems = [name for name in CONVENTIONS if name != convention]
    same = [name for name in systems if _fits(name, cell.name, params)]
    if same:
        return f"; they fit the convention {' or '.join(same)}"
    pairs = [(name, family) for name in systems for family in _families(name) if _fits(name, family, params)]
    told = [f"{family} in convention {name}" for name, family in pairs]
    return f"; they fit {' or '.join(told)}" if told else ""


def _families(convention: str) -> list[str]:
    return [] if convention == "own" else list(convention_by_name(convention).forms)


def _fits(convention: str, family: str, params: Arrays) -> bool:
    if convention == "own" or convention_by_name(convention).flat:
        return False
    for form in convention_by_name(convention).forms.get(family, ()):
        if not set(params) <= {packed.name for packed in form.arrays}:
            continue
        for values in product(*form.options.values()):
            cell = cell_by_name(family, **dict(zip(form.options, values, strict=True)))
            if sizes_of(layout_of(cell, convention), params) is not None:
                return True
    return False


def _blocks(family: str, convention: str) -> int:
    """How many blocks the input weights of a family consist of."""
    form = convention_by_name(convention).forms[family][0]
    return len([name for packed in form.arrays for name in packed.tensors if name.split("_")[0] == "W"])
