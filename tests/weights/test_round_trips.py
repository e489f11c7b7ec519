"""From file to file: every convention, every format, and back to the same bits."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grusym.conventions.library import CONVENTIONS
from grusym.equations.library import cell, settings_of
from grusym.errors import InputError
from grusym.weights.convert_file import convert_file
from tests.conventions.test_records import DEFAULTS
from tests.weights.files import load, save
from tests.weights.stacks import random_params, same_arrays

for library in ("onnx", "safetensors", "torch"):
    pytest.importorskip(library)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_through_every_format_and_three_systems_come_the_same_bits(tmp_path, layers, directions, dtype):
    torch = random_params("torch", "gru", layers, directions, dtype)
    torch["bias_ih_l0"][:3] = np.array([np.nan, -np.nan, np.inf], dtype)
    first = save(tmp_path / "a.pt", torch)
    for given_file, output, target in (
        (first, "b.npz", "keras"),
        ("b.npz", "c.onnx", None),
        ("c.onnx", "d.safetensors", "mxnet"),
        ("d.safetensors", "e.pt", "torch"),
    ):
        done = convert_file(tmp_path / given_file, tmp_path / output, target=target)
        assert (len(done.done.parts), len(done.done.parts[0])) == (layers, directions)
    same_arrays(load(tmp_path / "e.pt"), torch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pt", "b.npz", "c.onnx", "d.safetensors", "e.pt"]


@pytest.mark.parametrize(("convention", "name"), [form for form in DEFAULTS if not CONVENTIONS[form[0]].flat])
def test_every_convention_goes_to_its_own_tensors_and_back_in_npz(tmp_path, convention, name):
    spelling = f"gru:{','.join(f'{k}={v}' for k, v in settings_of(cell(name)).items())}"
    layers = 1 if convention == "onednn" else 2  # of one width in one array
    given_file = save(tmp_path / "a.npz", random_params(convention, name, layers, 2))
    convert_file(given_file, tmp_path / "own.npz", convention, "own", spelling)
    convert_file(tmp_path / "own.npz", tmp_path / "b.npz", "own", convention, spelling)
    same_arrays(load(tmp_path / "b.npz"), load(given_file))


@pytest.mark.parametrize("family", ["lstm", "lstm:projection=yes", "rnn:activation=relu"])
def test_other_cells_go_between_torch_and_their_own_tensors(tmp_path, family):
    family = f"{family.partition(':')[0]}:{','.join(f'{k}={v}' for k, v in settings_of(cell(family)).items())}"
    given_file = save(tmp_path / "a.safetensors", random_params("torch", family, 2, 2))
    convert_file(given_file, tmp_path / "own.pt", target="own", cell=family)
    convert_file(tmp_path / "own.pt", tmp_path / "b.safetensors", "own", "torch", cell=family)
    same_arrays(load(tmp_path / "b.safetensors"), load(given_file))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt"])
@settings(max_examples=10, deadline=None)
@given(
    arrays=st.dictionaries(st.text("aW_/.0", min_size=1, max_size=5), st.integers(0, 3), min_size=1),
    seed=st.integers(0, 9),
)
def test_what_is_written_libraries_read(tmp_path_factory, suffix, arrays, seed):
    from grusym.weights.convert_file import STATE_DICTS

    random = np.random.default_rng(seed)
    wanted = {name: random.normal(size=(2,) * rank).astype(np.float32) for name, rank in arrays.items()}
    path = tmp_path_factory.mktemp("written") / f"file{suffix}"
    contents, packed = STATE_DICTS[suffix]
    path.write_bytes(packed(wanted))
    same_arrays(load(path), wanted)
    assert packed(wanted) == packed(wanted)
    entries = contents(path)
    assert {name: (entry.dtype, entry.shape) for name, entry in entries.items()} == {
        name: ("float32", array.shape) for name, array in wanted.items()
    }
    same_arrays({name: entry.load() for name, entry in entries.items()}, wanted)


def test_torch_takes_what_is_written_for_it(tmp_path):
    import torch

    module = torch.nn.GRU(3, 3, num_layers=1, bidirectional=False)
    given_file = save(tmp_path / "a.npz", random_params("keras", "gru", 1, 1, np.float32))
    convert_file(given_file, tmp_path / "b.pt", "keras", "torch")
    module.load_state_dict(torch.load(tmp_path / "b.pt", weights_only=True))


def test_modules_in_other_dicts_are_found_and_the_rest_is_left_out(tmp_path):
    import torch

    params = {f"encoder.rnn.{k}": torch.from_numpy(v) for k, v in random_params("torch", "gru", 2, 2).items()}
    state = {"epoch": 3, "model": params | {"fc.weight": torch.ones(2, 2), "steps": torch.tensor(3)}}
    torch.save(state, tmp_path / "a.pt")
    done = convert_file(tmp_path / "a.pt", tmp_path / "b.npz", target="keras")
    assert (done.origin.convention, done.origin.place) == ("torch", "model.encoder.rnn")
    assert done.origin.left_out == ("model.fc.weight", "model.steps")
    assert len(load(tmp_path / "b.npz")) == 12


def test_several_modules_ask_for_a_prefix(tmp_path):
    params = random_params("torch", "gru", 1, 1)
    model = {f"{prefix}.{name}": array for prefix in ("encoder", "decoder") for name, array in params.items()}
    given_file = save(tmp_path / "a.safetensors", model)
    with pytest.raises(
        InputError, match=r"a.safetensors holds 2 recurrent modules; choose one with --prefix: '.*', '.*'$"
    ):
        convert_file(given_file, tmp_path / "b.npz", target="keras")
    done = convert_file(given_file, tmp_path / "b.npz", target="keras", prefix="encoder")
    assert sorted(done.origin.left_out) == sorted(f"decoder.{name}" for name in params)
    with pytest.raises(InputError, match=r"holds no recurrent module that fits --prefix nothing"):
        convert_file(given_file, tmp_path / "b.npz", target="keras", prefix="nothing")


def test_byte_order_and_columns_are_no_matter(tmp_path):
    params = random_params("torch", "gru", 1, 1)
    turned = {name: np.asfortranarray(array.astype(array.dtype.newbyteorder(">"))) for name, array in params.items()}
    convert_file(save(tmp_path / "a.npz", turned), tmp_path / "b.npz", target="torch")
    same_arrays(load(tmp_path / "b.npz"), params)


def test_compressed_archives_are_read(tmp_path):
    params = random_params("torch", "gru", 1, 1)
    np.savez_compressed(tmp_path / "a.npz", **params)
    convert_file(tmp_path / "a.npz", tmp_path / "b.npz", target="torch")
    same_arrays(load(tmp_path / "b.npz"), params)


def test_a_file_may_be_converted_in_its_place(tmp_path):
    given_file = save(tmp_path / "a.pt", random_params("torch", "gru", 1, 1))
    convert_file(given_file, given_file, target="keras")
    assert list(load(given_file)) == ["kernel", "recurrent_kernel", "bias"]


def test_the_names_decide_what_shapes_leave_open(tmp_path):
    """cuDNN and MIOpen number their matrices alike, and mean different gates."""
    given_file = save(tmp_path / "a.npz", random_params("cudnn", "gru", 1, 1))
    with pytest.raises(InputError) as error:
        convert_file(given_file, tmp_path / "b.npz", target="torch")
    assert str(error.value).endswith("can be read in 2 ways; say which: --from cudnn, --from miopen")
    onnx = save(tmp_path / "c.npz", random_params("onnx", "gru", 1, 1))
    with pytest.raises(InputError, match=r"say which: --cell gru:reset=before, --cell gru:reset=after$"):
        convert_file(onnx, tmp_path / "b.npz", target="torch")
    assert not (tmp_path / "b.npz").exists()


@pytest.mark.parametrize("library", ["torch", "onnx", "safetensors"])
def test_a_library_that_is_not_there_is_told_with_its_extra(tmp_path, library):
    suffix = {"torch": ".pt", "onnx": ".onnx", "safetensors": ".safetensors"}[library]
    (tmp_path / f"a{suffix}").write_bytes(b"something")
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from grusym.cli import main\n"
        f"main(['convert', {str(tmp_path / ('a' + suffix))!r}, {str(tmp_path / 'b.npz')!r}, '--to', 'torch'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    extra = "torch" if library == "torch" else "convert"
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"run pip install 'grusym[{extra}]'" in done.stderr
