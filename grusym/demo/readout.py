"""The linear softmax readout, with gradients written by hand: logits = h W^T + b, loss = mean cross entropy."""

from dataclasses import dataclass

import numpy as np

from grusym.demo.digits import Floats, Labels


@dataclass(frozen=True)
class Readout:
    """The mean cross entropy of a batch, and its gradients: h (B, H), weight (C, H), bias (C,)."""

    loss: float
    h: Floats
    weight: Floats
    bias: Floats


def logits(h: Floats, weight: Floats, bias: Floats) -> Floats:
    """One row of C scores a sample: h (B, H), weight (C, H), bias (C,)."""
    return h @ weight.T + bias


def cross_entropy(h: Floats, labels: Labels, weight: Floats, bias: Floats) -> Readout:
    """The loss of states h (B, H) with labels (B,), and its gradients.

    d loss / d logits = (softmax(logits) - onehot(labels)) / B.

    >>> zero = np.zeros
    >>> float(cross_entropy(zero((1, 2)), zero(1, int), zero((10, 2)), zero(10)).loss) == float(np.log(10))
    True
    """
    scores = logits(h, weight, bias)
    scores = scores - scores.max(axis=1, keepdims=True)
    exponentials = np.exp(scores)
    totals = exponentials.sum(axis=1, keepdims=True)
    samples = np.arange(len(labels))
    loss = float(np.mean(np.log(totals[:, 0]) - scores[samples, labels]))
    delta = exponentials / totals
    delta[samples, labels] -= 1.0
    delta /= len(labels)
    return Readout(loss, delta @ weight, delta.T @ h, delta.sum(axis=0))
