"""Specifications of cases: sizes, a seed, a kind of values. Small to print, to shrink and to send elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from grusym.conventions.packing import numbers
from grusym.equations.cell import Cell
from grusym.equations.condition import nearest
from grusym.equations.layer import Layer
from grusym.errors import InputError
from grusym.oracle.case import Arrays, Case
from grusym.oracle.formats import extremes

KINDS = ("plain", "saturated", "subnormal", "cancelling")
SATURATED = 2.5  # times the logarithm of the largest number: gates are at their ends, and exp(a) overflows
ANY: Mapping[str, int] = MappingProxyType({})  # no size is fixed
SECOND = 2**20  # how far the seed of a second direction is from that of the first
RICH = (3, 4, 5, 6, 2, 7)  # all different, T and B at least 3


@dataclass(frozen=True, order=True)
class Spec:
    """One case: `sizes` in the order of the layer's sizes, `seed` of the values, their `kind`."""

    sizes: tuple[int, ...]
    seed: int
    kind: str = "plain"


def rich_sizes(cell: Cell, fixed: Mapping[str, int] = ANY) -> tuple[int, ...]:
    """Sizes that tell the most apart: all different where there are few, 2 and 3 where there are many.

    Those that are `fixed`, by name, are these.
    """
    symbols = Layer(cell).sizes
    count = len(symbols)
    numbers = RICH[:count] if count <= 4 else tuple(3 - n % 2 for n in range(count))
    chosen = tuple(fixed.get(symbol.name, number) for symbol, number in zip(symbols, numbers, strict=True))
    return allowed_sizes(cell, chosen, fixed)


def allowed_sizes(cell: Cell, sizes: tuple[int, ...], fixed: Mapping[str, int] = ANY) -> tuple[int, ...]:
    """These sizes, or the nearest ones at which all of the cell's equations have a value; `fixed` ones stay."""
    names = [symbol.name for symbol in Layer(cell).sizes]
    found = nearest(dict(zip(names, sizes, strict=True)), cell.conditions, tuple(fixed))
    return tuple(found[name] for name in names)


def named_sizes(cell: Cell, spec: Spec) -> dict[str, int]:
    """The sizes by name."""
    return {symbol.name: number for symbol, number in zip(Layer(cell).sizes, spec.sizes, strict=True)}


def size_names(cell: Cell) -> tuple[str, ...]:
    """The names of the numbers in `Spec.sizes`."""
    return tuple(symbol.name for symbol in Layer(cell).sizes)


def spelt_case(names: Sequence[str], spec: Spec) -> str:
    """A specification as a text, for the sizes of these names.

    >>> spelt_case(("T", "B", "I", "H"), Spec((3, 4, 5, 6), 7))
    'T=3,B=4,I=5,H=6,seed=7,kind=plain'
    """
    sizes = (f"{name}={number}" for name, number in zip(names, spec.sizes, strict=True))
    return ",".join((*sizes, f"seed={spec.seed}", f"kind={spec.kind}"))


def case_named(text: str, cell: Cell) -> Spec:
    """The specification that `spelt_case` writes. Sizes have to be there; seed is 0 and kind plain unless given.

    >>> from grusym.equations.library import cell
    >>> case_named("T=3,B=4,I=5,H=6,seed=7,kind=plain", cell("gru"))
    Spec(sizes=(3, 4, 5, 6), seed=7, kind='plain')

    Raises InputError for what is no case of the cell.
    """
    names = size_names(cell)
    example = spelt_case(names, Spec(rich_sizes(cell), 7))
    found: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = part.strip().partition("=")
        if key not in (*names, "seed", "kind") or key in found or not value:
            raise InputError(f"cannot read {part!r} in the case {text!r}; write it like {example}")
        if key != "kind" and not (value.isascii() and value.isdecimal()):
            raise InputError(f"{key}={value} in the case {text!r} is no whole number; write it like {example}")
        found[key] = value
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(f"the case {text!r} lacks {', '.join(missing)}; write it like {example}")
    if "0" in {found[name].lstrip("0") or "0" for name in names}:
        raise InputError(f"a size is 0 in the case {text!r}; give sizes of at least 1")
    if found.get("kind", KINDS[0]) not in KINDS:
        raise InputError(f"unknown kind {found['kind']!r} in the case {text!r}; choose {', '.join(KINDS)}")
    return Spec(tuple(int(found[name]) for name in names), int(found.get("seed", 0)), found.get("kind", KINDS[0]))


