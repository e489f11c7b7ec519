"""What a report says: verdicts, the failing example, JSON, and the table."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from grusym.emit.numpy_kernel import emit_numpy
from grusym.equations.library import cell
from grusym.errors import InputError
from grusym.lower.lowered import lower
from grusym.verify import judge
from grusym.verify.comparison import worst
from grusym.verify.problem import problem, some_sizes
from grusym.verify.report import Report, print_report
from grusym.verify.run import compare, verify, verify_kernels
from grusym.verify.subject import answers, subject


def shown(report):
    text = io.StringIO()
    print_report(report, Console(file=text, width=80, no_color=True))
    return text.getvalue()


@pytest.fixture(scope="module")
def rnn():
    return lower(cell("rnn"), "torch")


@pytest.fixture(scope="module")
def broken(rnn):
    """The report on a kernel whose dW_hh is wrong for more than one unit."""
    ((name, text),) = emit_numpy(rnn).items()
    mutant = text.replace("@ U\n", "@ U.T\n")
    assert mutant != text
    return verify_kernels([subject(rnn, "numpy", "float64", {name: mutant})], examples=6)


def test_a_failure_shows_the_first_and_smallest_problem(broken, rnn):
    (check,) = (check for check in broken.checks if check.id == "torch-gradient")
    assert check.verdict == "failed"
    assert check.worst_error > check.tolerance == 1e-12
    where = check.where
    failing = [sizes for sizes in some_sizes(["T", "B", "I", "H"], 6, 0) if sizes["H"] > 1]
    assert where.sizes == failing[0]
    again = problem(rnn, where.sizes, "float64", where.seed)
    right = judge.gather_evidence(rnn, where.sizes, "float64", 0)
    assert {k: v.tolist() for k, v in again.arrays.items()} == {k: v.tolist() for k, v in right.problem.arrays.items()}
    assert right.want["torch-gradient"][where.tensor][where.index] == where.want
    assert abs(where.got - where.want) > 1e-6


def test_a_failing_report_is_shown_and_told(broken):
    assert broken.verdict == "failed"
    assert not broken.ok
    text = shown(broken)
    assert "rnn  numpy  float64 runs" in text
    assert "rnn numpy float64 torch-gradient: d" in text
    assert "for T=" in text
    assert max(map(len, text.split("rnn numpy float64")[0].splitlines())) <= 80
    told = json.loads(json.dumps(broken.to_json()))
    assert told["verdict"] == "failed"
    assert {check["id"] for check in told["checks"]} == {"runs", *judge.CHECKS}
    (check,) = (check for check in told["checks"] if check["id"] == "torch-gradient")
    assert set(check) == {
        "cell", "target", "dtype", "id", "verdict", "examples", "undecided", "worst_error", "tolerance", "where",
        "reason",
    }  # fmt: skip
    assert set(check["where"]) == {"tensor", "index", "sizes", "seed", "got", "want"}


def test_without_torch_the_checks_are_skipped_and_nothing_is_green(monkeypatch):
    monkeypatch.setattr(judge, "missing", lambda: "PyTorch cannot be imported (none here); install grusym[torch]")
    report = verify("rnn", targets=("numpy",), dtypes=("float64",), examples=1)
    assert {check.id: check.verdict for check in report.checks if check.verdict != "passed"} == {
        "torch-forward": "skipped",
        "torch-gradient": "skipped",
    }
    assert report.verdict == "inconclusive"
    assert not report.ok
    assert "torch-forward, torch-gradient skipped: PyTorch cannot be imported (none here)" in shown(report)


def test_a_problem_that_decides_nothing_is_not_passed():
    """Of one unit, the variance is zero: rounding may exceed whole gradients, and a bound that wide hides bugs."""
    layer = lower(cell("lngru"))
    kernel = subject(layer, "numpy", "float64")
    flat, rich = (
        judge.gather_evidence(layer, {"T": 2, "B": 2, "I": 3, "H": extent}, "float64", 0) for extent in (1, 5)
    )
    alone, both = (compare([kernel], heard) for heard in ([flat], [flat, rich]))
    assert alone.verdict == "inconclusive"
    (check,) = (check for check in alone.checks if check.id == "interpreter")
    assert (check.verdict, check.examples, check.undecided) == ("skipped", 0, 1)
    assert check.reason == "in every problem that was drawn, rounding alone may exceed a whole tensor"
    assert both.ok
    (check,) = (check for check in both.checks if check.id == "interpreter")
    assert (check.verdict, check.examples, check.undecided) == ("passed", 1, 1)
    assert check.tolerance < 1e-9  # of the problem that decides
    told = shown(both)
    assert "interpreter        1/2" in told
    assert "undecided in some problems: rounding alone may exceed a whole tensor there" in told


def test_a_report_of_nothing_is_not_green():
    assert Report(()).verdict == "inconclusive"


def test_the_same_seed_gives_the_same_report():
    one, same, other = (verify("rnn", ("numpy",), ("float32",), examples=3, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_progress_is_told():
    told = []
    verify("rnn", ("numpy",), ("float64",), examples=2, on_progress=told.append)
    assert told == ["rnn float64, problem 1 of 2", "rnn float64, problem 2 of 2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"examples": 0}, "examples=0: at least 1 random problem is needed"),
        ({"targets": ("fortran",)}, "unknown target 'fortran'; one can verify c and numpy"),
        ({"dtypes": ("float16",)}, "kernels are verified in float32 and float64, not in 'float16'"),
    ],
)
def test_wrong_use_is_refused(arguments, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        verify("rnn", **arguments)


def test_a_kernel_that_cannot_answer_fails(rnn):
    ((name, text),) = emit_numpy(rnn).items()
    mutant = text.replace("    h_n = h\n", "    h_n = h[0]\n")
    assert mutant != text
    report = verify_kernels([subject(rnn, "numpy", "float64", {name: mutant})], examples=2)
    assert report.verdict == "failed"
    assert report.checks[0].reason == "h_n is float64 (1,), not float64 (1, 1), for T=1 B=1 I=1 H=1, seed 0"
    assert {check.verdict for check in report.checks[1:]} == {"skipped"}


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_what_is_no_number_is_as_wrong_as_can_be(wrong):
    want = {"y": np.array([1.0, 2.0])}
    deviation = worst({"y": np.array([1.0, wrong])}, want, {"y": np.array(1e-12)})
    assert deviation.index == (1,)
    assert deviation.ratio > 1


def test_sizes_begin_small_and_hold_every_extreme():
    sizes = some_sizes(["T", "B", "I", "H"], 10, seed=0)
    assert sizes[0] == {"T": 1, "B": 1, "I": 1, "H": 1}
    assert any(len(set(size.values())) == 4 for size in sizes)
    for name in "TBIH":
        others = [size for size in sizes if size[name] == 1 and min(v for k, v in size.items() if k != name) > 1]
        assert others, name
    volumes = [np.prod(list(size.values())) for size in sizes]
    assert volumes == sorted(volumes)


def test_a_saturated_sample_stands_beside_others(rnn):
    x = problem(rnn, {"T": 6, "B": 3, "I": 4, "H": 5}, "float64", 0).arrays["x"]
    assert abs(x[:, 0]).max() > 4
    assert abs(x[:, 1:]).max() <= 1


def test_a_float32_problem_can_be_held_in_float32(rnn):
    drawn = problem(rnn, {"T": 2, "B": 3, "I": 4, "H": 5}, "float32", 0)
    for name, array in drawn.arrays.items():
        assert array.dtype == np.float64
        np.testing.assert_array_equal(drawn.cast(name), array)


def test_a_kernel_is_judged_on_what_it_was_given(rnn):
    kernel = subject(rnn, "c", "float32")
    drawn = problem(rnn, {"T": 2, "B": 3, "I": 4, "H": 5}, "float32", 0)
    assert set(answers(kernel, drawn)) == {
        "y", "h_n", "dx", "dh0", "dweight_ih", "dweight_hh", "dbias_ih", "dbias_hh"
    }  # fmt: skip
