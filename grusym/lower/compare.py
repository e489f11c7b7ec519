"""Cells side by side: parameters, operations, memory traffic, saved memory; as expressions and as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Add, Expr, Integer, Mul, Poly, factor

from grusym.conventions.library import cell_in
from grusym.equations.axis import BATCH, TIME
from grusym.equations.cell import Cell
from grusym.equations.condition import unmet
from grusym.equations.layer import Layer
from grusym.errors import InputError
from grusym.lower.cost import Cost, cost
from grusym.lower.lowered import Lowered, lower

T, B = TIME.extent, BATCH.extent
ITEM_BYTES = {"float32": 4, "float64": 8}


@dataclass(frozen=True)
class Row:
    """One quantity of every cell compared, in the cells' order; `values` are empty where no sizes were given."""

    group: str
    name: str
    expressions: tuple[Expr, ...]
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The rows, and what they are of: spellings of cells, convention, element type, sizes."""

    cells: tuple[str, ...]
    convention: str
    dtype: str
    rows: tuple[Row, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """A report for machines: per quantity an expression and, with sizes, a number for every cell."""
        return {
            "cells": list(self.cells),
            "convention": self.convention,
            "dtype": self.dtype,
            "sizes": dict(self.sizes),
            "rows": [
                {
                    "group": row.group,
                    "name": row.name,
                    "expressions": list(map(str, row.expressions)),
                    "values": list(row.values),
                }
                for row in self.rows
            ],
        }


def compare(
    cells: Sequence[Cell | str],
    convention: str | None = None,
    dtype: str = "float32",
    sizes: Mapping[str, int] | None = None,
) -> Comparison:
    """What layers of these cells cost beside each other.

    Operations are those of the equations, per time step and sample (a multiply-add is two floating-point operations, a
    function evaluation none). Bytes per step count every array once: the parameters, which the B samples share, and per
    sample what a step reads (inputs, state) and writes (outputs, state; in training what is saved for the backward
    pass). Saved memory is that of a whole layer of T steps. `sizes` (T and B are 1 unless given) adds numbers.

    >>> rows = compare(["gru", "lstm"], "torch").rows
    >>> rows[0].name, rows[0].expressions
    ('parameters', (3*H*(H + I + 2), 4*H*(H + I + 2)))

    Raises InputError for a cell, convention, type or size that does not exist, for a size that is missing, and for
    sizes at which the equations have no value.
    """
    if dtype not in ITEM_BYTES:
        raise InputError(f"unknown dtype {dtype!r}; choose {' or '.join(ITEM_BYTES)}")
    if len(cells) < 2:
        raise InputError("compare takes two cells or more, as in: grusym compare gru lstm")
    lowered = [lower(cell_in(cell, convention), convention) for cell in cells]
    columns = [_quantities(each, ITEM_BYTES[dtype]) for each in lowered]
    keys = list(dict.fromkeys(key for column in columns for key in column))
    groups = list(dict.fromkeys(group for group, _ in keys))
    zero = Integer(0)
    rows = [
        Row(group, name, tuple(column.get((group, name), zero) for column in columns))
        for group, name in sorted(keys, key=lambda key: groups.index(key[0]))
    ]
    known = _sizes(lowered, sizes) if sizes else {}
    if known:
        rows = [Row(row.group, row.name, row.expressions, _values(row, known)) for row in rows]
    spellings = tuple(each.cell.spelling for each in lowered)
    return Comparison(spellings, lowered[0].layout.convention, dtype, tuple(rows), known)


def _quantities(lowered: Lowered, item: int) -> dict[tuple[str, str], Expr]:
    """Every quantity of one cell, by group and name."""
    inference, forward, backward = cost(lowered.forward, False), cost(lowered.forward), cost(lowered.backward)
    layer, cell = lowered.layer, lowered.cell
    read = [tensor.shape for tensor in (*cell.inputs, *(state.tensor for state in cell.states))]
    results = dict.fromkeys([series.tensor for series in layer.series] + [state.update for state in cell.states])
    moved = forward.parameters + B * _elements(read + [tensor.shape for tensor in results])
    saved = _per_step(forward.saved) * B
    work = {
        "forward, per step and sample": {**_operations(inference), **inference.functions},
        "backward, per step and sample": {**_operations(backward), **backward.functions},
    }
    found = {("", "parameters"): factor(forward.parameters)}
    found |= {(group, name): _per_step(total) for group, each in work.items() for name, total in each.items()}
    traffic = "bytes per step of B samples"
    found[traffic, "inference"] = factor(item * moved)
    found[traffic, "training"] = factor(item * (moved + saved))
    found["bytes of memory", "parameters"] = factor(item * forward.parameters)
    found["bytes of memory", "saved for the backward pass"] = factor(item * forward.saved)
    return found


def _operations(cost: Cost) -> dict[str, Expr]:
    return {"multiply-adds": cost.multiply_adds, "floating-point operations": cost.flops}


def _per_step(total: Expr) -> Expr:
    """What a total grows by with every step of every sample."""
    return factor(Poly(total, T, B).coeff_monomial(T * B))


def _elements(shapes: Sequence[tuple[Expr, ...]]) -> Expr:
    return Add(*(Mul(*shape) for shape in shapes))


def _sizes(lowered: Sequence[Lowered], given: Mapping[str, int]) -> dict[str, int]:
    """T, B and every extent of the cells as numbers, in that order."""
    names = list(dict.fromkeys(symbol.name for each in lowered for symbol in Layer(each.cell).sizes))
    for name, number in given.items():
        if name not in names:
            raise InputError(f"no cell here has a size {name!r}; the sizes are {', '.join(names)}")
        if number < 1:
            raise InputError(f"the size {name} is {number}; give 1 or more")
    known = {T.name: 1, B.name: 1, **given}
    failed = unmet((condition for each in lowered for condition in each.cell.conditions), known)
    if failed:
        raise InputError(failed.refusal(known))
    missing = [name for name in names if name not in known]
    if missing:
        raise InputError(f"numbers need every size, and {', '.join(missing)} is missing; give I=64,H=128 and so on")
    return {name: known[name] for name in names}


def _values(row: Row, sizes: Mapping[str, int]) -> tuple[float, ...]:
    numbers = [e.xreplace({s: Integer(sizes[s.name]) for s in e.free_symbols}) for e in row.expressions]
    return tuple(int(number) if number.is_Integer else float(number) for number in numbers)
