"""Parameters of several layers and directions from one convention to another: each as a cell's, and all of one form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grusym.conventions.convert import Conversion, conversion
from grusym.conventions.fitting import check_arrays
from grusym.conventions.library import CONVENTIONS, cell_in, layout_of
from grusym.conventions.recognise import readings
from grusym.conventions.stacking import Arrays, Stack, join, names_of, naming_of, split
from grusym.equations.cell import Cell
from grusym.equations.library import spelt_out
from grusym.errors import InputError

WAYS = ("forward", "reverse")


@dataclass(frozen=True)
class StackConversion:
    """Converted `params`, the `stack` that they are in the target convention, and each layer's and direction's own."""

    params: Arrays
    stack: Stack
    parts: tuple[tuple[Conversion, ...], ...]

    @property
    def cell(self) -> Cell:
        """The cell in the target convention."""
        return self.parts[0][0].cell

    @property
    def origin(self) -> Cell:
        """The cell in the source's."""
        return self.parts[0][0].origin


def convert(
    params: Mapping[str, Any], source: str, target: str, cell: str = "gru", sizes: Mapping[str, int] | None = None
) -> Arrays:
    """Parameters, as NumPy arrays by the names of the convention `source`, in the convention `target`.

    One cell, or a stack of layers in one or both directions, named as the systems name them: `weight_ih_l1_reverse` in
    torch, `layer1/reverse/kernel` in keras. A single layer's names stay without a number, unless the source's had one
    and the target is a system that numbers a single layer too, as torch does. `cell` says what the arrays do not:
    "gru:reset=after" for ONNX's, which look the same with reset=before; `sizes` ({"I": 3, "H": 4}) how large it is,
    where all parameters of one layer are one vector (mxnet_flat). Arrays are new, in the one dtype of those
    given. Exact but for biases that are added, which rounds once.

    Raises InputError where names or shapes do not fit, layers do not fit onto each other, more than one form of the
    cell fits, or the target computes no such function.

    >>> import numpy as np
    >>> torch = {"weight_ih": np.ones((6, 3)), "weight_hh": np.ones((6, 2))}
    >>> {name: array.shape for name, array in convert(torch, source="torch", target="keras").items()}
    {'kernel': (3, 6), 'recurrent_kernel': (2, 6)}
    >>> both = {f"{name}_l0{way}": array for way in ("", "_reverse") for name, array in torch.items()}
    >>> {name: array.shape for name, array in convert(both, source="torch", target="onnx").items()}
    {'W': (2, 6, 3), 'R': (2, 6, 2)}
    """
    if not isinstance(cell, str):
        raise InputError(f'the cell is a {type(cell).__name__}; pass its spelling, as in cell="gru:reset=after"')
    check_arrays(params)
    layout_of(cell_in(cell, source), source)  # refuses a cell that the system does not pack
    if sizes or any(name in CONVENTIONS and CONVENTIONS[name].flat for name in (source, target)):
        return conversion(params, source, target, cell, sizes).params
    stack = _stack(params, source, cell)
    return convert_stack(stack, source, target, cell, stack.numbered and naming_of(target).numbers_one).params


def convert_stack(stack: Stack, source: str, target: str, cell: str, numbered: bool) -> StackConversion:
    """The same of a stack that is split already; `numbered` says whether names bear the number of a single layer.

    Raises InputError as `convert` does.
    """
    parts = _converted(stack, source, target, cell)
    _check_dtypes(stack)
    _check_sizes(parts, source)
    converted = Stack(tuple(tuple(part.params for part in ways) for ways in parts), numbered)
    return StackConversion(join(converted, target, parts[0][0].cell.spelling), converted, parts)


def _stack(params: Mapping[str, Any], source: str, cell: str) -> Stack:
    """The parameters by layer and direction; where no name is the source's, all as one cell's, to be refused so."""
    names = names_of(source, cell)
    if isinstance(params, Mapping) and any(isinstance(key, str) and names.fullmatch(key) for key in params):
        return split(params, source, cell)
    if isinstance(params, Mapping):
        others = [r for r in readings(params) if r.stack and r.stack.numbered and not r.prefix]
        if others:
            fits = " or ".join(dict.fromkeys(f"{spelt_out(r.cell)[0]} in convention {r.convention}" for r in others))
            raise InputError(f"no array here is called as convention {source} calls them; they fit {fits}")
    return Stack(((params,),))  # type: ignore[arg-type]


def _converted(stack: Stack, source: str, target: str, cell: str) -> tuple[tuple[Conversion, ...], ...]:
    """Every layer and direction, all from one form of the cell to one form."""
    import numpy as np

    several = len(stack.layers) * stack.directions > 1
    found = []
    for layer, ways in enumerate(stack.layers):
        for way, arrays in enumerate(ways):
            try:
                with np.errstate(all="ignore"):  # what is infinite or NaN stays so
                    found.append(conversion(arrays, source, target, cell))
            except InputError as error:
                raise InputError(f"layer {layer}, {WAYS[way]}: {error}") if several else error from None
    for number, part in enumerate(found):
        layer, way = divmod(number, stack.directions)
        for form, other in ((found[0].origin, part.origin), (found[0].cell, part.cell)):
            if form.spelling != other.spelling:
                raise InputError(
                    f"layer 0, {WAYS[0]}, is {form.spelling}, but layer {layer}, {WAYS[way]}, is {other.spelling}; "
                    "they have to be of one form, so add the arrays that are missing, as zeros"
                )
    return tuple(tuple(found[n : n + stack.directions]) for n in range(0, len(found), stack.directions))


def _check_dtypes(stack: Stack) -> None:
    """One dtype in all: what the wider one of two was meant to hold cannot be told."""
    seen: dict[str, str] = {}
    for layer, ways in enumerate(stack.layers):
        for arrays in ways:
            for name, array in arrays.items():
                seen.setdefault(array.dtype.name, f"{name} of layer {layer}")
    if len(seen) > 1:
        (one, first), (other, second) = list(seen.items())[:2]
        raise InputError(f"{first} is {one}, but {second} is {other}; bring all arrays to one dtype first")


def _check_sizes(parts: tuple[tuple[Conversion, ...], ...], source: str) -> None:
    """The same sizes in all layers and directions, but for the input, which is the output of the layer below."""
    first, origin = parts[0][0], parts[0][0].origin
    (width, *_), (output, *_) = origin.inputs[0].shape, origin.states[0].tensor.shape
    layout = layout_of(origin, source)
    wide = next((layout.key(name) for name, shape in layout.arrays if any(e.has(width) for e in shape)), "the input")
    for layer, ways in enumerate(parts):
        for way, part in enumerate(ways):
            for name, size in part.sizes.items():
                known = (ways[0] if name == str(width) else first).sizes[name]
                if size != known:
                    where = f"layer {layer}, {WAYS[0]}" if name == str(width) else f"layer 0, {WAYS[0]}"
                    raise InputError(
                        f"layer {layer}, {WAYS[way]}, has {name} = {size}, but {where}, has {name} = {known}; "
                        f"they have to agree"
                    )
            if layer == 0 or str(width) not in part.sizes:
                continue
            below, ways_below = first.sizes[str(output)], len(parts[0])
            if part.sizes[str(width)] not in (below, ways_below * below):
                concatenated = f"{ways_below * below} (or {below}, where directions are summed)"
                raise InputError(
                    f"{wide} of layer {layer}, {WAYS[way]}, takes an input of {width} = {part.sizes[str(width)]}, but "
                    f"the layer below puts out {concatenated if ways_below == 2 else below} ({output} = {below})"
                )
