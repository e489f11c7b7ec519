"""Files of vectors: JSON for whoever has a parser, and a flat binary twin for whoever has none (format: VECTORS.md)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grusym.conventions.library import cell_in
from grusym.errors import InputError
from grusym.oracle.spec import KINDS, Spec, size_names
from grusym.oracle.vectors import Vector, vector

FORMAT = "grusym-vectors-1"
MAX_BYTES = 50_000_000


def to_json(vectors: Sequence[Vector]) -> str:
    """A file of vectors, an array a line: values in exact hexadecimal (C's %a), bounds in decimal."""
    entries = ",\n".join(_entry(one) for one in vectors)
    return f'{{"format": "{FORMAT}", "vectors": [\n{entries}\n]}}\n'


def _entry(one: Vector) -> str:
    case = one.case
    about = {
        "name": one.name,
        "cell": case.cell.spelling,
        "equations": str(case.cell).split("\n"),
        "convention": case.convention or "own",
        "dtype": case.dtype,
        "sizes": dict(case.sizes),
        "seed": one.spec.seed,
        "kind": one.spec.kind,
        "layer": one.layer,
        "kills": dict(one.kills),
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in about.items()]
    lines += [_block("inputs", one.inputs, _exact), _block("expected", one.expected, _exact)]
    bounds = ",\n".join(_block(profile, arrays, _decimal, "    ") for profile, arrays in one.bounds.items())
    lines.append(f'  "bounds": {{\n{bounds}\n  }}')
    return "{\n" + ",\n".join(lines) + "\n}"


def _block(name: str, arrays: Mapping[str, Any], write: Any, indent: str = "  ") -> str:
    lines = ",\n".join(f"{indent}  {json.dumps(key)}: {json.dumps(write(array))}" for key, array in arrays.items())
    return f"{indent}{json.dumps(name)}: {{\n{lines}\n{indent}}}"


def _exact(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape), "values": [in_hexadecimal(value) for value in np.ravel(array)]}


def _decimal(array: Any) -> list[float]:
    return [float(f"{value:.3g}") for value in np.ravel(array)]


def in_hexadecimal(value: Any) -> str:
    """The number in hexadecimal, without the zeros that float64 has at the end.

    >>> in_hexadecimal(np.float32(0.1))
    '0x1.99999ap-4'
    """
    mantissa, _, exponent = float(value).hex().partition("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{exponent}" if "." in mantissa else f"{mantissa}p{exponent}"


def to_binary(vectors: Sequence[Vector]) -> bytes:
    """The flat twin, little-endian."""
    return b"GRUV" + _u32(1) + _u32(len(vectors)) + b"".join(_binary(one) for one in vectors)


def _binary(one: Vector) -> bytes:
    arrays = [*one.inputs.items(), *((f"={name}", array) for name, array in one.expected.items())]
    for profile, bounds in one.bounds.items():
        arrays += [(f"<{profile}:{name}", np.asarray(array, np.float64)) for name, array in bounds.items()]
    head = _text(one.name) + _text(one.case.cell.spelling) + _text(one.case.convention or "own") + _u32(len(arrays))
    return head + b"".join(_array(name, array) for name, array in arrays)


def _array(name: str, array: Any) -> bytes:
    data = np.asarray(array)
    data = data.astype(data.dtype.newbyteorder("<"))
    extents = b"".join(_u32(extent) for extent in data.shape)
    return _text(name) + _u32(data.dtype.itemsize) + _u32(data.ndim) + extents + data.tobytes()


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _u32(len(encoded)) + encoded


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def files_of(name: str, vectors: Sequence[Vector]) -> dict[str, str | bytes]:
    """Both files by name."""
    return {f"{name}.json": to_json(vectors), f"{name}.bin": to_binary(vectors)}


def differing(path: Path) -> Iterator[str]:
    """In what a file of vectors, and its binary twin beside it, differ from what the equations give: sentences.

    Raises InputError for what is no file of vectors, or names a cell or convention that does not exist.
    """
    made = []
    for entry in read(path):
        if entry["cell"].endswith(".cell"):
            raise InputError(
                f"{path}: vector {entry['name']} is of the file {entry['cell']}; only built-in cells are verified"
            )
        own = cell_in(entry["cell"], entry["convention"])
        names = size_names(own)
        if set(entry["sizes"]) != set(names) or entry["kind"] not in KINDS or entry["seed"] < 0:
            raise InputError(f"{path}: vector {entry['name']} has sizes, a seed or a kind that {own.spelling} has not")
        spec = Spec(tuple(entry["sizes"][name] for name in names), entry["seed"], entry["kind"])
        made.append(vector(spec, own, entry["convention"], entry["dtype"], entry["layer"]))
        right = json.loads(_entry(made[-1]))
        for part in ("name", "inputs", "expected", "bounds", "kills"):
            yield from _unlike(f"{path}: {entry['name']}: {part}", entry.get(part), right[part])
    twin = path.with_suffix(".bin")
    if twin.is_file() and (twin.stat().st_size > MAX_BYTES or twin.read_bytes() != to_binary(made)):
        yield f"{twin}: differs from what the equations give"


def _unlike(where: str, found: Any, right: Any) -> Iterator[str]:
    if isinstance(right, dict) and isinstance(found, dict):
        for key in dict.fromkeys([*right, *found]):
            yield from _unlike(f"{where}.{key}", found.get(key), right.get(key))
    elif isinstance(right, list) and isinstance(found, list) and len(found) == len(right):
        for number, (one, other) in enumerate(zip(found, right, strict=True)):
            if one != other:
                yield f"{where}[{number}] is {one!r}, not {other!r}"
                return
    elif found != right:
        yield f"{where} is {str(found)[:60]!r}, not {str(right)[:60]!r}"


def read(path: Path) -> list[dict[str, Any]]:
    """The entries of a JSON file of vectors. Raises InputError, saying where, for what is none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES} bytes; that is no file of vectors")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or not isinstance(content.get("vectors"), list):
        raise InputError(f'{path} is no file of vectors: it lacks "format": "{FORMAT}" or a list of vectors')
    return [entry for entry in content["vectors"] if _is_entry(entry, path)]


def _is_entry(entry: Any, path: Path) -> bool:
    wanted = {
        "name": str,
        "cell": str,
        "convention": str,
        "dtype": str,
        "sizes": dict,
        "seed": int,
        "kind": str,
        "layer": bool,
    }
    if not isinstance(entry, dict):
        raise InputError(f"{path} holds a vector that is a {type(entry).__name__}, not an object")
    for key, kind in wanted.items():
        if not isinstance(entry.get(key), kind):
            raise InputError(f"{path}: vector {entry.get('name', '?')} has no {key}, or one that is no {kind.__name__}")
    if not all(isinstance(size, int) and 0 < size <= 64 for size in entry["sizes"].values()):
        raise InputError(
            f"{path}: vector {entry['name']} has sizes {entry['sizes']}; they are whole numbers from 1 to 64"
        )
    return True
