"""Mistakes that are a behaviour: a check fails, and that is the mistake."""

from grusym.oracle.catalogue.entry import BEHAVIOUR, Entry

BEHAVIOURS = (
    Entry(
        "input-mutated",
        "an argument is written to",
        "The call changes an array that belongs to its caller: the input, the initial state or a parameter.",
        "Results may be right; the same call again gives something else.",
        "copy what is to be changed",
        group=BEHAVIOUR,
        checks=("input-unchanged",),
    ),
    Entry(
        "out-of-bounds-write",
        "a buffer is written beyond its end",
        "The guard zones around a buffer were changed.",
        "Anything: results may be right, and memory of others is destroyed.",
        "loops over a tensor end at its extents",
        group=BEHAVIOUR,
        checks=("out-of-bounds", "guard-zones", "out-of-bounds-write"),
    ),
    Entry(
        "nondeterministic",
        "the same call gives something else",
        "Two calls with the same arguments return different bits.",
        "Uninitialised memory, random numbers, or threads that add in no fixed order.",
        "the same arguments give the same bits",
        group=BEHAVIOUR,
        checks=("deterministic",),
    ),
    Entry(
        "nan-on-saturation",
        "large pre-activations give NaN or infinity",
        "A sigmoid or tanh by exp(a) overflows where gates are at their ends.",
        "Right for moderate inputs, not a number for large ones.",
        "sigmoid(a) = exp(-max(-a, 0)) / (1 + exp(-abs(a))), which never overflows",
        group=BEHAVIOUR,
        checks=("saturation",),
    ),
    Entry(
        "not-reentrant",
        "calls beside each other disturb each other",
        "Threads that call at the same time share a buffer or a global.",
        "Right when called alone.",
        "keep what a call needs in the call",
        group=BEHAVIOUR,
        checks=("reentrant",),
    ),
    Entry(
        "depends-on-alignment",
        "results depend on where arrays begin in memory",
        "Arrays that begin between the aligned addresses give something else, or a crash.",
        "Right for arrays that an allocator returns, wrong for views.",
        "load unaligned, or copy first",
        group=BEHAVIOUR,
        checks=("alignment",),
    ),
    Entry(
        "crash",
        "the call does not return",
        "The process dies, hangs, or an exception leaves the call.",
        "No result.",
        "return a result for every size of at least 1",
        group=BEHAVIOUR,
        checks=("crash", "hang", "timeout", "exception", "gradient-exception"),
    ),
)
