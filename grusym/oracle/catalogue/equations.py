"""Mistakes in the equations of a step."""

from collections.abc import Callable, Iterable
from functools import partial

from sympy import Rational

from grusym.equations.cell import Cell
from grusym.equations.functions import relu, sigmoid
from grusym.equations.library import settings_of
from grusym.oracle.catalogue import roles
from grusym.oracle.catalogue.activations import approximated, clipped, hard, of_candidates, padé
from grusym.oracle.catalogue.candidate_edits import (
    candidate_bias_missing,
    in_candidates,
    outside_reset,
    reset_at_target,
    reset_omitted,
    sums_reset,
)
from grusym.oracle.catalogue.edits import Edit, doubled, edited, functions_replaced, option, without
from grusym.oracle.catalogue.entry import Candidate, Entry, Setting
from grusym.oracle.catalogue.stale_state import blend_stale
from grusym.oracle.catalogue.start import at_absent_start


def _option(key: str, value: str, setting: Setting) -> list[Candidate]:
    """The other value of an option; none where the cell has that value."""
    edit = option(key, value)
    if edit(setting.cell) is None or settings_of(setting.cell).get(key) == value:
        return []
    return edited(f"{key}-{value}", edit, setting.cell)


def _letters(
    id_: str, make: Callable[[set[str]], Edit], choices: Iterable[tuple[str, ...]], setting: Setting
) -> list[Candidate]:
    found = []
    for letters in choices:
        names = {tensor.name for tensor in roles.with_letter(setting.cell, *letters)}
        found += edited(id_, make(names), setting.cell) if names else []
    return found


def _recurrent_biases(cell: Cell) -> Cell | None:
    names = {tensor.name for tensor in roles.with_letter(cell, "c")}
    return without(names)(cell) if names else None


def _also_at_start(always: list[Candidate], edit: Edit) -> list[Candidate]:
    """What is made at every step, and what is made at the first one alone, where no initial state is given."""
    return [*always, *(at_absent_start(one.id, edit, one.fix) for one in always)]


