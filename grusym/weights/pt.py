"""Files of PyTorch's: .pt and .pth, a pickle of tensors in a zip archive, read with weights_only."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from grusym.errors import InputError
from grusym.weights.entry import Entry
from grusym.weights.reading import need, reading, size_of
from grusym.weights.zip_members import checked_members

KIND = "a PyTorch state dict"
LIBRARY = ("torch", "PyTorch", "torch")
# Before 2.6 and 2.10, what weights_only lets through could run code and overwrite memory (CVE-2025-32434,
# CVE-2026-24747).
SAFE = (2, 10)
DEPTH = 8  # of dicts in dicts
STATE_DICT = "save its state dict where you trust it: torch.save(module.state_dict(), PATH)"


def contents(path: Path) -> dict[str, Entry]:
    """The tensors of a state dict by name, of dicts in dicts by names with dots; no tensor is copied.

    Raises InputError for what is no such file, or holds more than tensors, and where PyTorch is not there or older than
    2.10, with which reading is not safe.
    """
    size = size_of(path)
    torch: Any = need(*LIBRARY)
    _require_safe(torch.__version__)
    with reading(path, KIND):
        if not zipfile.is_zipfile(path):
            raise InputError(
                f"cannot read {path} as {KIND}: it is no zip archive, as torch.save writes it since PyTorch 1.6; "
                f"{STATE_DICT}"
            )
        with zipfile.ZipFile(path) as archive:
            _check(path, archive, size)
    state = _loaded(path, torch)
    if not isinstance(state, dict):
        raise InputError(f"{path} holds a {type(state).__name__}, not a dict of tensors; {STATE_DICT}")
    return {name: _entry(path, name, tensor) for name, tensor in _flat(state, torch.Tensor)}


def packed(arrays: Mapping[str, Any]) -> bytes:
    """A file with these arrays as a dict of tensors. Raises InputError where PyTorch is not there."""
    import numpy as np

    torch: Any = need(*LIBRARY)
    file = io.BytesIO()
    torch.save({name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()}, file)
    return file.getvalue()


def _check(path: Path, archive: zipfile.ZipFile, size: int) -> None:
    if any(name.endswith("/constants.pkl") for name in archive.namelist()):
        raise InputError(f"{path} holds a TorchScript program, not a dict of tensors; {STATE_DICT}")
    checked_members(path, archive, size, compressed=False)
    broken = archive.testzip()  # PyTorch does not compare checksums of what it maps
    if broken:
        raise InputError(f"cannot read {path}: the checksum of its member {broken} is wrong; write the file anew")


def _require_safe(version: str) -> None:
    """Raises InputError for a PyTorch that is older than SAFE.

    >>> _require_safe("2.9.1+cpu")
    Traceback (most recent call last):
    ...
    grusym.errors.InputError: PyTorch 2.9.1+cpu may run code from the files it reads; update it to 2.10 or newer
    """
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers < SAFE:
        raise InputError(
            f"PyTorch {version} may run code from the files it reads; update it to {'.'.join(map(str, SAFE))} or newer"
        )


def _loaded(path: Path, torch: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Mapped, so that a tensor takes memory when it is copied, and not before.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        unsafe = re.search(r"GLOBAL (\S+)", str(error))
        if unsafe:
            raise InputError(
                f"{path} holds more than tensors ({unsafe[1]}), which only running code from the file could read; "
                f"{STATE_DICT}"
            ) from error
        with reading(path, KIND):
            raise


def _flat(state: Mapping[Any, Any], kind: type) -> Iterator[tuple[str, Any]]:
    """The tensors of dicts in dicts; a dict in two places is taken once, or hostile ones would never end."""
    left: list[tuple[str, Mapping[Any, Any], int]] = [("", state, 0)]
    seen = {id(state)}
    while left:
        prefix, mapping, depth = left.pop()
        deeper = []
        for key, value in mapping.items():
            if not isinstance(key, str):
                continue
            if isinstance(value, kind):
                yield f"{prefix}{key}", value
            elif isinstance(value, dict) and id(value) not in seen and depth < DEPTH:
                seen.add(id(value))
                deeper.append((f"{prefix}{key}.", value, depth + 1))
        left.extend(reversed(deeper))


def _entry(path: Path, name: str, tensor: Any) -> Entry:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Entry(dtype, tuple(tensor.shape), partial(_load, path, name, tensor))


def _load(path: Path, name: str, tensor: Any) -> Any:
    with reading(path, KIND):
        if tensor.device.type != "cpu" or str(tensor.layout) != "torch.strided" or tensor.is_quantized:
            raise InputError(f"{name} in {path} is no plain tensor on the CPU; save it as one, dense and not quantised")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise InputError(
                f"{name} in {path} has shape {tuple(tensor.shape)}, but fewer numbers behind it; "
                "save it with .contiguous()"
            )
        return tensor.detach().resolve_neg().numpy()
