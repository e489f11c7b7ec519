"""Mistakes in how parameters are read out of the arrays that hold them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
from sympy import symbols

from grusym.conventions.packing import Layout
from grusym.oracle.case import Arrays
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.entry import Candidate, Change, Entry, Setting
from grusym.oracle.program import Program, Strand, each_strand

BFLOAT16, TF32 = 8, 11  # bits of precision
MOST_GATES = 5  # of more there are too many orders to try


def reading(rearrange: Callable[[Program, Arrays], Arrays | None]) -> Change:
    """A layer that takes its parameters out of the arrays in another way; their gradients go back the same way."""

    def change(program: Program) -> Program | None:
        def misread(strand: Strand) -> Strand | None:
            tensors = rearrange(program, strand.tensors)
            if tensors is None:
                return None
            before = strand.reading or _places(strand.tensors)
            after = rearrange(program, before)
            return replace(strand, tensors=tensors, reading=after)

        return each_strand(program, misread)

    return change


def _places(tensors: Arrays) -> Arrays:
    """Every element of the parameters, numbered."""
    found, start = {}, 0
    for name, array in tensors.items():
        found[name] = np.arange(start, start + array.size, dtype=np.float64).reshape(array.shape)
        start += array.size
    return found


def _orders(setting: Setting) -> dict[str, list[str]]:
    """The gates of each letter's stack, in the order of the convention; those that every stack of weights has."""
    names = [place.tensor for place in setting.layout.placements]
    found = {
        letter: [roles.gate_of(tensor) for tensor in group]
        for letter, group in roles.stacks(setting.cell, names).items()
    }
    weights = [set(found[letter]) for letter in "WU" if letter in found]
    kept = set.intersection(*weights) if weights else set()
    stacked = {letter: [gate for gate in gates if gate in kept] for letter, gates in found.items()}
    return {letter: gates for letter, gates in stacked.items() if 1 < len(gates) <= MOST_GATES}


def _gate_orders(prefix: str, biases: bool, setting: Setting) -> Iterator[Candidate]:
    orders = _orders(setting)
    weights = [letter for letter in orders if letter not in "bcp"]
    vectors = [letter for letter in orders if letter in "bc"]
    groups = [vectors, *([v] for v in vectors)] if biases else [[*weights, *vectors], weights, *([w] for w in weights)]
    order = next((orders[letter] for letter in (vectors if biases else weights)), [])
    for wrong in permutations(order):
        if list(wrong) == order:
            continue
        name = f"{prefix}:{_spelt(wrong)}"
        for letters in dict.fromkeys(tuple(group) for group in groups if group):
            fix = f"take the blocks in the order {_spelt(order)}: " + ", ".join(
                f"{letter}_{gate}" for letter in letters for gate in order
            )
            yield Candidate(name, reading(_reordered(letters, orders, wrong)), fix)


def _spelt(gates: Any) -> str:
    return ("" if all(len(gate) == 1 for gate in gates) else "-").join(gates)


def _reordered(letters: tuple[str, ...], orders: dict[str, list[str]], wrong: tuple[str, ...]) -> Any:
    def rearrange(program: Program, tensors: Arrays) -> Arrays:
        del program
        found = dict(tensors)
        for letter in letters:
            if sorted(orders[letter]) == sorted(wrong):
                for right, taken in zip(orders[letter], wrong, strict=True):
                    found[f"{letter}_{taken}"] = tensors[f"{letter}_{right}"]
        return found

    return rearrange


def _matrices(setting: Setting, letter: str) -> list[str]:
    return [t.name for t in roles.with_letter(setting.cell, letter) if len(t.axes) == 2]


def _transposed(id_: str, letter: str, setting: Setting) -> list[Candidate]:
    names = _matrices(setting, letter)

    def rearrange(program: Program, tensors: Arrays) -> Arrays | None:
        del program
        if any(tensors[name].shape[0] != tensors[name].shape[1] for name in names):
            return None
        return tensors | {name: tensors[name].T for name in names}

    return [Candidate(id_, reading(rearrange), _place(setting.layout, names[0]))] if names else []


def _place(layout: Layout, tensor: str) -> str:
    """Where an element of a matrix stands in the array that comes: W_z[i,j] = weight_ih[H+i,j]."""
    (place,) = (one for one in layout.placements if one.tensor == tensor)
    if place.buffer == tensor:
        return f"{tensor}[i,j] stands in row i, column j"
    element = ",".join(str(index).replace(" ", "") for index in place.element(symbols("i j")))
    return f"{tensor}[i,j] = {layout.key(place.buffer)}[{element}]"


def _reshaped(id_: str, letter: str, setting: Setting) -> list[Candidate]:
    """The array, or each block of it, with its elements kept in a row and its axes exchanged."""
    names = _matrices(setting, letter)
    if not names:
        return []

    def exchanged(array: Any) -> Any:
        flat = array.reshape(-1)
        return flat.reshape(array.shape[::-1]).T.reshape(array.shape)

    def blocks(program: Program, tensors: Arrays) -> Arrays:
        del program
        return tensors | {name: exchanged(tensors[name]) for name in names}

    def whole(program: Program, tensors: Arrays) -> Arrays:
        layout, sizes = program.case.layout, program.case.sizes
        arrays = layout.pack(tensors, sizes)
        for name in {place.buffer for place in layout.placements if place.tensor in names}:
            if arrays[name].ndim == 2:
                arrays[name] = np.ascontiguousarray(exchanged(arrays[name]))
        return {name: np.array(view) for name, view in layout.unpack(arrays, sizes).items()}

    fix = f"{_place(setting.layout, names[0])}, where a reshape puts another element"
    ways = [whole]
    if letter == "W":  # of a square block, this is a transpose
        ways.append(blocks)
    return [Candidate(id_, reading(way), fix) for way in ways]


