"""Reports of every kind, made by hand."""

from grusym.oracle.report import CheckResult, Diagnosis, Expectation, Location, Report, Where
from grusym.oracle.spec import Spec

INF, NAN = float("inf"), float("nan")
HOSTILE = "evil\x1b[31m<script>alert('&\")</script>\x00\nnext:forward"
SMALL, LONG = Spec((1, 1, 1, 1), 0), Spec((3, 4, 5, 6), 8)
CURVE = (("y", (0.1, 25.0, INF)),)
PASSED = CheckResult("final-state", "pass", 0.125, Where("h_n", (1, 2), -1, 0.5, 0.5, 1e-7), "", 29, LONG)
EXPECTED = Expectation(3.25, Where("y", (2, 1, 0), 2, 0.5, 0.5000001, 3e-8), LONG)
LOSSY = CheckResult("forward-step", "pass", 0.9, PASSED.where, "", 29, LONG, expectation=EXPECTED)
FAILED = CheckResult(
    "forward-step", "fail", 25.0, Where("y", (0, 0, 0), 0, 0.25, 0.5, 0.01), "", 30, SMALL, CURVE, LONG
)
NOT_A_NUMBER = CheckResult(
    "vjp-weight_hh", "fail", INF, Where("dweight_hh", (4, 2), -1, NAN, 0.5, 1e-7, "dU_z[1, 2]"), "", 3, LONG
)
RAISED = CheckResult("exception", "fail", INF, None, f"forward raised ValueError: {HOSTILE}", 5, SMALL)
VAGUE = CheckResult("saturation", "inconclusive", 0.0, None, "the bounds are infinite", 4, LONG)
LEFT_OUT = tuple(CheckResult(name, "skipped", message="no gradients were given") for name in ("vjp-x", "vjp-weight_ih"))
FOUND = (
    Diagnosis(
        "reset-before",
        "the reset gate is applied before the matrix",
        0.2,
        30,
        "n[i] = r[i] <u[i]>",
        ("same",),
        runner_up="gate-order:zrn",
        margin=3e5,
    ),
    Diagnosis(
        "final-state",
        "it is named like its check",
        INF,
        1,
        "the last is returned: h_n = h[T-1], of every sample",
        together=("reset-before",),
    ),
)


def report(*checks, target="mygru:forward", diagnosis=(), error="", location=None):
    command = f"grusym check '{target}' --case T=1" if not error else ""
    sizes = ("T", "B", "I", "H")
    return Report(target, "gru", "torch", "float32", "fp32", 7, checks, diagnosis, command, (), sizes, location, error)


REPORTS = {
    "conforms": report(PASSED, *LEFT_OUT),
    "lossy": report(PASSED, LOSSY),
    "nonconforming": report(PASSED, FAILED, NOT_A_NUMBER, diagnosis=FOUND, location=Location("src/my gru.py", 12)),
    "raised": report(RAISED, target=HOSTILE),
    "inconclusive": report(PASSED, VAGUE),
    "error": report(error=f"cannot import mygru: {HOSTILE}"),
}
