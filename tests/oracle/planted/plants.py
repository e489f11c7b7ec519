"""What is planted: for every entry of the catalogue, implementations with that mistake."""

from dataclasses import dataclass
from functools import partial
from itertools import permutations
from time import sleep
from typing import Any

import numpy as np

from grusym.equations.cell import Cell
from tests.oracle.implementations import gru
from tests.oracle.planted import backward
from tests.oracle.planted import forward as f


@dataclass(frozen=True)
class Plant:
    """A mistake's id and an implementation that has it; `also` are the ids that no input tells from it."""

    id: str
    way: str
    forward: Any
    vjp: Any = None
    cell: Any = "gru"
    convention: str | None = "torch"
    also: tuple[str, ...] = ()

    def __str__(self):
        return f"{self.id}-{self.way}".replace("/", "|")


BEFORE = "gru:reset=before,update=write"
ZONEOUT = Cell.parse(f.ZONEOUT)
torch = partial(f.over_time, f.blocks)


def equations():
    yield Plant("reset-before", "", torch(reset="before"))
    yield Plant("reset-after", "", f.over_time(f.own, update="write"), cell=BEFORE, convention=None)
    yield Plant("update-write", "", torch(update="write"))
    yield Plant("update-keep", "", f.over_time(f.own, reset="before"), cell=BEFORE, convention=None)
    yield Plant("reset-omitted", "after", torch(used=False))
    before = partial(f.over_time, f.own, update="write")
    yield Plant("reset-omitted", "before", before(reset="before", used=False), cell=BEFORE, convention=None)
    yield Plant("reset-wrong-index", "", before(reset="bias outside"), cell=BEFORE, convention=None)
    yield Plant("recurrent-candidate-bias-missing", "", f.over_time(f.without_candidate_bias))
    yield Plant("recurrent-candidate-bias-missing", "start", f.without_start(False))
    yield Plant("recurrent-bias-missing", "start", f.without_start(True))
    yield Plant("recurrent-candidate-bias-outside-reset", "", torch(reset="bias outside"))
    yield Plant("input-bias-missing", "", f.over_time(f.changed(bias_ih=0)))
    yield Plant("recurrent-bias-missing", "", f.over_time(f.changed(bias_hh=0)))
    yield Plant("bias-doubled", "both", f.over_time(f.changed(bias_ih=2, bias_hh=2)))
    yield Plant("bias-doubled", "input", f.over_time(f.changed(bias_ih=2)))
    yield Plant("hard-sigmoid-0.2", "", torch(sig=f.hard(0.2)))
    yield Plant("hard-sigmoid-1/6", "", torch(sig=f.hard(1 / 6)))
    yield Plant("candidate-relu", "", torch(act=lambda a: np.maximum(a, 0)))
    yield Plant("candidate-linear", "", torch(act=lambda a: a))
    yield Plant("candidate-extra-sigmoid", "after", torch(act=lambda a: f.sigmoid(np.tanh(a))))
    yield Plant("candidate-extra-sigmoid", "before", torch(act=lambda a: np.tanh(f.sigmoid(a))))
    yield Plant("blend-stale-state", "older", f.blend_stale(False))
    yield Plant("blend-stale-state", "initial", f.blend_stale(True))
    yield Plant("tanh-as-approximation", "rational", torch(act=f.rational))
    yield Plant("tanh-as-approximation", "unknown", torch(act=f.fast))
    yield Plant("sigmoid-as-approximation", "rational", torch(sig=lambda a: (1 + f.rational(a / 2)) / 2))
    yield Plant("sigmoid-as-approximation", "unknown", torch(sig=lambda a: (1 + f.fast(a / 2)) / 2))


def packing():
    for order in map("".join, permutations("rzn")):
        if order != "rzn":
            yield Plant(f"gate-order:{order}", "all", f.over_time(partial(f.blocks, order=order)))
            yield Plant(f"bias-gate-order:{order}", "both", f.over_time(partial(f.blocks, bias_order=order)))
    yield Plant("gate-order:zrn", "weights", f.over_time(partial(f.blocks, order="zrn", bias_order="rzn")))
    yield Plant("input-transposed", "", f.over_time(f.transposed("W")))
    yield Plant("recurrent-transposed", "", f.over_time(f.transposed("U")))
    yield Plant("input-reshaped", "", f.over_time(f.reshaped("weight_ih")))
    yield Plant("recurrent-reshaped", "", f.over_time(f.reshaped("weight_hh")))
    yield Plant("weights-bits-truncated", "bfloat16", f.over_time(f.narrowed(f.bfloat16)))
    yield Plant("weights-bits-truncated", "float16", f.over_time(f.narrowed(f.float16)))


