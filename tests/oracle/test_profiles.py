"""Implementations whose arithmetic is another than the default one are judged by the profile that says so."""

import numpy as np
import pytest

from grusym.oracle.bounds import Bounds, exactly
from grusym.oracle.callables import Callables
from grusym.oracle.check import check, judge, plan_of
from grusym.oracle.flushing import flushing_note
from grusym.oracle.profile import profile_named
from grusym.oracle.report import CONFORMS, NONCONFORMING
from tests.oracle.implementations import gru, gru_vjp

CASE = "T=3,B=4,I=5,H=6,seed=0,kind=subnormal"


class Flushing(np.ndarray):
    """An array whose operations take subnormal numbers for zero and return zero for them, as XLA's do on CPUs."""

    def __array_ufunc__(self, ufunc, method, *arguments, out=(), **options):
        plain = [flushed(argument) for argument in arguments]
        found = products(*plain) if ufunc is np.matmul else getattr(ufunc, method)(*plain, **options)
        found = np.asarray(flushed(found)).view(Flushing)
        for place in out:
            place.view(np.ndarray)[...] = found
        return out[0] if out else found


def products(one, other):
    """The matrix product, every product flushed before it is added."""
    return flushed(one[:, :, None] * other).sum(axis=1)


def flushed(array):
    """A Python number stays one: it takes the type of the arrays that it meets."""
    if not isinstance(array, np.ndarray | np.generic) or array.dtype.kind != "f":
        return array
    plain = np.asarray(array)
    return np.where(np.abs(plain) < np.finfo(plain.dtype).tiny, plain.dtype.type(0), plain)


def flushing(function):
    def called(x, h0, params, *cotangents):
        arrays = [array.view(Flushing) for array in (x, h0, *cotangents)]
        params = {name: array.view(Flushing) for name, array in params.items()}
        found = function(*arrays[:2], params, *arrays[2:])
        if isinstance(found, dict):
            return {name: np.asarray(array) for name, array in found.items()}
        return tuple(np.asarray(array) for array in found)

    return called


@pytest.mark.parametrize(("dtype", "profile"), [("float32", "fp32-ftz"), ("float64", "fp64-ftz")])
def test_one_that_flushes_subnormal_numbers_conforms_only_where_that_is_stated(dtype, profile):
    functions = flushing(gru), flushing(gru_vjp)
    stated = check(*functions, dtype=dtype, profile=profile, max_examples=5)
    assert stated.verdict == CONFORMS, stated.failures
    report = check(*functions, dtype=dtype, case=CASE)
    assert report.verdict == NONCONFORMING
    assert "vjp-weight_ih" in {failure.id for failure in report.failures}
    assert not report.diagnosis
    assert len(report.notes) == 1
    assert f"judge it by the profile {profile}" in report.notes[0]
    assert check(gru, gru_vjp, dtype=dtype, case=CASE).verdict == CONFORMS


@pytest.mark.parametrize("more", [0.5, 1e-30])  # flushing alone is off by some 1e-44 here
def test_one_that_flushes_and_is_wrong_besides_is_not_said_to_flush_only(more):
    def shifted(*arguments):
        return {name: array + np.float32(more) * (name == "weight_ih") for name, array in gru_vjp(*arguments).items()}

    functions = flushing(gru), flushing(shifted)
    plan = plan_of("torch", "float32", "gru", None, 1, 0, CASE)
    report = judge(Callables(*functions), plan, diagnosing=False)
    assert "vjp-weight_ih" in {failure.id for failure in report.failures}
    assert flushing_note(Callables(*functions), plan, report.checks) is None


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_term_of_a_sum_may_be_flushed(count):
    profile = profile_named("fp32-ftz", "float32")
    largest = float(np.nextafter(np.finfo(np.float32).tiny, np.float32(0)))
    arithmetic = Bounds(profile)
    terms = arithmetic.add([exactly(np.full(3, largest))] * count)
    assert (arithmetic.error(terms) >= count * largest).all()
    assert (arithmetic.error(arithmetic.multiply([terms, exactly(np.full(3, 100.0))])) >= 100 * count * largest).all()


def test_a_zero_is_no_term_of_a_sum():
    arithmetic = Bounds(profile_named(None, "float32"))
    given = exactly(np.array([3.0, 0.0, 0.0, 5.0]))
    few = arithmetic.error(arithmetic.total(given, (4,), 1))
    assert few == arithmetic.error(arithmetic.add([exactly(3.0), exactly(5.0)])) > 0
    nothing = arithmetic.multiply([exactly(0.0), exactly(7.0)])
    assert arithmetic.error(arithmetic.add([nothing, nothing])) == 0
