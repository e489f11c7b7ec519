"""Extents at which the equations have no value: refused in a sentence wherever sizes come in, and never computed."""

import numpy as np
import pytest

import grusym
from grusym.conventions.packing import numbers
from grusym.equations.cell import Cell
from grusym.errors import InputError
from grusym.lower.ir import Kind
from tests.runtime.kernels import TARGETS, params_of

pytestmark = pytest.mark.usefixtures("cache")
SIZES = {"T": 2, "B": 2, "D": 2, "H": 2, "P": 3, "Q": 4, "K": 3, "L": 1}
HEADS = Cell.parse(
    "heads(x[j], h[i]) -> h'[i]  axes j: I  i: H\n"
    "  h'[i] = tanh(W[i,j] x[j]/(I-H) + (2 i/(H-1) - 1) h[i])"  # of parameters alone: known when they are packed
)


def arrays(kernel, **sizes):
    sizes, random = {**SIZES, "I": 3, **sizes}, np.random.default_rng(0)
    buffers = kernel.lowered.forward.of_kind(Kind.INPUT, Kind.PARAMETER)
    return {b.name: random.uniform(-1, 1, numbers(b.shape, sizes)).astype(kernel.dtype) for b in buffers}


REFUSED = [
    ({name: 1}, f"{name} is 1, but the equations divide by {name} - 1", f"the axis {name} needs at least 2 elements")
    for name in "QP"
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("sizes", "wrong", "remedy"), REFUSED)
def test_one_position_along_an_axis_is_refused(build, target, sizes, wrong, remedy):
    kernel = build("coordconvgru", target)
    given = arrays(kernel, **sizes)
    packed = kernel.pack(params_of(kernel, given))  # which has no positions, and is packed at any
    for params in (packed, params_of(kernel, given)):
        with pytest.raises(InputError) as caught:
            kernel.forward(given["x"], given["h0"], params)
        assert str(caught.value) == f"{wrong}, which then has no value; {remedy}"


@pytest.mark.parametrize("target", TARGETS)
def test_without_coordinates_one_position_is_as_good_as_any(build, target):
    kernel = build("convgru", target)
    given = arrays(kernel, P=1, Q=1)
    tape = kernel.forward(given["x"], given["h0"], params_of(kernel, given))
    assert np.isfinite(tape.y).all()


@pytest.mark.parametrize("target", TARGETS)
def test_two_positions_are_enough_and_packing_does_not_depend_on_them(build, target):
    kernel = build("coordconvgru", target)
    given = arrays(kernel, P=2, Q=2)
    params = params_of(kernel, given)
    tape = kernel.forward(given["x"], given["h0"], kernel.pack(params))
    gradients = kernel.backward(tape, np.ones_like(tape.y))
    for array in (tape.y, gradients.x, *gradients.params.values()):
        assert np.isfinite(array).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"H": 1}, "H is 1, but the equations divide by H - 1, which then has no value; the axis H needs at least 2 "
                   "elements"),
        ({"H": 3}, "H is 3 and I is 3, but the equations divide by -H + I, which then has no value; choose sizes with "
                   "H - I != 0"),
    ],
)  # fmt: skip
def test_extents_of_parameters_are_refused_when_they_are_packed(target, sizes, message):
    kernel = grusym.build(HEADS, target=target, dtype="float64")
    with pytest.raises(InputError) as caught:
        kernel.pack(params_of(kernel, arrays(kernel, **sizes)))
    assert str(caught.value) == message


def test_the_generated_module_refuses_by_itself(build):
    kernel = build("coordconvgru", "numpy")
    module = kernel.backend.module
    given = arrays(kernel)
    params = params_of(kernel, given)
    *_, saved = module.forward(given["x"], given["h0"], params)
    for sizes, wrong, remedy in REFUSED:
        narrow = arrays(kernel, **sizes)
        with pytest.raises(ValueError) as caught:  # noqa: PT011  compared below
            module.forward(narrow["x"], narrow["h0"], params)
        assert str(caught.value) == f"{wrong}; {remedy}"
        cut = {name: array[tuple(slice(n) for n in shape_at(kernel, name, sizes))] for name, array in saved.items()}
        dy = np.zeros((SIZES["T"], *narrow["h0"].shape))
        with pytest.raises(ValueError) as caught:  # noqa: PT011  compared below
            module.backward(narrow["x"], params, cut, dy, dy[0])
        assert str(caught.value) == f"{wrong}; {remedy}"


def shape_at(kernel, name, sizes):
    (buffer,) = (b for b in kernel.lowered.forward.of_kind(Kind.SAVED) if b.name == f"saved_{name}")
    return numbers(buffer.shape, {**SIZES, **sizes})


def test_the_module_of_several_sizes_compares_them():
    module = grusym.build(HEADS, target="numpy", dtype="float64").backend.module
    with pytest.raises(ValueError, match=r"^H is 3 and I is 3, but the equations divide by -H \+ I; choose sizes with"):
        module.forward(np.zeros((1, 1, 3)), np.zeros((1, 3)), {"W": np.zeros((3, 3))})
