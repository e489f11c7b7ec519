"""Directions and lengths by hand: grusym's kernel runs each sample by itself up to its length, forward or reversed."""

from typing import Any

import numpy as np

from grusym.lower.lowered import Lowered
from tests.systems.agreement import Arrays, by_grusym, kernel_of, tolerances


def over_lengths(
    lowered: Lowered, convention: str, arrays: Arrays, given: Arrays, lengths: Any, reverse: bool = False
) -> tuple[Arrays, Arrays]:
    """Outputs of every sample up to its length, zero past it, its state there; and how far each may be off.

    `reverse` begins at the last step within the length, and puts the outputs where their inputs are.
    """
    dtype, (steps, batch, _) = given["x"].dtype.name, given["x"].shape
    states = [state.name for state in lowered.cell.states]
    answers: Arrays = {"y": np.zeros((steps, batch, given["h0"].shape[1]), dtype)}
    answers |= {f"{state}_n": given[f"{state}0"].copy() for state in states}
    bounds = {name: np.zeros(array.shape) for name, array in answers.items()}
    for sample, length in enumerate(lengths):
        if length == 0:
            continue
        turn = slice(None, None, -1 if reverse else 1)
        own = {f"{state}0": given[f"{state}0"][sample : sample + 1] for state in states}
        own["x"] = np.ascontiguousarray(given["x"][:length, sample : sample + 1][turn])
        found = by_grusym(kernel_of(lowered.cell, convention, dtype), arrays, own, {})
        reach = tolerances(lowered, arrays, own, {}, dtype)
        for results, part in ((answers, found), (bounds, reach)):
            results["y"][:length, sample] = part["y"][turn][:, 0]
            for state in states:
                results[f"{state}_n"][sample] = part[f"{state}_n"][0]
    return answers, bounds


def both_ways(lowered: Lowered, convention: str, ways: Any, given: Arrays, lengths: Any) -> tuple[Arrays, Arrays]:
    """The same in both directions, each with its own arrays and states (D, B, H): y (T, D, B, H), h_n (D, B, H)."""
    parts = []
    for way, arrays in enumerate(ways):
        own = {name: array if name == "x" else array[way] for name, array in given.items()}
        parts.append(over_lengths(lowered, convention, arrays, own, lengths, reverse=way == 1))
    axis = {"y": 1}
    answers, bounds = zip(*parts, strict=True)
    stacked = [{n: np.stack([p[n] for p in of], axis.get(n, 0)) for n in answers[0]} for of in (answers, bounds)]
    return stacked[0], stacked[1]
