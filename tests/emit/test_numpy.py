"""Generated NumPy modules compute what the IR says, what PyTorch computes, in the dtype they are given."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from grusym.emit.numpy_kernel import emit_numpy
from grusym.equations.cell import Cell
from grusym.errors import LoweringError
from grusym.lower.interpret import run, run_both
from grusym.lower.ir import Kind
from grusym.lower.lowered import lower
from tests.emit.numpy_modules import forward, loaded, text_of, train
from tests.lower.judges import assert_close, by_torch
from tests.lower.layers import ALL, lowered, of_kinds, random_arrays, some_sizes

ROOT = Path(__file__).parents[2]

MORE = {
    "constant indices": "a(x[p], h[i]) -> h'[i]  axes i: H p: P\n h'[i] = tanh(w[i] x[0] + v[i] x[1] x[P-1] + h[i])",
    "names that the module uses": """check(scatter_add[j], np1[k], el[k]) -> np1'[i], el'[i]  axes j: I  i,k,name: H
        sizes[i] = gather[i,j] scatter_add[j] + inside[i]
        erf1[i] = erf(W[i,k] np1[k])
        np1'[i] = tanh(sizes[i] + el[i])
        el'[i] = el[i] erf1[i] forward""",
    "sum of a window": """a(x[q], h[p]) -> h'[p]  axes p: P q: Q u: K
        h'[p] = tanh(h[p] + sum[u](x[2*p+u]) + sum[u](w[u]))""",
    "shifted denominator": """a(x[q], h[p]) -> h'[p]  axes p: P q: Q u: K
        s[p] = exp(h[p])
        h'[p] = tanh(w[u] x[p+u-1]/s[p])""",
    "scalars of a sample": """a(x, h, g[i]) -> h', g'[i]  axes i: H
        h' = tanh(w x + v[i] g[i] + c)
        g'[i] = g[i] h x + h'/3""",
    "diagonal and trace": """a(x[i], h[i]) -> h'[i]  axes i,k: H
        h'[i] = tanh(A[i,i] x[i] + h[i]) + A[k,k] x[i] + x[k] x[k] A[k,k]""",
    "matrix state": """a(x[i], m[i,k]) -> m'[i,k], y[i]  axes i,k: H
        q[i] = W[i,k] x[k]
        m'[i,k] = f m[i,k] + q[i] x[k]
        y[i] = m'[i,k] q[k]""",
    "parameter as state": "a(x[i], h[i]) -> h'[i]  axes i: H\n h'[i] = w[i] + 0 h[i] + 0 x[i]",
    "input as state": "a(x[i], h[i]) -> h'[i], y[i]  axes i: H\n h'[i] = x[i]\n y[i] = w h[i]",
    "transposed": """a(x[i,j], h[j,i]) -> h'[j,i]  axes i,k: H j: I
        h'[j,i] = tanh(W[i,j] x[i,j] h[j,i] + V[i,k] h[j,k] + b[j] + d[i])""",
    "functions of constants": """a(x[i], h[i]) -> h'[i]  axes i: H
        h'[i] = tanh(sigmoid(1/2) x[i] + sqrt(2) h[i] + exp(1) - log(3) + h[i]/H^(1/2) + H h[i]) + softplus(2)""",
    "image": """a(x[p,q], h[p,q]) -> h'[p,q]  axes p: P q: Q u: K v: M
        h'[p,q] = tanh(W[u,v] x[p+u-1,q+v-1] + h[p-1,q] h[p,q+1])""",
    "window times its own element": """a(x[q], h[p]) -> h'[p]  axes p: P q: Q u: K
        h'[p] = tanh(w[u] x[2*p+u]) + v[u] h[p+u-1] h[p]""",
}
CONVENTIONS = {"gru": "torch", "lstm": "torch", "rnn:activation=relu": "torch", "gru:biases=none": "torch"}


@cache
def of_name(name: str):
    return lower(Cell.parse(MORE[name], source=name)) if name in MORE else lowered(name)


def of_dtype(given, dtype):
    return {name: array.astype(dtype) for name, array in given.items()}


def judge(lowered_cell, text: str, sizes, seed: int = 0) -> None:
    """Raises AssertionError unless a module's results in double precision are those of the interpreter."""
    given = random_arrays(lowered_cell, sizes, seed)
    got = train(lowered_cell, loaded(text), given)
    assert_close(got, run_both(lowered_cell, sizes, given), 1e-12)


SIZES = ((), (1,) * 9, (0, 2), (4, 3, 2, 5, 3, 6, 2))  # all different, all one, no step, others


