"""Test vectors: cases with their exact results, correctly rounded, and bounds, for projects in any language."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grusym.conventions.library import CONVENTIONS, cell_in
from grusym.equations.cell import Cell
from grusym.equations.layer import Layer
from grusym.errors import InputError
from grusym.oracle.balls import Ball, precision
from grusym.oracle.case import Arrays, Case
from grusym.oracle.gate_b import Sequence as Whole
from grusym.oracle.profile import DEFAULTS, PROFILES
from grusym.oracle.spec import Spec, case_named, materialise, rich_sizes

BITS = 256  # enough to round a result correctly but for one case in 2^200


@dataclass(frozen=True)
class Vector:
    """One case: what goes in, what comes out correctly rounded, and how far off it may be under each profile.

    Arrays go by the names of the oracle's contract: x, h0, the convention's parameters, dy, dh_n; y, h_n; dx, dh0,
    d<parameter>. `kills` says how many bounds each known mistake is off here.
    """

    name: str
    case: Case
    spec: Spec
    inputs: Arrays
    expected: Arrays
    bounds: dict[str, Arrays]
    kills: Mapping[str, float] = field(default_factory=dict)


def vector(spec: Spec, cell: Cell | str, convention: str | None, dtype: str) -> Vector:
    """The vector of a case.

    Raises InputError for a cell or a convention that does not exist, or where a result lies too near the middle of two
    numbers to be rounded.
    """
    if dtype not in DEFAULTS:
        raise InputError(f"unknown dtype {dtype!r}; choose {', '.join(DEFAULTS)}")
    profiles = [profile for profile in PROFILES.values() if profile.dtype == dtype]
    own = cell_in(cell, convention)
    case = materialise(spec, own, convention, dtype)
    inputs = {name: case.cast(array) for name, array in case.inputs.items()}
    inputs |= {f"{name}0": case.cast(array) for name, array in case.initial.items()} | case.params()
    inputs |= {f"d{name}": case.cast(array) for name, array in case.dy.items()}
    inputs |= {f"d{name}_n": case.cast(array) for name, array in case.dh.items()}
    with precision(BITS):
        exact = Whole(case, profiles[0], BITS)
        wanted = _packed(case, _results(case, exact, 0), object)
        expected = {name: rounded(Ball(array), dtype, name) for name, array in wanted.items()}
        bounds = {}
        for profile in profiles:
            allowed = _packed(case, _results(case, Whole(case, profile, BITS, exact), 1), np.float64)
            bounds[profile.name] = {name: _up(array, expected[name]) for name, array in allowed.items()}
    name = f"{own.symbol}_{convention or 'own'}_{dtype}_{spec.kind}"
    return Vector(name, case, spec, inputs, expected, bounds)


def _results(case: Case, whole: Whole, part: int) -> Arrays:
    """Balls (part 0) or bounds (part 1) of outputs and gradients, by the names of the cell."""
    outputs = {name: _parts(pair)[part] for name, pair in whole.outputs().items()}
    gradients = {name: _parts(pair)[part] for name, pair in whole.gradients().items()}
    found = {s.name: outputs[s.name] for s in Layer(case.cell).series}
    found |= {f"{state.name}_n": outputs[f"final {state.name}"] for state in case.cell.states}
    found |= {f"d{name}": gradients[name] for name in case.inputs}
    found |= {f"d{name}0": gradients[name] for name in case.initial}
    return found | {f"parameter {name}": gradients[name] for name in case.tensors}


def _packed(case: Case, found: Arrays, dtype: type) -> Arrays:
    """The same by the contract's names: gradients of parameters packed as the convention packs the parameters."""
    layout = case.layout
    arrays: Arrays = {f"d{name}": np.zeros(array.shape, dtype) for name, array in case.params().items()}
    for place in layout.placements:
        place.view(arrays[f"d{layout.key(place.buffer)}"], case.sizes)[...] = found.pop(f"parameter {place.tensor}")
    return found | arrays


def _parts(pair: tuple[Ball, Any]) -> tuple[Any, Any]:
    ball, bound = pair
    return ball.array, np.broadcast_to(bound, ball.shape)


def rounded(ball: Ball, dtype: str, name: str) -> Any:
    """The numbers of a dtype nearest to balls. Raises InputError where that is not sure."""
    nearest = ball.middle().astype(dtype)
    distance = ball.distance(nearest)
    for direction in (-np.inf, np.inf):
        other = np.nextafter(nearest, np.asarray(direction, dtype=dtype))
        gap = np.abs(other.astype(np.float64) - nearest.astype(np.float64))
        if (distance > gap / 2).any():
            raise InputError(
                f"{name} cannot be rounded to {dtype}: it lies in the middle of two numbers; take another seed"
            )
    return nearest


def _up(bound: Any, expected: Any) -> Any:
    """The bound on the distance to the rounded result, as float64, with few digits, rounded up."""
    half_ulp = np.spacing(np.abs(expected)).astype(np.float64) / 2
    with np.errstate(divide="ignore"):
        total = bound + half_ulp
        digits = 10.0 ** (np.floor(np.log10(np.where(total > 0, total, 1.0))) - 2)
    return np.where(total > 0, np.ceil(total / digits) * digits, 0.0)


def asked(cell: str, convention: str, dtypes: Sequence[str], cases: Sequence[str]) -> tuple[str, list[Vector]]:
    """A name and the vectors of these cases ("T=3,B=4,I=5,H=6,seed=7,kind=plain"), or of two that tell much.

    Raises InputError for what does not exist.
    """
    own = cell_in(cell, convention)
    rich = [Spec(rich_sizes(own), 1, kind) for kind in ("plain", "saturated")]
    specs = [case_named(case, own) for case in cases] or rich
    made = [vector(spec, cell, convention, dtype) for dtype in dtypes for spec in specs]
    return f"{own.symbol}_{convention}", made


def committed() -> Iterator[tuple[str, list[Vector]]]:
    """The vectors under codegen/vectors/: those of PyTorch's GRU in full, one of every system's GRU in its packing."""
    yield (
        "gru_torch",
        [
            vector(Spec(rich_sizes(cell_in("gru", "torch")), 1, kind), "gru", "torch", dtype)
            for dtype in ("float32", "float64")
            for kind in ("plain", "saturated")
        ],
    )
    small = (3, 2, 3, 4)
    for name, record in CONVENTIONS.items():
        if "gru" in record.forms and name != "torch":
            yield f"gru_{name}", [vector(Spec(small, 1), "gru", name, "float32")]
