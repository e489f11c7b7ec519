"""The classifier: a generated GRU kernel, a linear softmax readout of its last state, descent. No autograd anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from grusym.conventions.library import layout_of
from grusym.conventions.packing import numbers
from grusym.demo.digits import CLASSES, Floats, Labels
from grusym.equations.library import cell
from grusym.runtime.kernel import Kernel

CELL, CONVENTION = "gru", "torch"
GRU = dict(layout_of(cell(CELL), CONVENTION).arrays)  # the shapes of the kernel's weights, by name
MOMENTUM = 0.9
Weights = dict[str, Floats]


@dataclass(frozen=True)
class Readout:
    """The mean cross entropy of a batch behind logits = h W^T + b; its gradients h (B, H), weight (C, H), bias (C,)."""

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


@dataclass
class Descent:
    """Gradient descent with momentum (Polyak, 1964), step for step what torch.optim.SGD does.

    `velocity` holds v by the name of the weight: v = MOMENTUM v + gradient, weight = weight - learning_rate v. Not
    Adam: that divides every gradient by its own size, so one that is wrong by a factor would train just the same.
    """

    learning_rate: float
    velocity: dict[str, Floats] = field(default_factory=dict)

    def step(self, weights: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        """Move every weight, in place, against its gradient."""
        for name, weight in weights.items():
            before = self.velocity.get(name)
            self.velocity[name] = gradients[name] if before is None else MOMENTUM * before + gradients[name]
            weight -= self.learning_rate * self.velocity[name]


def initial_weights(inputs: int, hidden: int, seed: int) -> Weights:
    """Uniform within 1/sqrt(H), as torch.nn.GRU and torch.nn.Linear(H, ...) begin; named and packed as in PyTorch."""
    generator = np.random.default_rng(seed)
    shapes = {name: numbers(shape, {"I": inputs, "H": hidden}) for name, shape in GRU.items()}
    shapes |= {"readout_weight": (CLASSES, hidden), "readout_bias": (CLASSES,)}
    bound = 1 / np.sqrt(hidden)
    return {name: generator.uniform(-bound, bound, shape) for name, shape in shapes.items()}


@dataclass
class Classifier:
    """Weights that learn: the kernel gives the GRU's gradients, `cross_entropy` those of what stands behind it."""

    kernel: Kernel
    weights: Weights
    descent: Descent

    def loss_and_gradients(self, x: Floats, labels: Labels) -> tuple[float, Weights]:
        """The mean cross entropy of a batch x (T, B, I), labels (B,), and the gradient of every weight."""
        tape = self.kernel.forward(x, None, {name: self.weights[name] for name in GRU})
        readout = cross_entropy(tape.h_n, labels, self.weights["readout_weight"], self.weights["readout_bias"])
        gradients = self.kernel.backward(tape, None, readout.h).params
        return readout.loss, {**gradients, "readout_weight": readout.weight, "readout_bias": readout.bias}

    def step(self, x: Floats, labels: Labels) -> float:
        """One step of training; returns the loss before it."""
        loss, gradients = self.loss_and_gradients(x, labels)
        self.descent.step(self.weights, gradients)
        return loss

    def predict(self, x: Floats) -> Labels:
        """The likeliest class of every sequence: x (T, N, I) to (N,)."""
        h_n = self.kernel.forward(x, None, {name: self.weights[name] for name in GRU}, saving=False).h_n
        return np.argmax(logits(h_n, self.weights["readout_weight"], self.weights["readout_bias"]), axis=1)