@pytest.mark.parametrize("name", [*ALL, *MORE])
def test_a_module_computes_what_the_kernels_do(name):
    one = of_name(name)
    for seed, first in enumerate(SIZES):
        judge(one, text_of(one), some_sizes(one.forward, *first), seed)


@pytest.mark.parametrize("name", [*ALL, *MORE])
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_a_module_computes_in_the_dtype_of_its_arrays(name, dtype):
    one = of_name(name)
    sizes = some_sizes(one.forward)
    given = random_arrays(one, sizes, 1)
    got = train(one, loaded(text_of(one)), of_dtype(given, dtype))
    assert {array.dtype for array in got.values()} == {np.dtype(dtype)}
    assert_close(got, run_both(one, sizes, given), 1e-4 if dtype is np.float32 else 1e-12)


@pytest.mark.parametrize("name", CONVENTIONS)
@drawn(sizes=st.tuples(*[st.integers(1, 5)] * 4), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_a_module_computes_what_pytorch_does(name, sizes, seed):
    one = lowered(name, CONVENTIONS[name])
    extents = some_sizes(one.forward, *sizes)
    given = random_arrays(one, extents, seed)
    module = loaded(text_of(one))
    want = by_torch(one, extents, given)
    assert_close(train(one, module, given), want, 1e-12)
    single = train(one, module, of_dtype(given, np.float32))
    assert {array.dtype for array in single.values()} == {np.dtype(np.float32)}
    assert_close(single, want, 1e-4)


@pytest.mark.parametrize("name", ["gru", "conv.cell", "explicit output", "image"])
def test_without_saving_the_results_are_the_same_and_nothing_is_kept(name):
    one = of_name(name)
    module, given = loaded(text_of(one)), random_arrays(one, some_sizes(one.forward), 0)
    outputs, saved = forward(one, module, given, saving=False)
    assert saved is None
    for key, value in forward(one, module, given)[0].items():
        np.testing.assert_array_equal(outputs[key], value)


@pytest.mark.parametrize("name", [*ALL, *MORE])
def test_arguments_are_neither_changed_nor_handed_back(name):
    one = of_name(name)
    for steps in (0, 1, 3):
        given = random_arrays(one, some_sizes(one.forward, steps), 0)
        before = {key: array.copy() for key, array in given.items()}
        results = train(one, loaded(text_of(one)), given)
        for key, array in given.items():
            np.testing.assert_array_equal(array, before[key])
            for made, result in results.items():
                assert not np.shares_memory(array, result), f"{made} shares memory with {key}"


def test_modules_are_formatted_and_pass_a_linter(tmp_path):
    for number, name in enumerate(ALL):
        text = text_of(of_name(name))
        (tmp_path / f"cell{number}.py").write_text(text, encoding="utf-8")
        assert max(map(len, text.split('"""', 2)[2].splitlines())) <= 100
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["--select", "F,W,I,B,UP,SIM", "--ignore", "B905"]
    shape = ["--isolated", "--line-length", "100"]
    for command in ([*ruff, "format", "--diff", *shape, tmp_path], [*ruff, "check", *rules, *shape, tmp_path]):
        process = subprocess.run(command, capture_output=True, text=True)
        assert process.returncode == 0, process.stdout + process.stderr


def test_the_gru_reads_as_it_would_be_written():
    text = text_of(lowered("gru", "torch"))
    for line in (
        "W_r, W_z, W_n = np.split(weight_ih, 3)",
        "r = sigmoid(x[t] @ W_r.T + h @ U_r.T + b_r + c_r)",
        "n = np.tanh(x[t] @ W_n.T + b_n + r * u)",
        "h_next = (1 - z) * n + z * h",
        "da_z = dz * z * (1 - z)",
        "dx[t] = da_r @ W_r + da_z @ W_z + da_n @ W_n",
        "dW_r += da_r.T @ x[t]",
        "db_r += da_r.sum(axis=0)",
        'params["weight_ih"]  (3*H, I)   parameters [W_r; W_z; W_n]',
    ):
        assert line in [found.strip() for found in text.splitlines()]


BUGS = [
    ("x[t] @ W_r.T", "x[t] @ W_z.T", "another gate's weights"),
    ("h @ U_n.T", "h @ U_n", "U transposed"),
    ("(1 - z) * n + z * h", "z * n + (1 - z) * h", "polarity of the update gate"),
    ("b_n + r * u", "b_n + u", "reset gate forgotten"),
    ("1 - n**2", "1 - n", "derivative of tanh"),
    ("dr * r * (1 - r)", "dr * (1 - r)", "derivative of the sigmoid"),
    ("dh_next * z + da_r @ U_r", "da_r @ U_r", "no carry"),
    ("dh_next * (h - n)", "dh_next * (n - h)", "sign of dz"),
    ("dU_n += du.T @ h", "dU_n += da_n.T @ h", "du taken for da_n"),
    ('h = saved["h"][t]\n', 'h = saved["h"][t + 1]\n', "state shifted by a step"),
    ("dc_n += du.sum(axis=0)", "dc_n = du.sum(axis=0)", "a gradient that is not summed over time"),
    ("reversed(range(T))", "range(T)", "time runs upwards"),
    ("dh_next = dy[t] + dh", "dh_next = dh", "cotangents of y dropped"),
]


@pytest.mark.parametrize(("right", "wrong"), [bug[:2] for bug in BUGS], ids=[bug[2] for bug in BUGS])
def test_a_planted_bug_is_caught(right, wrong):
    one = lowered("gru", "torch")
    text = text_of(one)
    assert text.count(right) == 1
    sizes = some_sizes(one.forward)
    judge(one, text, sizes)
    with pytest.raises(AssertionError):
        judge(one, text.replace(right, wrong), sizes)


def test_wrong_arrays_are_refused_with_their_shapes():
    one = lowered("gru", "torch")
    module, given = loaded(text_of(one)), random_arrays(one, {"T": 3, "B": 2, "I": 4, "H": 5}, 0)
    with pytest.raises(ValueError, match=r"^weight_hh has shape \(15, 4\), expected \(3\*H, H\) = \(15, 5\)$"):
        forward(one, module, {**given, "weight_hh": np.zeros((15, 4))})
    with pytest.raises(ValueError, match=r"^x has shape \(3, 2\), expected \(T, B, I\)$"):
        forward(one, module, {**given, "x": np.zeros((3, 2))})
    with pytest.raises(ValueError, match=r"^bias_hh has dtype float32, expected a float dtype: float64$"):
        forward(one, module, {**given, "bias_hh": np.zeros(15, np.float32)})
    with pytest.raises(ValueError, match=r"^h0 has dtype int64, expected a float dtype: int64$"):
        forward(one, module, of_dtype(given, np.int64))
    params = {name: given[name] for name, _ in one.layout.arrays}
    with pytest.raises(ValueError, match=r"^saved is None: forward was called with saving=False$"):
        module.backward(given["x"], params, None, given["dy"], given["dh_n"])
    _, saved = forward(one, module, given)
    saved["z"] = saved["z"][:2]
    with pytest.raises(ValueError, match=r"^saved\['z'\] has shape \(2, 2, 5\), expected \(T, B, H\) = \(3, 2, 5\)$"):
        module.backward(given["x"], params, saved, given["dy"], given["dh_n"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a(h[i]) -> h'[i]  axes i: H\n h'[i] = tanh(w[i] h[i])", "without an input"),
        (
            "a(x[i], h[i]) -> h'[i]  axes i: H m: M\n q[m] = w x[0]\n h'[i] = h[i] sum[m](q[m])",
            "size M is the extent of no array",
        ),
    ],
)
def test_what_cannot_be_printed_is_refused(text, message):
    with pytest.raises(LoweringError, match=message):
        emit_numpy(lower(Cell.parse(text)))


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_the_text_does_not_depend_on_the_hash_seed(seed):
    names = ["gru", "lstm", "three_states.cell", "every function", "conv.cell"]
    code = (
        "from tests.lower.layers import lowered; from grusym.emit.numpy_kernel import emit_numpy\n"
        f"for name in {names!r}: print(*emit_numpy(lowered(name)).values(), sep='', end='')"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout == "".join(text_of(lowered(name)) for name in names), process.stderr


def test_a_module_runs_by_itself_with_warnings_as_errors(tmp_path):
    one = lowered("every function")
    (tmp_path / "cell.py").write_text(text_of(one), encoding="utf-8")
    code = (
        "import numpy as np, cell; random = np.random.default_rng(0).normal\n"
        "x, h0, w = random(size=(3, 2, 4)), random(size=(2, 4)), random(size=4)\n"
        "y, h_n, saved = cell.forward(100 * x, h0, {'w': w})\n"
        "dx, dh0, grads = cell.backward(100 * x, {'w': w}, saved, y, h_n)\n"
        "assert y.shape == dx.shape == (3, 2, 4) and grads['w'].shape == (4,)"
    )
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 0, process.stderr


def test_a_name_of_a_saved_tensor_is_that_of_the_kernel_without_its_prefix():
    one = lowered("gru", "torch")
    sizes = some_sizes(one.forward)
    given = random_arrays(one, sizes, 3)
    _, saved = forward(one, loaded(text_of(one)), given)
    want = of_kinds(one.forward, run(one.forward, sizes, given), Kind.SAVED)
    assert_close({f"saved_{key}": value for key, value in saved.items()}, want, 1e-12)
