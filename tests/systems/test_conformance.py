"""No false alarm: implementations that are right conform, in float32 and float64.

GRUSYM_CONFORMANCE says how many cases each is judged on (10 unless it is set; a campaign for figures to report, 1000).
"""

import os
from dataclasses import replace

import numpy as np
import pytest

from grusym.oracle.callables import Callables
from grusym.oracle.check import judge, plan_of
from grusym.oracle.report import CONFORMS, NONCONFORMING
from grusym.oracle.spec import Spec
from grusym.oracle.targets.target import target_of
from grusym.runtime.kernel import build
from tests.systems.keras_layers import WARNING
from tests.systems.presence import require

pytestmark = [pytest.mark.systems, pytest.mark.filterwarnings(WARNING)]
CASES = int(os.environ.get("GRUSYM_CONFORMANCE", "10"))
DTYPES = ["float32", "float64"]
FLUSHING = {"float32": "fp32-ftz", "float64": "fp64-ftz"}  # on CPUs, XLA computes with zeros for subnormal numbers


class Fixed(Callables):
    """Functions that compile anew for every size: all cases have the same."""

    fixed = {"T": 3, "B": 4, "I": 5, "H": 6}  # noqa: RUF012 - what a subject has


def conforms(subject, plan):
    report = judge(subject, plan)
    worst = max(report.checks, key=lambda result: result.worst_ratio)
    found = f"worst error/bound {worst.worst_ratio:.3f} in {worst.id}, {report.case_of(worst)}"
    print(f"\n{subject.name} {plan.dtype} by {plan.profile.name}, {CASES} cases: {found}")
    assert report.verdict == CONFORMS, report.failures
    assert 0 < worst.worst_ratio < 1
    assert {result.id for result in report.checks if result.cases} >= {"forward-step", "forward-sequence", "saturation"}


def by_run(run, convention, dtype, name, made=Callables, cell="gru", profile=None):
    """A system of tests/systems as a subject."""
    plan = plan_of(convention, dtype, cell, profile, CASES, 0)

    def forward(x, h0, params):
        found = run(plan.cell, params, {"x": x, "h0": h0}, {})
        return found["y"], found["h_n"]

    def vjp(x, h0, params, dy, dh_n):
        found = run(plan.cell, params, {"x": x, "h0": h0}, {"dy": dy, "dh_n": dh_n})
        return {name: np.asarray(found[f"d{name}"]) for name in ("x", "h0", *params)}

    return made(forward, vjp, name), plan


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", ["numpy", "c"])
def test_kernels_of_grusym(target, dtype):
    kernel = build("gru", target, dtype, "torch")

    def forward(x, h0, params):
        tape = kernel.forward(x, h0, params)
        return tape.y, tape.h_n

    def vjp(x, h0, params, dy, dh_n):
        grads = kernel.backward(kernel.forward(x, h0, params), dy, dh_n)
        return {"x": grads.x, "h0": grads.h0, **grads.params}

    conforms(Callables(forward, vjp, f"grusym {target}"), plan_of("torch", dtype, "gru", None, CASES, 0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_pytorch(dtype):
    require("torch", "torch")
    plan = plan_of("torch", dtype, "gru", None, CASES, 0)
    conforms(target_of("torch.nn:GRU").load(plan), plan)


def test_onnx_runtime(tmp_path):
    """In float32 alone: it has no float64 GRU on CPUs (see test_onnxruntime.py for what it says of one)."""
    require("onnxruntime", "onnxruntime")
    from onnx import save

    from tests.systems.agreement import lowered_of, random_params, random_series
    from tests.systems.onnx_models import model, node_of

    for reset in ("before", "after"):
        lowered, sizes = lowered_of(f"gru:reset={reset}", "onnx"), {"T": 3, "B": 2, "I": 4, "H": 5}
        arrays, (given, _) = random_params(lowered, sizes, "float32", 0), random_series(lowered, sizes, "float32", 0)
        path = tmp_path / f"{reset}.onnx"
        save(model(node_of(lowered.cell), arrays, {"X": given["x"], "initial_h": given["h0"][None]}), path)
        for part in target_of(str(path)).parts(plan_of("onnx", "float32", "gru", None, CASES, 0)):
            conforms(part.load(), part.plan)


@pytest.mark.parametrize(
    ("cell", "dtype"), [("gru:reset=after", "float32"), ("gru:reset=after", "float64"), ("gru:reset=before", "float32")]
)
def test_keras(cell, dtype):
    require("keras", "keras")
    from tests.systems.keras_layers import import_on_torch, run

    import_on_torch()
    conforms(*by_run(run, "keras", dtype, f"Keras {cell}", cell=cell))


@pytest.mark.usefixtures("jax_in_float64")
@pytest.mark.parametrize("dtype", DTYPES)
def test_flax(dtype):
    require("flax", "flax")
    from tests.systems.test_flax_linen import run

    conforms(*by_run(run, "flax_linen", dtype, "Flax linen", Fixed, profile=FLUSHING[dtype]))


@pytest.mark.usefixtures("jax_in_float64")
@pytest.mark.parametrize("dtype", DTYPES)
def test_flax_takes_subnormal_numbers_for_zero(dtype):
    """Its bounds are wider for a reason: by those of arithmetic that has subnormal numbers it does not conform."""
    require("flax", "flax")
    from tests.systems.test_flax_linen import run

    subject, plan = by_run(run, "flax_linen", dtype, "Flax linen", Fixed)
    report = judge(subject, replace(plan, only=Spec((3, 4, 5, 6), 4, "subnormal")))
    assert report.verdict == NONCONFORMING
    assert any(f"by the profile {FLUSHING[dtype]}" in note for note in report.notes)