def rounded(array: Any, bits: int) -> Any:
    """Numbers to the nearest one of so many bits."""
    mantissa, exponent = np.frexp(array)
    return np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits)


def cut(array: Any, bits: int) -> Any:
    """Numbers with the bits after so many left out."""
    mantissa, exponent = np.frexp(array)
    return np.ldexp(np.trunc(np.ldexp(mantissa, bits)), exponent - bits)


def _matrices_only(keep: Callable[[Any], Any]) -> Change:
    def change(program: Program) -> Program | None:
        return each_strand(
            program,
            lambda strand: replace(
                strand, tensors={n: keep(a) if a.ndim > 1 else a for n, a in strand.tensors.items()}
            ),
        )

    return change


def _everything(keep: Callable[[Any], Any], inputs: bool) -> Change:
    def change(program: Program) -> Program | None:
        return each_strand(
            program,
            lambda strand: replace(
                strand,
                tensors={name: keep(array) for name, array in strand.tensors.items()},
                inputs={name: keep(array) for name, array in strand.inputs.items()} if inputs else strand.inputs,
            ),
        )

    return change


def _half(array: Any) -> Any:
    return np.asarray(array).astype(np.float16).astype(np.float64)


def _single(array: Any) -> Any:
    return np.asarray(array).astype(np.float32).astype(np.float64)


def _bits(setting: Setting) -> Iterator[Candidate]:
    del setting
    keeps: list[Callable[[Any], Any]] = [_half, _single]
    for bits in (BFLOAT16, TF32):
        keeps += [lambda a, b=bits: rounded(a, b), lambda a, b=bits: cut(a, b)]  # type: ignore[misc]
    fix = "keep the weights in the dtype in which they come"
    for keep in keeps:
        yield Candidate("weights-bits-truncated", _everything(keep, inputs=False), fix)
        yield Candidate("weights-bits-truncated", _matrices_only(keep), fix)
        yield Candidate("weights-bits-truncated", _everything(keep, inputs=True), fix)
    for bits in (TF32, BFLOAT16):

        def loosened(program: Program, unit: float = 2.0**-bits) -> Program:
            return replace(program, operands=unit)

        yield Candidate("weights-bits-truncated", loosened, fix, open=True)


PACKING = (
    Entry(
        "gate-order",
        "the gate blocks are read in another order",
        "The array stacks the blocks of the gates in the convention's order; the implementation "
        "takes them in the order "
        "that the id names (gate-order:zrn: the first block as z).",
        "Wrong everywhere, by much.",
        "take the blocks in the order of the convention",
        ("keras-team/keras#15915", "keras-team/keras#8720", "PaddlePaddle/Paddle#33733"),
        ways=lambda s: _gate_orders("gate-order", False, s),
    ),
    Entry(
        "bias-gate-order",
        "the biases' blocks are read in another order",
        "The weights are read in the convention's order, the biases in the order that the id names.",
        "Wrong everywhere; seen only where the biases of different gates differ.",
        "take the blocks of the biases in the order of the convention",
        ("openvinotoolkit/openvino#17651",),
        ways=lambda s: _gate_orders("bias-gate-order", True, s),
    ),
    Entry(
        "input-transposed",
        "the input weights are transposed",
        "Each block of the input weights is used as its transpose.",
        "Wrong everywhere where H = I; elsewhere shapes do not fit.",
        "a[i] = W[i,j] x[j]",
        ("keras-team/keras#8720",),
        ways=lambda s: _transposed("input-transposed", "W", s),
    ),
    Entry(
        "recurrent-transposed",
        "the recurrent weights are transposed",
        "Each block of the recurrent weights is used as its transpose: shapes fit, so that nothing complains.",
        "Wrong wherever the state before the step is not zero; right for H = 1 and for symmetric weights.",
        "a[i] = U[i,k] h[k]",
        ("keras-team/keras#8720",),
        ways=lambda s: _transposed("recurrent-transposed", "U", s),
    ),
    Entry(
        "input-reshaped",
        "the input weights are reshaped in place of transposed",
        "The elements of the array, or of each block, keep their order in memory while the axes are exchanged.",
        "Wrong everywhere, unless I = 1 or H = 1.",
        "W.T, and not W.reshape(I, 3 H)",
        ("keras-team/keras#8720", "majianjia/nnom#82"),
        ways=lambda s: _reshaped("input-reshaped", "W", s),
    ),
    Entry(
        "recurrent-reshaped",
        "the recurrent weights are reshaped in place of transposed",
        "The elements of the array keep their order in memory while its axes are exchanged.",
        "Wrong wherever the state before the step is not zero.",
        "U.T, and not U.reshape(H, 3 H)",
        ("keras-team/keras#8720", "majianjia/nnom#82"),
        ways=lambda s: _reshaped("recurrent-reshaped", "U", s),
    ),
    Entry(
        "weights-bits-truncated",
        "weights lose bits",
        "Weights, or what is multiplied, are kept in bfloat16, float16 or TF32, where more is claimed.",
        "Off by about 2^-8 to 2^-11 everywhere; right where weights and inputs have few bits.",
        "compute in the dtype in which weights come",
        ways=_bits,
    ),
)
