"""Weights from a file to a file: read, recognise, convert, write whole or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grusym.conventions.convert_stack import StackConversion, convert_stack
from grusym.conventions.library import convention_by_name, layout_of
from grusym.conventions.stacking import Stack, naming_of, split
from grusym.equations.cell import Cell
from grusym.equations.library import cell as cell_by_name
from grusym.equations.library import settings_of, spelt_out
from grusym.equations.transformations import TRANSFORMATIONS
from grusym.errors import InputError
from grusym.files import write_files
from grusym.weights import npz, onnx, onnx_model, pt, safetensors
from grusym.weights.choose import choose
from grusym.weights.entry import take
from grusym.weights.reading import printable

ONNX = ".onnx"
# Per suffix: how to list the arrays of a file, and how to write some.
STATE_DICTS: dict[str, tuple[Callable[[Path], Mapping[str, Any]], Callable[[Mapping[str, Any]], bytes]]] = {
    ".npz": (npz.contents, npz.packed),
    ".safetensors": (safetensors.contents, safetensors.packed),
    ".pt": (pt.contents, pt.packed),
    ".pth": (pt.contents, pt.packed),
}


@dataclass(frozen=True)
class Origin:
    """The recurrent module of a file: its parameters by layer and direction, and what of the file is not among them."""

    stack: Stack
    convention: str
    cell: str
    place: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class FileConversion:
    """What was read, what it became, and where it was written."""

    origin: Origin
    target: str
    done: StackConversion
    output: Path


def convert_file(
    given: Path,
    output: Path,
    source: str | None = None,
    target: str | None = None,
    cell: str | None = None,
    prefix: str | None = None,
    node: str | None = None,
) -> FileConversion:
    """Convert the weights in the file `given` from convention `source` to `target`, and write them to `output`.

    What the formats are, the suffixes say: .npz, .safetensors, .pt or .pth (a state dict of PyTorch's), .onnx. The
    source is recognised where exactly one convention and cell fits; `cell` says what arrays do not, `prefix` which
    module of a state dict, `node` which node of an ONNX model. Files for a system that numbers single layers, as torch
    does, have numbers. Nothing from the file is executed, and `output` is written whole or not at all.

    Raises InputError for a file that cannot be read, is ambiguous, or holds what the target cannot compute.
    """
    try:
        return _converted(given, output, source, target, cell, prefix, node)
    except InputError as error:
        text = str(error)
        if text.isprintable():
            raise
        raise InputError(printable(text)) from error


def _converted(
    given: Path,
    output: Path,
    source: str | None,
    target: str | None,
    cell: str | None,
    prefix: str | None,
    node: str | None,
) -> FileConversion:
    for convention in filter(None, (source, target)):
        if convention != "own" and convention_by_name(convention).flat:
            raise InputError(f"{convention} is one vector, which files are not read or written as; use grusym.convert")
    target = _target(output, target)
    _suffix(given)
    if cell is not None:
        cell = _without_transformations(cell)
    if given.suffix.lower() == ONNX:
        origin = _from_onnx(given, source, cell, prefix, node)
    else:
        origin = _from_state_dict(given, source, cell, prefix, node)
    numbered = naming_of(target).numbers_one
    done = convert_stack(origin.stack, origin.convention, target, origin.cell, numbered)
    if output.suffix.lower() == ONNX:
        data = onnx_model.packed(done.stack, done.cell)
    else:
        data = STATE_DICTS[output.suffix.lower()][1](done.params)
    write_files(output.parent, {output.name: data})
    return FileConversion(origin, target, done, output)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in (*STATE_DICTS, ONNX):
        raise InputError(f"{path} has no known format; the suffixes are {', '.join((*STATE_DICTS, ONNX))}")
    return suffix


def _target(output: Path, target: str | None) -> str:
    if _suffix(output) == ONNX:
        if target not in (None, onnx.CONVENTION):
            raise InputError(f"{output} is an ONNX model, and holds the convention onnx, not {target}; leave --to out")
        return onnx.CONVENTION
    if target is None:
        raise InputError(f"say in which convention to write {output}, with --to NAME, as in --to keras")
    return target


def _without_transformations(cell: str) -> str:
    """The spelling of a built-in cell without masks and zoneout, which have no parameters."""
    if cell.endswith(".cell"):
        raise InputError(f"no system has a convention for the cell of a file; pass a built-in cell instead of {cell}")
    cell_by_name(cell)
    family, given = spelt_out(cell)
    return ":".join((family, ",".join(f"{k}={v}" for k, v in given.items() if k not in TRANSFORMATIONS))).rstrip(":")


def _in_full(cell: Cell) -> str:
    return f"{cell.name}:{','.join(f'{key}={value}' for key, value in settings_of(cell).items())}"


def _from_state_dict(path: Path, source: str | None, cell: str | None, prefix: str | None, node: str | None) -> Origin:
    if node is not None:
        raise InputError(f"--node goes with ONNX models, and {path} is none; choose a module with --prefix")
    entries = STATE_DICTS[_suffix(path)][0](path)
    found = choose(entries, str(path), source, cell, prefix)
    arrays = {name.removeprefix(found.prefix): array for name, array in take(path, entries, found.names).items()}
    stack = split(arrays, found.convention, found.cell)
    taken = set(found.names)
    left_out = tuple(name for name in entries if name not in taken)
    return Origin(stack, found.convention, _in_full(cell_by_name(found.cell)), found.prefix.rstrip("./"), left_out)


def _from_onnx(path: Path, source: str | None, cell: str | None, prefix: str | None, node: str | None) -> Origin:
    if source not in (None, onnx.CONVENTION):
        raise InputError(f"{path} is an ONNX model, whose convention is onnx, not {source}; leave --from out")
    if prefix is not None:
        raise InputError(f"--prefix goes with state dicts, and {path} is an ONNX model; choose a node with --node")
    found = onnx.read(path, node)
    spelling = _agreed(path, found.cell, cell)
    layout_of(cell_by_name(spelling), onnx.CONVENTION)
    parts = [take(path, layer, layer) for layer in found.layers]
    ways = [split(arrays, onnx.CONVENTION, spelling).layers[0] for arrays in parts]
    return Origin(Stack(tuple(ways)), onnx.CONVENTION, spelling, ", ".join(found.nodes), found.left_out)


def _agreed(path: Path, found: str, cell: str | None) -> str:
    """What the nodes of a model say of the cell, and what was asked for. Raises InputError where the two differ."""
    if cell is None:
        return found
    (family, options), (asked, given) = spelt_out(found), spelt_out(cell)
    if family != asked or any(options.get(key, value) != value for key, value in given.items()):
        raise InputError(f"{path} holds a {found}, not a {cell}; leave --cell out")
    return f"{family}:{','.join(f'{key}={value}' for key, value in {**given, **options}.items())}"