EQUATIONS = (
    Entry(
        "reset-before",
        "the reset gate acts on h before the recurrent product",
        "The candidate is computed as tanh(W x + b + U (r h)), the form of Cho et al. (v3), where the cell "
        "has r (U h + c).",
        "Wrong from the first step on, unless H = 1 and the recurrent bias of the candidate is zero, where both agree.",
        "n[i] = tanh(W_n[i,j] x[j] + b_n[i] + r[i] (U_n[i,k] h[k] + c_n[i]))",
        ("microsoft/onnxscript#2852", "pytorch/pytorch#189225", "nntrainer/nntrainer#1644"),
        ways=partial(_option, "reset", "before"),
    ),
    Entry(
        "reset-after",
        "the reset gate acts on the recurrent product",
        "The candidate is computed as tanh(W x + b + r (U h + c)), the form of cuDNN and PyTorch, where the "
        "cell has U (r h).",
        "Wrong from the first step on, unless H = 1 and the recurrent bias of the candidate is zero, where both agree.",
        "n[i] = tanh(W_n[i,j] x[j] + U_n[i,k] (r[k] h[k]) + b_n[i] + c_n[i])",
        ("pytorch/pytorch#8153", "ROCm/MIOpen#716"),
        ways=partial(_option, "reset", "after"),
    ),
    Entry(
        "update-write",
        "the update gate writes the candidate",
        "The blend is (1 - z) h + z n where the cell has (1 - z) n + z h. Negating W_z, U_z and "
        "the biases of z has the same "
        "effect, since sigmoid(-a) = 1 - sigmoid(a).",
        "Wrong from the first step on.",
        "h'[i] = (1 - z[i]) n[i] + z[i] h[i]",
        ("keras-team/keras#14649", "pytorch/pytorch#20129", "bionick87/ConvGRUCell-pytorch#1"),
        ways=partial(_option, "update", "write"),
    ),
    Entry(
        "update-keep",
        "the update gate keeps the old state",
        "The blend is (1 - z) n + z h where the cell has (1 - z) h + z n. Negating W_z, U_z and "
        "the biases of z has the same "
        "effect, since sigmoid(-a) = 1 - sigmoid(a).",
        "Wrong from the first step on.",
        "h'[i] = (1 - z[i]) h[i] + z[i] n[i]",
        ("pytorch/pytorch#60645", "PaddlePaddle/Paddle#15161"),
        ways=partial(_option, "update", "keep"),
    ),
    Entry(
        "reset-omitted",
        "the candidate does not see the reset gate",
        "The reset gate is computed and not used: the candidate reads h where it should read r h.",
        "Wrong wherever the state before the step is not zero; its parameters have no gradient.",
        "n[i] = tanh(W_n[i,j] x[j] + b_n[i] + r[i] (U_n[i,k] h[k] + c_n[i]))",
        ("zhiyongc/GRU-D#2",),
        ways=lambda s: edited("reset-omitted", in_candidates(reset_omitted), s.cell),
    ),
    Entry(
        "reset-wrong-index",
        "the reset gate has the wrong index",
        "In U (r h) the gate belongs to the unit that is read, r[k] h[k]; here it is that of the unit that "
        "is written, r[i].",
        "Wrong wherever H > 1; right for H = 1.",
        "n[i] = tanh(W_n[i,j] x[j] + U_n[i,k] (r[k] h[k]) + b_n[i])",
        ("ooples/AiDotNet#722",),
        ways=lambda s: (
            edited("reset-wrong-index", in_candidates(reset_at_target), s.cell) if sums_reset(s.cell) else []
        ),
    ),
    Entry(
        "recurrent-candidate-bias-missing",
        "the recurrent bias of the candidate is missing",
        "c_n, the bias that the reset gate scales, is not added: never, or not at the first step where no initial "
        "state is given, as the recurrent part is left out there.",
        "Wrong by a little everywhere, or where h0 is left out; seen only where c_n is not zero.",
        "u[i] = U_n[i,k] h[k] + c_n[i]",
        ("google/flax#5594", "ml-explore/mlx#3249"),
        ways=lambda s: _also_at_start(
            edited("recurrent-candidate-bias-missing", candidate_bias_missing, s.cell), candidate_bias_missing
        ),
    ),
    Entry(
        "recurrent-candidate-bias-outside-reset",
        "the recurrent bias of the candidate stands outside the reset gate",
        "c_n is added to the input's part of the candidate, so that the reset gate does not scale it.",
        "Wrong by (1 - r) c_n before the tanh; seen only where c_n is not zero.",
        "n[i] = tanh(W_n[i,j] x[j] + b_n[i] + r[i] (U_n[i,k] h[k] + c_n[i]))",
        ("apple/coremltools#1124",),
        ways=lambda s: edited("recurrent-candidate-bias-outside-reset", outside_reset, s.cell),
    ),
    Entry(
        "input-bias-missing",
        "the input biases are missing",
        "The biases b of the gates and the candidate are not added.",
        "Wrong everywhere; seen only where they are not zero.",
        "a[i] = W[i,j] x[j] + U[i,k] h[k] + b[i] + c[i]",
        ("xiph/rnnoise#177",),
        ways=partial(_letters, "input-bias-missing", without, [("b",)]),
    ),
    Entry(
        "recurrent-bias-missing",
        "the recurrent biases are missing",
        "The biases c of the gates and the candidate are not added.",
        "Wrong everywhere; seen only where they are not zero.",
        "a[i] = W[i,j] x[j] + U[i,k] h[k] + b[i] + c[i]",
        ("xiph/rnnoise#177",),
        ways=lambda s: _also_at_start(_letters("recurrent-bias-missing", without, [("c",)], s), _recurrent_biases),
    ),
    Entry(
        "bias-doubled",
        "a bias is added twice",
        "The biases, or those of one side, are added in both products or before and after them.",
        "Wrong everywhere; seen only where biases are not zero.",
        "a[i] = W[i,j] x[j] + U[i,k] h[k] + b[i] + c[i]",
        ("tensorflow/tensorflow#54507",),
        ways=partial(_letters, "bias-doubled", doubled, [("b", "c"), ("b",), ("c",)]),
    ),
    Entry(
        "hard-sigmoid-0.2",
        "the gates use the hard sigmoid of slope 0.2",
        "max(0, min(1, 0.2 a + 0.5)) stands for the logistic function, as old versions of Keras had it by default.",
        "Off by up to 0.09 in every gate, wherever pre-activations are not zero.",
        "sigmoid(a) = 1 / (1 + exp(-a))",
        ("PaddlePaddle/Paddle#44820",),
        ways=lambda s: edited("hard-sigmoid-0.2", functions_replaced("sigmoid", hard(Rational(1, 5))), s.cell),
    ),
    Entry(
        "hard-sigmoid-1/6",
        "the gates use the hard sigmoid of slope 1/6",
        "max(0, min(1, a/6 + 1/2)) stands for the logistic function, as PyTorch and later versions of Keras define it.",
        "Off by up to 0.08 in every gate, wherever pre-activations are not zero.",
        "sigmoid(a) = 1 / (1 + exp(-a))",
        ("PaddlePaddle/Paddle#44820",),
        ways=lambda s: edited("hard-sigmoid-1/6", functions_replaced("sigmoid", hard(Rational(1, 6))), s.cell),
    ),
    Entry(
        "candidate-relu",
        "the candidate uses relu",
        "max(0, a) stands for tanh in the candidate.",
        "Wrong everywhere; the state can grow beyond 1.",
        "n[i] = tanh(a[i])",
        ("xiph/rnnoise#79",),
        ways=lambda s: of_candidates("candidate-relu", lambda v, a: v if isinstance(v, relu) else relu(a), s),
    ),
    Entry(
        "candidate-linear",
        "the candidate has no activation",
        "The pre-activation of the candidate is blended into the state as it is.",
        "Wrong everywhere, least where pre-activations are small; the state can grow beyond 1.",
        "n[i] = tanh(a[i])",
        ways=partial(of_candidates, "candidate-linear", lambda v, a: a),
    ),
    Entry(
        "candidate-extra-sigmoid",
        "the candidate has an activation too many",
        "A sigmoid is applied before or after the candidate's tanh.",
        "Wrong everywhere; the candidate is never negative.",
        "n[i] = tanh(a[i])",
        ("malmaud/TensorFlow.jl#384",),
        ways=lambda s: [
            *of_candidates("candidate-extra-sigmoid", lambda v, a: sigmoid(v), s),
            *of_candidates("candidate-extra-sigmoid", lambda v, a: v.func(sigmoid(a)), s),
        ],
    ),
    Entry(
        "blend-stale-state",
        "the blend reads a stale state",
        "Gates and candidate read the state before the step; the blend reads an older one, or still the initial one.",
        "Right at the first step, wrong from the second on.",
        "h'[i] = (1 - z[i]) n[i] + z[i] h[i]",
        ("mquad/hgru4rec#11",),
        ways=blend_stale,
    ),
    Entry(
        "tanh-as-approximation",
        "tanh is an approximation of low accuracy",
        "A rational function, a table, a clipped line or a fast exponential stands for tanh.",
        "Right where every tanh is taken of 0, off by far more than rounding elsewhere; gates are right.",
        "n[i] = tanh(a[i]), to within a few units in the last place",
        ways=partial(approximated, "tanh-as-approximation", "tanh", (padé, clipped)),
    ),
    Entry(
        "sigmoid-as-approximation",
        "sigmoid is an approximation of low accuracy",
        "A rational function, a table or a fast exponential stands for the logistic function.",
        "Right where every gate is 1/2, off by far more than rounding elsewhere; the candidate is right.",
        "sigmoid(a) = 1 / (1 + exp(-a)), to within a few units in the last place",
        ways=partial(approximated, "sigmoid-as-approximation", "sigmoid", (lambda a: (1 + padé(a / 2)) / 2,)),
    ),
)
