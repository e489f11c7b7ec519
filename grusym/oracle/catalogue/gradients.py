"""Mistakes in gradients, where the layer itself is right: a path that is missing, a wrong derivative, a wrong sum."""

from typing import Any

import numpy as np
from sympy import Integer

from grusym.equations.functions import sigmoid, tanh
from grusym.oracle.catalogue.backward_sums import ALL, carry, only, weighted
from grusym.oracle.catalogue.edits import ONE
from grusym.oracle.catalogue.entry import GRADIENTS, Entry, ways
from grusym.oracle.catalogue.saved_values import layer_input, stale
from grusym.oracle.catalogue.tangent_edits import functions
from grusym.oracle.catalogue.tangent_paths import candidate_reset, direct, own_unit, reset_path, shifted
from grusym.oracle.program import backwards


def _entry(id_: str, title: str, what: str, shows: str, fix: str, links: tuple[str, ...], ways: Any) -> Entry:
    return Entry(id_, title, what, shows, fix, links, GRADIENTS, ways)


HALF = Integer(1) / 2
GRADIENT = (
    _entry(
        "grad-direct-path-polarity",
        "the direct path of the state's gradient has the wrong gate",
        "dh' z where the cell has dh' (1 - z), or the reverse.",
        "dh0 is wrong at every step; gradients of parameters are right at the last step only.",
        "dh[k] = z[k] dh'[k] + J[i,k] dh'[i], where h' = (1 - z) n + z h and J holds the other paths",
        ("ooples/AiDotNet#722",),
        direct,
    ),
    _entry(
        "grad-carry-missing",
        "the gradient is not carried from step to step",
        "The cotangent of the state that a step read is not added to that of the step before, as where the state is "
        "detached: BPTT cut after one step.",
        "Right at T = 1, unless dh0 is zero as well; else only the last step's part of h_n arrives.",
        "dh[t-1] = dy[t-1] + J[t]^T dh[t]",
        ("rsokl/MyGrad#4", "qixianbiao/RNN#2"),
        ways("grad-carry-missing", carry("none"), carry("detached")),
    ),
    _entry(
        "grad-final-state-ignored",
        "the cotangent of the final state is ignored",
        "Backward begins with zero in place of dh_n.",
        "Right where dh_n = 0.",
        "dh[T-1] = dy[T-1] + dh_n",
        (),
        ways("grad-final-state-ignored", lambda p: backwards(p, final=False)),
    ),
    _entry(
        "grad-own-unit-only",
        "the state's gradient leaves out other units",
        "What goes back to unit k is made of the cotangent of unit k alone, where every unit that read h[k] counts.",
        "Right for H = 1.",
        "dh[k] = sum[i](da[i] U[i,k])",
        ("ooples/AiDotNet#722",),
        own_unit,
    ),
    _entry(
        "grad-recurrent-shifted-state",
        "the gradient uses the state after the step",
        "dU, or dr, is computed with h_t where h_(t-1) belongs.",
        "Gradients of recurrent weights are wrong, everything that does not multiply the state is right.",
        "dU[i,k] = sum[t](da[t,i] h[t-1,k])",
        ("VikParuchuri/zero_to_gpt#9", "ooples/AiDotNet#1048"),
        shifted,
    ),
    _entry(
        "grad-reset-path-missing",
        "the path through the reset gate is missing",
        "Nothing, or not all, goes back through r.",
        "Gradients of the reset gate's parameters are zero, or the path from it to dh is missing.",
        "dr[i] = dn[i] (1 - n[i]^2) u[i]; dh[k] = dh[k] + U_r[i,k] dr[i] r[i] (1 - r[i])",
        (),
        reset_path,
    ),
    _entry(
        "grad-candidate-reset-missing",
        "r is missing in the cotangent of the candidate's recurrent part",
        "What goes to U_n h + c_n is dn (1 - n^2), without the factor r.",
        "Gradients of U_n and c_n, or one of them, or what goes on to dh, are wrong; those of W_n and b_n are right at "
        "the last step.",
        "du[i] = dn[i] (1 - n[i]^2) r[i]",
        (),
        candidate_reset,
    ),
    _entry(
        "grad-tanh-derivative",
        "the derivative of tanh is wrong",
        "(1 - n)^2, 1 - n, 1 + n^2 or tanh'(n) for 1 - n^2: the rule is applied to the value, or mistyped.",
        "Gradients through the candidate are wrong, those through the update gate are right.",
        "tanh'(a) = 1 - n^2, with n = tanh(a)",
        (),
        functions(
            "grad-tanh-derivative",
            tanh,
            "tanh'(a) = 1 - n^2, with n = tanh(a)",
            lambda y, a: (1 - y) ** 2,
            lambda y, a: 1 - y,
            lambda y, a: 1 + y**2,
            lambda y, a: 1 - tanh(y) ** 2,
            lambda y, a: 1 - a**2,
            lambda y, a: ONE,
            lambda y, a: y * (1 - y),
        ),
    ),
    _entry(
        "grad-sigmoid-derivative",
        "the derivative of sigmoid is wrong",
        "(1 - s)^2, s^2, 1 - s, 1 - s^2 or sigmoid'(s) for s (1 - s).",
        "Gradients through the gates are wrong, those through the candidate are right at the last step.",
        "sigmoid'(a) = s * (1 - s), with s = sigmoid(a)",
        (),
        functions(
            "grad-sigmoid-derivative",
            sigmoid,
            "sigmoid'(a) = s * (1 - s), with s = sigmoid(a)",
            lambda y, a: (1 - y) ** 2,
            lambda y, a: y**2,
            lambda y, a: 1 - y,
            lambda y, a: 1 - y**2,
            lambda y, a: y * (1 + y),
            lambda y, a: sigmoid(y) * (1 - sigmoid(y)),
            lambda y, a: a * (1 - a),
            lambda y, a: ONE,
        ),
    ),
    _entry(
        "grad-batch-not-summed",
        "gradients of parameters are those of one sample",
        "The first or the last sample's part stands for the sum over the batch.",
        "Right for B = 1; dx and dh0 are right.",
        "dW[i,j] = sum[t,b](da[t,b,i] x[t,b,j])",
        (),
        ways("grad-batch-not-summed", weighted(only(ALL, 0)), weighted(only(ALL, -1))),
    ),
    _entry(
        "grad-batch-mean",
        "gradients of parameters are averaged over the batch",
        "The sum over the batch is divided by B, or that over batch and time by T B.",
        "Right for B = 1; elsewhere too small by exactly B.",
        "dW[i,j] = sum[t,b](da[t,b,i] x[t,b,j])",
        (),
        ways(
            "grad-batch-mean",
            weighted(lambda steps, batch: np.full((steps, batch), 1 / batch)),
            weighted(lambda steps, batch: np.full((steps, batch), 1 / max(1, batch * steps))),
        ),
    ),
    _entry(
        "grad-time-last-only",
        "gradients of parameters are those of the last step",
        "The last step's part stands for the sum over time.",
        "Right for T = 1; dx and dh0 are right.",
        "dW[i,j] = sum[t,b](da[t,b,i] x[t,b,j])",
        (),
        ways("grad-time-last-only", weighted(only(-1, ALL))),
    ),
    _entry(
        "grad-accumulates",
        "gradients add up from call to call",
        "Gradients of parameters are added to what the buffer held: those of earlier calls.",
        "The first call is right, the same call again gives twice as much.",
        "dW = 0, before the first step",
        (),
        ways("grad-accumulates", lambda p: backwards(p, accumulates=True)),
    ),
    _entry(
        "grad-overwrites",
        "each step overwrites the gradients of the one before",
        "dW is assigned where it should be added to: the step, or the sample, that is done last remains, the "
        "first in time.",
        "Right for T = 1 (and B = 1); dx and dh0 are right.",
        "dW[i,j] = dW[i,j] + da[t,i] x[t,j], at every step",
        (),
        ways("grad-overwrites", weighted(only(0, ALL)), weighted(only(0, -1))),
    ),
    Entry(
        "grad-frozen-parameters-cut-state",
        "dx or dh0 change when gradients of parameters are not asked for",
        "Where parameters are frozen, a shortcut skips what the state's gradient needs as well.",
        "All gradients are right when all are asked for; dx and dh0 alone are wrong.",
        "dh[t-1] = dy[t-1] + J[t]^T dh[t], whatever else is asked for",
        ("apache/mxnet",),
        GRADIENTS,
        checks=("vjp-frozen",),
    ),
    _entry(
        "grad-saved-buffer-stale",
        "backward reads a buffer that holds something else",
        "The values that backward reads are those of another step, or gates before their activation.",
        "Gradients are wrong where the saved values of steps differ; forward is right.",
        "backward at step t uses the gates and the state of step t",
        ("microsoft/onnxruntime#16862",),
        stale,
    ),
    _entry(
        "grad-layer-input",
        "the gradient of the input weights uses another input",
        "dW is computed with what another layer or step read.",
        "Gradients of input weights are wrong; biases, recurrent weights, dx and dh0 are right.",
        "dW[i,j] = sum[t](da[t,i] x[t,j])",
        ("apache/mxnet#18203",),
        layer_input,
    ),
)
