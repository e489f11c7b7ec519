"""Files that lie, are cut short or carry code: one sentence each, nothing executed, no memory taken."""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grusym.errors import InputError
from grusym.weights import pt, zip_members
from grusym.weights.convert_file import convert_file
from tests.weights.files import FORMATS, save
from tests.weights.graphs import Graph, weights
from tests.weights.stacks import random_params

for library in ("onnx", "safetensors", "torch"):
    pytest.importorskip(library)


def valid(path: Path) -> bytes:
    """The bytes of a file of this suffix that can be converted."""
    if path.suffix == ".onnx":
        graph = Graph()
        graph.gru("cell", hidden_size=2)
        graph.save(path)
    else:
        save(path, random_params("torch", "gru", 1, 1, np.float32))
    return path.read_bytes()


def refused(path: Path, data: bytes | None = None) -> str:
    """The sentence with which a file is refused; nothing is left beside it."""
    if data is not None:
        path.write_bytes(data)
    before = sorted(path.parent.iterdir())
    with pytest.raises(InputError) as error:
        convert_file(path, path.parent / "out.npz", target="keras")
    assert sorted(path.parent.iterdir()) == before
    message = str(error.value)
    assert message.isprintable()
    assert path.name in message
    return message


@pytest.mark.parametrize("suffix", FORMATS)
def test_files_cut_short_anywhere_are_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    data = valid(path)
    places = {1, 2, 7, 8, 9, 20, *(len(data) * part // 12 for part in range(1, 12)), len(data) - 1}
    for place in sorted(places):
        refused(path, data[:place])


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    "data", [b"\x00" * 64, b"PK\x03\x04 and no more", b"\x80\x02}q\x00.", os.urandom(0) + bytes(range(256))]
)
def test_other_bytes_are_refused(tmp_path, suffix, data):
    refused(tmp_path / f"a{suffix}", data)


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_no_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    assert refused(path) == f"cannot read {path}: No such file or directory"
    assert refused(path, b"") == f"cannot read {path}: it is empty; write it anew"
    path.unlink()
    os.mkfifo(path)
    assert refused(path) == f"cannot read {path}: it is a device or a pipe; pass the path of a file"
    path.unlink()
    path.mkdir()
    assert refused(path) == f"cannot read {path}: it is a directory; pass the path of a file"


# .npz


def npz(path: Path, edit: Callable[[str, bytes], bytes | None], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A valid archive whose members went through `edit`."""
    valid(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            edited = edit(name, data)
            if edited is not None:
                archive.writestr(name, edited)
    return file.getvalue()


def header(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (header((10**6, 10**6)) + b"\0" * 8, "weight_ih_l0.npy should hold (1000000, 1000000) of float32, but its"),
        (header((10**12, 0)), ""),
        (header((-1, 3)), "has shape (-1, 3)"),
        (header((True, 3)), ""),
        (header((9, 3)) + b"\0" * 109, "bytes are not that many"),
        (b"\x93NUMPY\x07\x00", "is an array of records"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "EOF"),
        (b"\x93NUMPY\x01\x00\x10\x00" + b"__import__('os')", ""),
        (b"\x93NUMPY\x01\x00\x00\x20" + b"(" * 0x2000, ""),
        (b"", "EOF"),
    ],
)
def test_arrays_that_are_not_what_they_claim_are_refused(tmp_path, member, message):
    path = tmp_path / "a.npz"
    assert message in refused(path, npz(path, lambda name, data: member if name == "weight_ih_l0.npy" else data))


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path, size = tmp_path / "a.npz", 2**22
    monkeypatch.setattr(zip_members, "MAX_INFLATED", size)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weight_ih_l0.npy", header((size // 4,)) + bytes(size))
    assert path.stat().st_size < size // 500
    claimed = len(header((size // 4,))) + size
    assert f"its compressed members claim {claimed} bytes, more than the {size} that are unpacked" in refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, method):
    path = tmp_path / "a.npz"
    assert "is compressed; save it without compression" in refused(path, npz(path, lambda _, data: data, method))


def test_two_members_of_one_name_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    valid(path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("weight_ih_l0.npy", header((1,)))
    assert "it holds two members called weight_ih_l0.npy" in refused(path)


class Evil:
    """Unpickling it makes a file."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


def test_objects_in_an_archive_are_not_unpickled(tmp_path):
    path, mark = tmp_path / "a.npz", tmp_path / "executed"
    array = np.array([Evil(mark)], dtype=object)
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    data = npz(path, lambda name, member: file.getvalue() if name == "bias_hh_l0.npy" else member)
    refused(path, data)
    whole = npz(path, lambda name, member: file.getvalue().replace(b"(1,)", b"(9,)") if "bias_hh" in name else member)
    assert f"bias_hh_l0 in {path} is object, Python objects, which only unpickling could read" in refused(path, whole)
    assert not mark.exists()


def test_a_wrong_checksum_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    data = valid(path)
    at = data.index(random_params("torch", "gru", 1, 1, np.float32)["bias_hh_l0"].tobytes())
    assert "Bad CRC-32" in refused(path, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def test_names_do_not_reach_the_terminal_as_they_are(tmp_path):
    path = save(tmp_path / "a.npz", {"weight\x1b[2J\n": np.ones(3)})
    assert refused(path).endswith(r"its arrays are weight\x1b[2J\n")


# .safetensors


def safetensors(entries: dict[str, object] | bytes, data: bytes, claimed: int | None = None) -> bytes:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text + data


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    "data",
    [
        safetensors({"W_r": entry([1], 0, 4)}, bytes(4), claimed=2**62),
        safetensors({"W_r": entry([1], 0, 4)}, bytes(4), claimed=3),
        safetensors({"W_r": entry([10**12], 0, 4 * 10**12)}, bytes(4)),
        safetensors({"W_r": entry([2**62, 2**62], 0, 4)}, bytes(4)),
        safetensors({"W_r": entry([1], 0, 4), "U_r": entry([1], 0, 4)}, bytes(4)),
        safetensors({"W_r": entry([1], 0, 4)}, bytes(8)),
        safetensors({"W_r": entry([-1], 0, 4)}, bytes(4)),
        safetensors({"W_r": entry([1], 0, 4, "F33")}, bytes(4)),
        safetensors(b"[" * 10**5, bytes(4)),
        safetensors({}, b""),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, data):
    refused(tmp_path / "a.safetensors", data)


def test_bfloat16_is_refused_with_the_mend(tmp_path):
    sizes = {"weight_ih_l0": [6, 3], "weight_hh_l0": [6, 2]}
    entries, at = {}, 0
    for name, (rows, columns) in sizes.items():
        entries[name] = entry([rows, columns], at, at := at + 2 * rows * columns, "BF16")
    told = "is bfloat16, which NumPy does not have; save it as float32, which holds every bfloat16 exactly"
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors(entries, bytes(at)))
    with pytest.raises(InputError, match=told):
        convert_file(path, tmp_path / "b.npz", target="keras")


# .pt


class Pickler(pickle.Pickler):
    """Writes a storage as torch.save does: ("storage", numel) is one of that many float32."""

    def persistent_id(self, found):
        import torch

        if isinstance(found, tuple) and found[:1] == ("storage",):
            return ("storage", torch.FloatStorage, "0", "cpu", found[1])
        return None


class Tensor:
    """A tensor of this shape and strides over a storage of which is claimed to hold `numel` numbers."""

    def __init__(self, numel: int, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0):
        self.given = (("storage", numel), offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        import torch

        return (torch._utils._rebuild_tensor_v2, self.given)


def state_dict(path: Path, content: object, data: bytes = bytes(72)) -> Path:
    """A file as torch.save writes it, with this pickled, and one storage."""
    file = io.BytesIO()
    Pickler(file, 2).dump(content)
    with zipfile.ZipFile(path, "w") as archive:
        for name, member in (
            ("data.pkl", file.getvalue()),
            ("byteorder", b"little"),
            ("data/0", data),
            ("version", b"3\n"),
        ):
            archive.writestr(f"archive/{name}", member)
    return path


def test_the_files_made_here_are_like_torchs(tmp_path):
    entries = pt.contents(state_dict(tmp_path / "a.pt", {"W": Tensor(18, (6, 3), (3, 1))}))
    np.testing.assert_array_equal(entries["W"].load(), np.zeros((6, 3), np.float32))


@pytest.mark.parametrize("depth", [0, 1])
def test_code_in_a_state_dict_is_not_run(tmp_path, depth):
    mark = tmp_path / "executed"
    path = state_dict(tmp_path / "a.pt", {"weight": Evil(mark)} if depth else Evil(mark))
    assert "holds more than tensors (posix.mkdir), which only running code from the file could read" in refused(path)
    assert not mark.exists()


def test_a_module_is_refused_with_the_mend(tmp_path):
    import torch

    torch.save(torch.nn.GRU(2, 3), tmp_path / "a.pt")
    assert refused(tmp_path / "a.pt").endswith(
        "holds more than tensors (torch.nn.modules.rnn.GRU), which only running code from the file could read; save "
        "its state dict where you trust it: torch.save(module.state_dict(), PATH)"
    )


@pytest.mark.parametrize(
    "tensor",
    [
        (10**12, (10**12,), (1,)),
        (18, (10**6, 10**6), (0, 0)),
        (18, (19,), (1,)),
        (18, (18,), (1,), 10),
        (18, (-1,), (1,)),
        (18, (3,), (-1,)),
        (18, (2**62, 4), (0, 0)),
        (10**18, (10**6,), (1,)),
    ],
)
def test_tensors_that_claim_more_than_their_storage_are_refused(tmp_path, tensor):
    content = {"weight_ih": Tensor(*tensor), "weight_hh": Tensor(18, (6, 2), (2, 1))}
    refused(state_dict(tmp_path / "a.pt", content))


def test_a_tensor_that_repeats_its_numbers_is_refused_without_writing_them_out(tmp_path):
    content = {
        "weight_ih_l0": Tensor(18, (6 * 10**7, 3), (0, 0)),
        "weight_hh_l0": Tensor(18, (6 * 10**7, 2 * 10**7), (0, 0)),
    }
    assert "but fewer numbers behind it" in refused(state_dict(tmp_path / "a.pt", content))


def test_dicts_within_each_other_end(tmp_path):
    inner: dict[str, object] = {}
    inner["again"] = inner
    for _ in range(20):
        inner = {f"{n}": inner for n in range(10)}
    assert "holds no recurrent module; its arrays are none" in refused(state_dict(tmp_path / "a.pt", inner))


@pytest.mark.parametrize("content", [[1, 2], 3, None, "weights"])
def test_what_is_no_dict_is_refused(tmp_path, content):
    assert "not a dict of tensors; save its state dict" in refused(state_dict(tmp_path / "a.pt", content))


@pytest.mark.parametrize("make", ["sparse", "meta", "bfloat16", "integers"])
def test_other_tensors_are_refused_by_name(tmp_path, make):
    import torch

    state = torch.nn.GRU(2, 3).state_dict()
    w = state["weight_ih_l0"]
    made = {
        "sparse": w.to_sparse(),
        "meta": w.to("meta"),
        "bfloat16": w.bfloat16(),
        "integers": w.int(),
    }[make]
    torch.save(state | {"weight_ih_l0": made}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"^weight_ih_l0 in .* is (no plain tensor|bfloat16, which|int32, not one of)"):
        convert_file(tmp_path / "a.pt", tmp_path / "b.npz", target="keras")


def test_a_torch_that_may_run_code_is_refused(tmp_path, monkeypatch):
    import torch

    path = save(tmp_path / "a.pt", random_params("torch"))
    monkeypatch.setattr(torch, "__version__", "2.9.1")
    with pytest.raises(InputError, match=r"^PyTorch 2.9.1 may run code from the files it reads; update it to 2.10"):
        convert_file(path, tmp_path / "b.npz", target="keras")


def test_torchscript_and_files_of_the_first_versions_are_refused(tmp_path):
    import torch

    state = torch.nn.GRU(2, 3).state_dict()
    torch.save(state, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    assert "it is no zip archive, as torch.save writes it since PyTorch 1.6" in refused(tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "b.pt", "w") as archive:
        archive.writestr("archive/constants.pkl", b"")
    assert "holds a TorchScript program" in refused(tmp_path / "b.pt")


# .onnx


@pytest.mark.parametrize("dims", [[1, 10**6, 10**9], [1, -6, 3], [2**62, 2**62, 2**62], [], [1, 6], [1, 7, 3]])
def test_tensors_of_other_sizes_than_their_numbers_are_refused(tmp_path, dims):
    graph = Graph()
    graph.gru("cell", hidden_size=2)
    del graph.constants[0].dims[:]
    graph.constants[0].dims.extend(dims)
    with pytest.raises(InputError):
        convert_file(graph.save(tmp_path / "a.onnx"), tmp_path / "b.npz", target="keras")
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_consistent_huge_sizes_with_no_numbers_behind_them_are_refused(tmp_path):
    graph = Graph()
    graph.gru("cell", arrays=weights(1, 3, 2))
    hidden = 10**8
    for tensor, dims in zip(
        graph.constants, ([1, 3 * hidden, 3], [1, 3 * hidden, hidden], [1, 6 * hidden]), strict=False
    ):
        del tensor.dims[:]
        tensor.dims.extend(dims)
    with pytest.raises(
        InputError, match=r"W of node cell has shape \(1, 300000000, 3\), but not that many numbers stand"
    ):
        convert_file(graph.save(tmp_path / "a.onnx"), tmp_path / "b.npz", target="keras")


def test_numbers_of_other_types_are_refused(tmp_path):
    graph = Graph()
    graph.gru("cell", arrays={name: array.astype(np.int64) for name, array in weights().items()})
    with pytest.raises(InputError, match=r"^W in .* is int64, not one of float16, float32, float64"):
        convert_file(graph.save(tmp_path / "a.onnx"), tmp_path / "b.npz", target="keras")
    graph.constants[0].data_type = 99
    with pytest.raises(InputError, match=r"^W in .* is of the unknown type 99"):
        convert_file(graph.save(tmp_path / "a.onnx"), tmp_path / "b.npz", target="keras")


# None of these takes memory: the process may grow by less than any of them claims.

LIMITED = """
import resource, sys
from pathlib import Path
from grusym.errors import InputError
from grusym.weights.convert_file import convert_file
import torch
good, *bad = map(Path, sys.argv[1:])
out = good.parent / "out.npz"
convert_file(good, out, target="keras")
out.unlink()
limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + 256 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in bad:
    try:
        convert_file(path, out, target="keras")
    except InputError as error:
        assert not isinstance(error.__cause__, MemoryError) and "allocate" not in str(error), error
        print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to read the size of a process from")
def test_no_memory_is_taken_for_what_is_not_there(tmp_path):
    good = save(tmp_path / "good.pt", random_params("torch", "gru", 1, 1))
    rows, columns = 3 * 10**5, 10**5
    array, big = tmp_path / "a.npz", header((rows, columns)) + bytes(8)
    array.write_bytes(npz(array, lambda name, data: big if name == "weight_hh_l0.npy" else data))
    tensors = tmp_path / "a.safetensors"
    tensors.write_bytes(safetensors({"W": entry([10**10], 0, 4 * 10**10)}, bytes(4)))
    content = {"weight_ih_l0": Tensor(18, (rows, 3), (0, 0)), "weight_hh_l0": Tensor(18, (rows, columns), (0, 0))}
    state = state_dict(tmp_path / "a.pt", content)
    words = [sys.executable, "-c", LIMITED, *map(str, (good, array, tensors, state))]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout.count("\n")) == (0, 3), done.stderr
    assert not (tmp_path / "out.npz").exists()
