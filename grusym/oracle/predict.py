"""What a program returns, forward or as gradients: values, and how far they may be off where the arithmetic knows."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from grusym.oracle.engine import Engine
from grusym.oracle.program import Program, Strand
from grusym.oracle.strand_gradients import gradients
from grusym.oracle.strand_run import Pair, Predicted, StrandRun

Memory = dict[tuple[int, ...], StrandRun]


def predicted(program: Program, engine: Engine) -> Predicted:
    """What is returned: "series NAME" and "final NAME"."""
    parts = [StrandRun(strand, engine).outputs() for strand in program.strands]
    found: Predicted = {}
    for name in parts[0]:
        pairs = [part[name] for part in parts]
        if len(pairs) == 1:
            found[name] = pairs[0]
        else:
            join = np.stack if name.startswith("final") else lambda arrays: np.concatenate(arrays, axis=2)
            found[name] = join([pair[0] for pair in pairs]), join([pair[1] for pair in pairs])
        if name in program.orders:
            value, bound = (a.reshape(-1)[program.orders[name]].reshape(a.shape) for a in found[name])
            found[name] = value, bound
    return found


def predicted_gradients(program: Program, engine: Engine, memory: Memory | None = None) -> Iterator[tuple[str, Pair]]:
    """The gradients by the names of the case's tensors, computed as they are asked for.

    Programs that differ in their gradients only share what is in a `memory`, which belongs to one arithmetic.
    """
    ways = []
    for way, strand in enumerate(program.strands):
        run = _run(strand, engine, memory)
        ways.append(gradients(run, strand, *_unordered(program, way)))
    return ways[0] if len(ways) == 1 else iter(_joined(program, [dict(way) for way in ways]).items())


def _joined(program: Program, ways: list[Predicted]) -> Predicted:
    """The gradients of both directions: initial states side by side, inputs added, parameters by their names."""
    first, second = ways
    found: Predicted = {}
    for name, pair in first.items():
        other = second[name]
        if name in program.strands[0].inputs:
            found[name] = _sum(pair, other)
        elif name in program.strands[0].initial:
            found[name] = np.stack([pair[0], other[0]]), np.stack([pair[1], other[1]])
        elif program.shared:
            found[name] = _sum(pair, other)
            found[f"{name}_reverse"] = np.zeros_like(other[0]), np.zeros_like(other[1])
        else:
            found[name], found[f"{name}_reverse"] = pair, other
    return found


def _sum(one: Pair, other: Pair) -> Pair:
    return one[0] + other[0], one[1] + other[1]


def _run(strand: Strand, engine: Engine, memory: Memory | None) -> StrandRun:
    """The run of a strand, or one of the memory that is the same up to its gradients."""
    if memory is None:
        return StrandRun(strand, engine)
    key = tuple(id(part) for part in (strand.cell, strand.tensors, strand.inputs, strand.initial, strand.wiring))
    if key not in memory:
        memory[key] = StrandRun(strand, engine)  # it keeps the strand, so that no id is given again
    return memory[key]


def _unordered(program: Program, way: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The cotangents as they reach one direction, where what is returned is permuted."""
    strand = program.strands[way]
    if not program.orders:
        return strand.dy, strand.dh
    found: list[dict[str, Any]] = []
    for kind, whole, own in (("series", program.case.dy, strand.dy), ("final", program.case.dh, strand.dh)):
        part = {}
        for name in own:
            array, order = whole[name], program.orders.get(f"{kind} {name}")
            if order is not None:
                back = np.zeros(array.size)
                np.add.at(back, order, array.reshape(-1))
                array = back.reshape(array.shape)
            if program.case.directions > 1:
                half = array.shape[2] // 2 if kind == "series" else 0
                array = array[way] if kind == "final" else array[:, :, way * half : (way + 1) * half]
            part[name] = array
        found.append(part)
    return found[0], found[1]
