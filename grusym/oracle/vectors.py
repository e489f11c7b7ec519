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
from grusym.oracle.kills import kills
from grusym.oracle.layers import layer_gradients, outputs
from grusym.oracle.profile import DEFAULTS, PROFILES, Profile
from grusym.oracle.spec import Spec, allowed_sizes, both_directions, case_named, materialise, rich_sizes, with_lengths

DTYPES = ("float64", "float32", "float16")
BITS = (256, 4096)  # the second where gates are so far at their ends that 1 - z needs it


@dataclass(frozen=True)
class Vector:
    """One case: what goes in, what comes out correctly rounded, and how far off it may be under each profile.

    Arrays go by the names of the oracle's contract: x, h0, the convention's parameters, dy, dh_n; y, h_n; dx, dh0,
    d<parameter>. `kills` says how many bounds each known mistake is off here.
    """

    name: str
    case: Case
    spec: Spec
    layer: bool
    inputs: Arrays
    expected: Arrays
    bounds: dict[str, Arrays]
    kills: Mapping[str, float] = field(default_factory=dict)


def vector(spec: Spec, cell: Cell | str, convention: str | None, dtype: str, layer: bool = False) -> Vector:
    """The vector of a case; as a `layer` it has sequences of different lengths, and both directions.

    Raises InputError for a cell or a convention that does not exist, or where a result lies too near the middle of two
    numbers to be rounded.
    """
    if dtype not in DTYPES:
        raise InputError(f"there are no vectors of {dtype!r}; choose {', '.join(DTYPES)}")
    own = cell_in(cell, convention)
    case = materialise(spec, own, convention, dtype)
    if layer:
        case = with_lengths(both_directions(spec, case), spec.seed)
    inputs = {name: case.cast(array) for name, array in case.inputs.items()}
    inputs |= {f"{name}0": case.cast(array) for name, array in case.initial.items()} | case.params()
    inputs |= {f"d{name}": case.cast(array) for name, array in case.dy.items()}
    inputs |= {f"d{name}_n": case.cast(array) for name, array in case.dh.items()}
    inputs |= {"lengths": case.cast(case.lengths)} if layer else {}
    found, expected = _rounded_results(case)
    first = found[DEFAULTS[dtype]]
    middles = {name: Ball(array).middle() for name, (array, _) in first.results.items()}
    bounds = {}
    for name, each in found.items():
        reached = {key: bound for key, (_, bound) in each.results.items()}
        allowed = _packed(case, reached, np.float64)
        bounds[name] = {key: _up(array, expected[key]) for key, array in allowed.items()}
    killed = kills(case, middles, {name: bound for name, (_, bound) in first.results.items()})
    sizes = "x".join(map(str, spec.sizes))
    name = f"{own.symbol}_{convention or 'own'}_{dtype}_{'layer' if layer else spec.kind}_{sizes}"
    return Vector(name, case, spec, layer, inputs, expected, bounds, killed)


def _rounded_results(case: Case) -> "tuple[dict[str, References], Arrays]":
    """References under every profile of the type, and correctly rounded results, with as many bits as it takes."""
    for bits in BITS:
        found: dict[str, References] = {}
        with precision(bits):
            for profile in PROFILES.values():
                if profile.dtype == case.dtype:
                    found[profile.name] = references(case, profile, next(iter(found.values()), None), bits)
            exact = {name: array for name, (array, _) in next(iter(found.values())).results.items()}
            try:
                results = _packed(case, exact, object).items()
                return found, {name: rounded(Ball(array), case.dtype, name) for name, array in results}
            except InputError:
                if bits == BITS[-1]:
                    raise
    raise AssertionError


@dataclass(frozen=True)
class References:
    """Balls and bounds by the names of a program's results: "series y", "final h", gradients by those of tensors."""

    results: Mapping[str, tuple[Any, Any]]
    whole: Whole | None = None