def time():
    yield Plant("state-not-carried", "initial", f.wired("restart"))
    yield Plant("state-not-carried", "zero", f.wired("zero"))
    yield Plant("initial-state-ignored", "", f.wired("start ignored"))
    yield Plant("initial-state-uninitialised", "leftover", f.Leftover())
    yield Plant("initial-state-uninitialised", "garbage", f.Garbage())
    yield Plant("sequence-reversed", "", f.wired("reversed"))
    yield Plant("sequence-reversed", "back", f.wired("reversed and back"))
    yield Plant("reverse-output-not-flipped", "", f.layered("not flipped"))
    yield Plant("reverse-starts-in-padding", "", f.layered("from padding"))
    yield Plant("lengths-ignored", "", f.layered("ignored"))
    yield Plant("padded-output-not-zero", "", f.layered("not zero"))
    yield Plant("final-state-from-padding", "", f.layered("final past end"))
    yield Plant("reverse-final-state-from-last", "", f.layered("final from last"))
    yield Plant("directions-share-weights", "", f.layered("shared"))
    yield Plant("direction-interleave", "features", f.layered("interleaved"))
    yield Plant("direction-interleave", "final", f.layered("directions after batch"))
    yield Plant("batch-first-confused", "memory", f.batch_first_memory)
    yield Plant("batch-first-confused", "axes", f.batch_first_axes)
    yield Plant("batch-permuted", "turned", f.turned_batch)
    yield Plant("batch-permuted", "sorted", f.sorted_batch)
    yield Plant("scratch-shared-across-batch", "last", f.wired("last sample"))
    yield Plant("scratch-shared-across-batch", "loop", f.one_after_the_other)
    yield Plant("empty-sequence", "zero", f.layered("empty is zero"))
    yield Plant("empty-sequence", "one", f.layered("at least one"))
    yield Plant("zoneout-mask-frozen", "forward", f.zoneout(True), cell=ZONEOUT, convention=None)
    yield Plant("zoneout-mask-frozen", "gradients", f.zoneout(False), f.zoneout_vjp, ZONEOUT, None)
    for kind in ("transformed", "undecayed"):
        yield Plant("parallel-scan-initial-state", kind, f.scanned(kind), cell="mingru", convention=None)


GRADIENTS = {
    "grad-direct-path-polarity": ("direct",),
    "grad-carry-missing": ("carry",),
    "grad-final-state-ignored": ("final ignored",),
    "grad-own-unit-only": ("own column",),
    "grad-recurrent-shifted-state": ("shifted",),
    "grad-reset-path-missing": ("reset path", "reset path to the state"),
    "grad-candidate-reset-missing": (
        "candidate reset",
        *(f"candidate reset to the {part}" for part in ("state", "bias", "weights")),
    ),
    "grad-tanh-derivative": tuple(backward.SLOPES_OF_TANH),
    "grad-sigmoid-derivative": tuple(backward.SLOPES_OF_SIGMOID),
    "grad-batch-not-summed": ("first sample", "last sample"),
    "grad-batch-mean": ("mean",),
    "grad-time-last-only": ("time last",),
    "grad-overwrites": ("overwrites",),
    "grad-saved-buffer-stale": ("stale", "raw reset"),
    "grad-layer-input": ("other input",),
}


def gradients():
    for id_, kinds in GRADIENTS.items():
        for kind in kinds:
            yield Plant(id_, kind, gru, backward.vjp(kind))
    yield Plant("grad-accumulates", "", gru, backward.Accumulating())


def greedy(x, h0, params):
    y = gru(x, h0, params)
    x[...] = 0
    return y


class Noisy:
    """Another last bit from call to call."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x, h0, params):
        self.calls += 1
        y, h_n = gru(x, h0, params)
        return np.nextafter(y, y.dtype.type(self.calls % 2)), h_n


def overflowing(x, h0, params):
    with np.errstate(all="ignore"):
        return torch(sig=lambda a: np.exp(a) / (1 + np.exp(a)))(x, h0, params)


class Shared:
    """The state in a global, with time for others to change it."""

    h: Any = None

    def __call__(self, x, h0, params):
        q, y = f.blocks(params), []
        self.h = h0
        for x_t in x:
            sleep(0.001)
            self.h = f.step(x_t, self.h if self.h.shape == h0.shape else h0, q)
            y.append(self.h)
        return np.stack(y), y[-1]


def picky(x, h0, params):
    y, h_n = gru(x, h0, params)
    return (y, h_n) if x.ctypes.data % 16 == 0 else (y + 1, h_n)


def raising(x, h0, params):
    if x.shape[1] > 1:
        raise IndexError("index 1 is out of bounds for axis 0 with size 1")
    return gru(x, h0, params)


def behaviour():
    """These are seen by a check, so that the whole campaign is run."""
    yield Plant("input-mutated", "", greedy)
    yield Plant("nondeterministic", "", Noisy())
    yield Plant("nan-on-saturation", "", overflowing)
    yield Plant("not-reentrant", "", Shared())
    yield Plant("depends-on-alignment", "", picky)
    yield Plant("crash", "", raising)
    yield Plant("grad-frozen-parameters-cut-state", "", gru, backward.cut_when_frozen)
    yield Plant("empty-sequence", "refused", f.refuses_empty)


EVALUATED = [plant for family in (equations, packing, time, gradients) for plant in family()]
CHECKED = list(behaviour())
