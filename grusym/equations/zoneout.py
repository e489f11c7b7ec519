"""Zoneout (Krueger et al. 2016): units that keep the state they had, at random while training.

    training    h'[i] = h[i] + m_h[i] (h_new[i] - h[i])     the mask m_h is 0 where a unit keeps its state
    inference   h'[i] = p_h h[i] + (1 - p_h) h_new[i]       p_h is the probability of that

as Haste computes it (lib/gru_forward_gpu.cu.cc); inference is the mean over the masks of training. Everything else in
a step reads the states that are not zoned out, as in the paper: the h of an LSTM follows from its new c.
"""

from collections.abc import Collection, Sequence
from itertools import combinations

from grusym.equations.cell import Cell
from grusym.equations.masking import OPTION as MASK
from grusym.equations.rewriting import element, rewritten, unused
from grusym.errors import InputError

OPTION = "zoneout"
MODES = ("train", "inference")


def zoneout_values(cell: Cell) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The values of the option, each with its mode and the states that it zones out.

    >>> from grusym.equations.library import cell
    >>> list(zoneout_values(cell("lstm")))
    ['train', 'train_h', 'train_c', 'inference', 'inference_h', 'inference_c']
    """
    states = tuple(state.name for state in cell.states)
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for mode in MODES:
        found[mode] = (mode, states)
        for count in range(1, len(states)):
            for chosen in combinations(states, count):
                found.setdefault("_".join((mode, *chosen)), (mode, chosen))
    return found


def zoneout(cell: Cell | str, mode: str = "train", states: Sequence[str] | None = None) -> Cell:
    """A cell whose states (all, or those named) are zoned out.

    For each it has one more input: in training the mask m_h, shaped as the state at every step (T, B, H), 1 where a
    unit takes its new state and 0 where it keeps the old one; in inference the probability p_h of keeping it, a number
    per step and sample (T, B). In the command line's spelling this is an option of every cell: gru:zoneout=train,
    lstm:zoneout=inference_h.

    >>> print(zoneout("rnn:biases=none"))
    rnn(x[j], h[k], m_h[i]) -> h'[i]    axes  j: I   i, k: H
        h_new[i] = tanh(W[i,j] x[j] + U[i,k] h[k])
        h'[i] = h[i] + m_h[i] * (h_new[i] - h[i])

    Raises InputError for an unknown mode or state, a cell with zoneout already, and one with a mask: a mask goes around
    zoneout, not into it.
    """
    from grusym.equations.library import as_cell

    cell = as_cell(cell)
    if mode not in MODES:
        raise InputError(f"mode={mode!r} is unknown; zoneout is one of {', '.join(MODES)}")
    if OPTION in dict(cell.options):
        raise InputError(f"{cell.spelling} has zoneout already; apply it to the cell without")
    if MASK in dict(cell.options):
        raise InputError(f"{cell.spelling} is masked already; apply zoneout first and mask what comes out")
    known = [state.name for state in cell.states]
    if not (states is None or isinstance(states, Collection)):
        raise InputError(f"states is a {type(states).__name__}; pass the names of states, as in states={known[:1]}")
    wanted = known if states is None else list(states)
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise InputError(
            f"states={tuple(wanted)}, but {cell.spelling} has the states {', '.join(known)}; choose some of these"
        )
    chosen = [state for state in cell.states if state.name in wanted]
    value = mode if len(chosen) == len(known) else "_".join((mode, *(state.name for state in chosen)))
    renamed: dict[str, str] = {}
    inputs, equations = [], []
    taken: list[str] = []
    for state in chosen:
        name, update = state.name, state.update
        new = unused(cell, f"{name}_new", besides=taken)
        extra = unused(cell, *((f"m_{name}", f"mask_{name}") if mode == "train" else (f"p_{name}", f"keep_{name}")),
                       besides=(*taken, new))  # fmt: skip
        taken += [new, extra]
        renamed[update.name] = new
        h_new, h, following = element(update, new), element(update, name), element(update)
        if mode == "train":
            inputs.append(element(update, extra))
            equations.append(f"{following} = {h} + {inputs[-1]} * ({h_new} - {h})")
        else:
            inputs.append(extra)
            equations.append(f"{following} = {extra} {h} + (1 - {extra}) {h_new}")
    return rewritten(cell, (OPTION, value), renamed, inputs, equations)
