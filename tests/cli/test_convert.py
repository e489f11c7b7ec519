"""`grusym convert`: what it prints where, its exit codes, and that bad input gets one sentence and no file."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from tests.cli.test_cli import refused, run
from tests.weights.files import load, save
from tests.weights.stacks import random_params, same_arrays


def test_it_says_what_it_did(capsys, tmp_path):
    given, output = save(tmp_path / "a.npz", random_params("torch", "gru", 2, 2)), tmp_path / "b.npz"
    code, out, err = run(capsys, "convert", str(given), str(output), "--to", "keras")
    assert code == 0
    assert out.startswith("gru: 2 layers, both directions, I = 3, H = 3, float64\nfrom torch (reset=after, ")
    assert "       kernel            (3, 9)       [W_z^T | W_r^T | W_n^T]\n" in out
    assert out.endswith(f"     the same bits\n{output}\n")
    assert err == "read as gru of torch\n"
    assert len(load(output)) == 12


def test_identities_are_named(capsys, tmp_path):
    given, output = save(tmp_path / "a.npz", random_params("keras", "gru")), tmp_path / "b.npz"
    code, out, err = run(capsys, "convert", str(given), str(output), "--from", "keras", "--to", "mlx")
    assert (code, err) == (0, "")
    found = re.search(r"^     (b.*) added up from several biases\n     (c.*) not there any more$", out, re.MULTILINE)
    assert [sorted(names.split(", ")) for names in found.groups()] == [["b_r", "b_z"], ["c_r", "c_z"]]
    assert "     exact but for biases that were added: rounded once\n" in out
    haiku = save(tmp_path / "h.npz", random_params("haiku", "gru"))
    _, out, _ = run(capsys, "convert", str(haiku), str(output), "--from", "haiku", "--to", "tf_gru_block_cell")
    assert "     W_z, U_z, b_z negated\n     the same bits\n" in out


def test_the_report_as_json(capsys, tmp_path):
    model = {f"rnn.{name}": array for name, array in random_params("torch", "gru", 2, 1).items()}
    given, output = save(tmp_path / "a.npz", model | {"fc.weight": np.ones((2, 2))}), tmp_path / "b.npz"
    code, out, err = run(capsys, "convert", str(given), str(output), "--to", "flax_linen", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["cell"], told["layers"], told["directions"], told["dtype"]) == ("gru", 2, 1, "float64")
    assert (told["sizes"], told["exact"], told["read"]) == ({"I": 3, "H": 3}, False, "rnn")
    assert told["left_out"] == ["fc.weight"]
    assert told["target"]["options"]["biases"] == "candidate"
    assert told["arrays"]["layer1/forward/hn/bias"] == [3]
    assert err == "read as gru of torch in rnn\nleft out: fc.weight\n"


def test_a_file_that_is_replaced_is_said(capsys, tmp_path):
    path = save(tmp_path / "a.npz", random_params("torch", "gru"))
    code, _, err = run(capsys, "convert", str(path), str(path), "--to", "keras")
    assert (code, err.splitlines()[-1]) == (0, f"{path} was the file that was read, and is replaced")
    assert list(load(path)) == ["kernel", "recurrent_kernel", "bias"]


TORCH = random_params("torch", "gru", 1, 1)


@pytest.mark.parametrize(
    ("arrays", "words", "told"),
    [
        (TORCH, ["out.npz"], "say in which convention to write out.npz, with --to NAME, as in --to keras"),
        (
            TORCH,
            ["out.txt", "--to", "keras"],
            "out.txt has no known format; the suffixes are .npz, .safetensors, .pt, ",
        ),
        (TORCH, ["out", "--to", "keras"], "out has no known format"),
        (TORCH, ["out.npz", "--to", "kerass"], "unknown convention 'kerass'; known are own, torch"),
        (TORCH, ["out.npz", "--from", "torhc", "--to", "keras"], "unknown convention 'torhc'"),
        (TORCH, ["out.npz", "--to", "mxnet_flat"], "mxnet_flat is one vector, which files are not read or written as"),
        (TORCH, ["out.onnx", "--to", "keras"], "out.onnx is an ONNX model, and holds the convention onnx, not keras"),
        (TORCH, ["out.npz", "--to", "haiku"], "reset=before and reset=after are different functions: inside tanh, "),
        (TORCH, ["out.npz", "--to", "keras", "--node", "GRU"], "--node goes with ONNX models"),
        (TORCH, ["out.npz", "--to", "keras", "--cell", "lstm"], "; it fits --from torch --cell gru"),
        (TORCH, ["out.npz", "--to", "keras", "--cell", "gur"], "unknown cell 'gur'"),
        (TORCH, ["out.npz", "--to", "keras", "--cell", "gru:reset=never"], "reset=never is unknown"),
        (TORCH, ["out.npz", "--from", "keras", "--to", "torch"], "fits --from keras; its arrays are weight_ih_l0, "),
        (
            TORCH | {"bias_hh_l0": np.ones(8)},
            ["out.npz", "--to", "keras"],
            "holds no recurrent module: as gru of torch, bias_hh has shape (8,), but (3*H",
        ),
        (
            random_params("onnx", "gru"),
            ["out.npz", "--to", "torch"],
            "can be read in 2 ways; say which: --cell gru:reset=before, --cell gru:reset=after",
        ),
        (
            random_params("torch", "rnn"),
            ["out.npz", "--to", "own"],
            "--cell rnn:activation=tanh, --cell rnn:activation=r",
        ),
        ({"weight": np.ones(3)}, ["out.npz", "--to", "keras"], "holds no recurrent module"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(capsys, tmp_path, monkeypatch, arrays, words, told):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "a.npz", arrays)
    message = refused(capsys, "convert", "a.npz", *words)
    assert told in message
    assert message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_masks_and_zoneout_have_no_parameters(capsys, tmp_path):
    given, cell = save(tmp_path / "a.npz", random_params("onnx", "gru")), "gru:mask=zero,reset=after,zoneout=train"
    words = ["convert", str(given), str(tmp_path / "b.npz"), "--to", "torch", "--cell"]
    assert run(capsys, *words, cell)[0] == 0
    masked = load(tmp_path / "b.npz")
    assert run(capsys, *words, "gru:reset=after")[0] == 0
    same_arrays(load(tmp_path / "b.npz"), masked)


def test_a_directory_in_the_place_of_the_output(capsys, tmp_path):
    given = save(tmp_path / "a.npz", TORCH)
    (tmp_path / "out.npz").mkdir()
    assert "it is a directory" in refused(capsys, "convert", str(given), str(tmp_path / "out.npz"), "--to", "keras")


def test_a_new_directory_is_made(capsys, tmp_path):
    given = save(tmp_path / "a.npz", TORCH)
    assert run(capsys, "convert", str(given), str(tmp_path / "new" / "b.npz"), "--to", "torch")[0] == 0
    same_arrays(load(tmp_path / "new" / "b.npz"), TORCH)


def test_help_opens_with_examples(capsys):
    code, out, _ = run(capsys, "convert", "--help")
    assert code == 0
    assert out.index("grusym convert gru.pt gru.npz --to keras") < out.index("Options")


def test_npz_needs_neither_torch_nor_onnx(tmp_path):
    given = save(tmp_path / "a.npz", TORCH)
    code = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'safetensors'): sys.modules[name] = None\n"
        "from grusym.cli import main\n"
        f"main(['convert', {str(given)!r}, {str(tmp_path / 'b.npz')!r}, '--to', 'keras'])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
