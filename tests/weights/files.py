"""Files of weights for tests: written by the formats' own libraries where there are some, not by ours."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

FORMATS = (".npz", ".safetensors", ".pt", ".onnx")


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """A state dict as its format's library writes it."""
    if path.suffix == ".npz":
        with path.open("wb") as file:
            np.savez(file, **arrays)
    elif path.suffix == ".safetensors":
        pytest.importorskip("safetensors.numpy").save_file(dict(arrays), path)
    else:
        torch = pytest.importorskip("torch")
        torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, path)
    return path


def load(path: Path) -> dict[str, np.ndarray]:
    """A state dict as its format's library reads it."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return dict(file)
    if path.suffix == ".safetensors":
        return pytest.importorskip("safetensors.numpy").load_file(path)
    torch = pytest.importorskip("torch")
    return {name: tensor.numpy() for name, tensor in torch.load(path, weights_only=True).items()}


def torch_onnx(path: Path, module, example) -> Path:
    """A module as PyTorch exports it."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, of its age
        torch.onnx.export(module, (example,), path, dynamo=False, input_names=["x"])
    return path