def references(case: Case, profile: Profile, known: References | None, bits: int) -> References:
    """The exact results of a case, and how far off an implementation of this arithmetic may be.

    `known` are those under another profile: their balls are the same.
    """
    if case.directions > 1 or case.lengths is not None:
        found = {_title(n): _parts(pair) for n, pair in outputs(case, profile, bits).items()}
        return References(found | {n: _parts(pair) for n, pair in layer_gradients(case, profile, bits).items()})
    whole = Whole(case, profile, bits, known.whole if known else None)
    found = {_title(name): _parts(pair) for name, pair in whole.outputs().items()}
    return References(found | {name: _parts(pair) for name, pair in whole.gradients().items()}, whole)


def _title(name: str) -> str:
    return name if name.startswith("final ") else f"series {name}"


def _packed(case: Case, found: Mapping[str, Any], dtype: type) -> Arrays:
    """The same by the contract's names: gradients of parameters packed as the convention packs the parameters."""
    layout = case.layout
    arrays: Arrays = {s.name: found[f"series {s.name}"] for s in Layer(case.cell).series}
    arrays |= {f"{state.name}_n": found[f"final {state.name}"] for state in case.cell.states}
    arrays |= {f"d{name}": found[name] for name in case.inputs}
    arrays |= {f"d{name}0": found[name] for name in case.initial}
    arrays |= {f"d{name}": np.zeros(array.shape, dtype) for name, array in case.params().items()}
    for way in ("", "_reverse")[: case.directions]:
        for place in layout.placements:
            place.view(arrays[f"d{layout.key(place.buffer)}{way}"], case.sizes)[...] = found[f"{place.tensor}{way}"]
    return arrays


def _parts(pair: tuple[Ball, Any]) -> tuple[Any, Any]:
    ball, bound = pair
    return ball.array, np.broadcast_to(bound, ball.shape)


def rounded(ball: Ball, dtype: str, name: str) -> Any:
    """The numbers of a dtype nearest to balls. Raises InputError where that is not sure."""
    nearest = ball.middle().astype(dtype)
    below, above = (np.nextafter(nearest, np.asarray(end, dtype=dtype)) for end in (-np.inf, np.inf))
    if not ball.between(nearest, below, above).all():
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
    """A name and the vectors of these cases ("T=3,B=4,I=5,H=6,seed=7,kind=plain"), or of some that tell much.

    Raises InputError for what does not exist, and where a known mistake would not be seen by those that tell much.
    """
    own = cell_in(cell, convention)
    if cases:
        made = [vector(case_named(case, own), cell, convention, dtype) for dtype in dtypes for case in cases]
    else:
        made = certified([one for dtype in dtypes for one in telling(own, convention, dtype)])
    return f"{own.symbol}_{convention}", made


def telling(cell: Cell, convention: str | None, dtype: str) -> list[Vector]:
    """Vectors that together see every known mistake: plain, saturated, with sizes that are alike, and as a layer."""
    rich = rich_sizes(cell)
    alike = allowed_sizes(cell, (3, 2, *(4 for _ in rich[2:]))) if len(rich) <= 4 else rich
    specs = [
        (Spec(rich, 1), False),
        (Spec(rich, 1, "saturated"), False),
        (Spec(alike, 2), False),
        (Spec(rich, 3), True),
    ]
    return [vector(spec, cell, convention, dtype, layer) for spec, layer in specs]


def certified(vectors: list[Vector]) -> list[Vector]:
    """The vectors, if each known mistake that one of them could show is seen by one: off by more than its bound.

    Raises InputError, naming those that are not.
    """
    best: dict[str, float] = {}
    for one in vectors:
        for name, ratio in one.kills.items():
            best[name] = max(best.get(name, 0.0), ratio)
    left = [name for name, ratio in best.items() if ratio <= 1]
    if left:
        raise InputError(f"these vectors do not see {', '.join(left)}; take other sizes or seeds")
    return vectors


def committed() -> Iterator[tuple[str, list[Vector]]]:
    """The vectors under codegen/vectors/: those that tell much of PyTorch's GRU, one of every system's packing."""
    gru = cell_in("gru", "torch")
    yield "gru_torch", certified([one for dtype in ("float32", "float64") for one in telling(gru, "torch", dtype)])
    for name, record in CONVENTIONS.items():
        if "gru" in record.forms and name != "torch":
            yield f"gru_{name}", [vector(Spec((3, 2, 3, 4), 1), "gru", name, "float32")]