def materialise(spec: Spec, cell: Cell, convention: str | None, dtype: str) -> Case:
    """The case of a specification, the same on every machine.

    Weights are asymmetric and of the size that keeps pre-activations near 1, biases and initial states differ from zero
    everywhere, cotangents are random on everything. Of a saturated case the inputs drive gates to their ends, of a
    subnormal one they are as small as numbers can be, of a cancelling one pre-activations are small differences of
    large terms.
    """
    random = np.random.default_rng((spec.seed, *spec.sizes, KINDS.index(spec.kind)))
    sizes, layer = named_sizes(cell, spec), Layer(cell)
    time, batch = (symbol.name for symbol in layer.sizes[:2])
    lead = (sizes[time], sizes[batch])

    def values(shape: tuple[int, ...], scale: float = 1.0) -> Any:
        drawn = random.uniform(0.25, 1.0, size=shape) * random.choice((-1.0, 1.0), size=shape) * scale
        return drawn.astype(dtype).astype(np.float64)

    def shape(tensor: Any) -> tuple[int, ...]:
        return numbers(tensor.shape, sizes)

    largest, smallest = extremes(dtype)
    factor = {"saturated": SATURATED * float(np.log(largest)), "subnormal": smallest * 64}.get(spec.kind, 1.0)
    tensors: Arrays = {t.name: values(shape(t), 1.5 / np.sqrt(max(1, prod(shape(t)[1:])))) for t in cell.parameters}
    if spec.kind == "cancelling":
        tensors = {name: _cancelling(array, dtype) for name, array in tensors.items()}
    return Case(
        cell,
        convention,
        dtype,
        sizes,
        {t.name: values((*lead, *shape(t)), factor) for t in cell.inputs},
        {s.name: values((lead[1], *shape(s.tensor))) for s in cell.states},
        tensors,
        {s.name: values((*lead, *shape(s.tensor))) for s in layer.series},
        {s.name: values((lead[1], *shape(s.tensor))) for s in cell.states},
    )


def with_lengths(case: Case, seed: int) -> Case:
    """The case with sequences of different lengths: the longest, an empty one, and others between."""
    random = np.random.default_rng((seed, case.steps, case.batch))
    lengths = random.integers(0, case.steps + 1, size=case.batch)
    lengths[: min(2, case.batch)] = (case.steps, 0)[: case.batch]
    if case.batch > 2 and case.steps > 1:
        lengths[2] = random.integers(1, case.steps)
    return replace(case, lengths=random.permutation(lengths))


def without_start(case: Case) -> Case:
    """The case without initial states: they are zero then."""
    return replace(case, absent=True, initial={name: np.zeros_like(array) for name, array in case.initial.items()})


def both_directions(spec: Spec, case: Case) -> Case:
    """The case with a second direction, which has values of its own."""
    other = materialise(replace(spec, seed=spec.seed + SECOND), case.cell, case.convention, case.dtype)
    return replace(
        case,
        directions=2,
        initial={name: np.stack([array, other.initial[name]]) for name, array in case.initial.items()},
        tensors=case.tensors | {f"{name}_reverse": array for name, array in other.tensors.items()},
        dy={name: np.concatenate([array, other.dy[name]], axis=2) for name, array in case.dy.items()},
        dh={name: np.stack([array, other.dh[name]]) for name, array in case.dh.items()},
    )


def _cancelling(array: Any, dtype: str) -> Any:
    """The array with entries far larger than their sums along the last axis."""
    if array.ndim < 2:
        return array
    large = np.where(np.arange(array.shape[-1]) % 2 == 0, 8.0, -8.0)
    return (array + large).astype(dtype).astype(np.float64)


def truncated(case: Case, steps: int) -> Case:
    """The first steps of a case."""
    return Case(
        case.cell,
        case.convention,
        case.dtype,
        {**case.sizes, "T": steps},
        {name: array[:steps] for name, array in case.inputs.items()},
        case.initial,
        case.tensors,
        {name: array[:steps] for name, array in case.dy.items()},
        case.dh,
    )


def single_steps(case: Case, before: Mapping[str, Any]) -> Case:
    """Every step of a case as a sample of its own, of one step, from these states (T, B, ...)."""
    count = case.steps * case.batch
    arrays: dict[str, Arrays] = {}
    for field in ("inputs", "dy"):
        arrays[field] = {n: a.reshape(1, count, *a.shape[2:]) for n, a in getattr(case, field).items()}
    finals = {
        name: np.broadcast_to(a[None], (case.steps, *a.shape)).reshape(count, *a.shape[1:])
        for name, a in case.dh.items()
    }
    return Case(
        case.cell,
        case.convention,
        case.dtype,
        {**case.sizes, "T": 1, "B": count},
        arrays["inputs"],
        {name: array.reshape(count, *array.shape[2:]) for name, array in before.items()},
        case.tensors,
        arrays["dy"],
        finals,
    )
