"""The classifier: a generated GRU kernel, a linear softmax readout of its last state, descent. No autograd anywhere."""

from dataclasses import dataclass

import numpy as np

from grusym.demo.digits import CLASSES, Floats, Labels
from grusym.demo.momentum import Descent
from grusym.demo.readout import cross_entropy, logits
from grusym.runtime.kernel import Kernel

GRU = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
Weights = dict[str, Floats]


def initial_weights(inputs: int, hidden: int, seed: int) -> Weights:
    """Uniform within 1/sqrt(H), as torch.nn.GRU and torch.nn.Linear(H, ...) begin; named and packed as in PyTorch."""
    generator = np.random.default_rng(seed)
    shapes = {
        "weight_ih": (3 * hidden, inputs),
        "weight_hh": (3 * hidden, hidden),
        "bias_ih": (3 * hidden,),
        "bias_hh": (3 * hidden,),
        "readout_weight": (CLASSES, hidden),
        "readout_bias": (CLASSES,),
    }
    bound = 1 / np.sqrt(hidden)
    return {name: generator.uniform(-bound, bound, shape) for name, shape in shapes.items()}


@dataclass
class Classifier:
    """Weights that learn: the kernel gives the GRU's gradients, `readout.py` those of what stands behind it."""

    kernel: Kernel
    weights: Weights
    descent: Descent

    @property
    def hidden(self) -> int:
        return self.weights["weight_hh"].shape[1]

    def loss_and_gradients(self, x: Floats, labels: Labels) -> tuple[float, Weights]:
        """The mean cross entropy of a batch x (T, B, I), labels (B,), and the gradient of every weight."""
        h0 = np.zeros((x.shape[1], self.hidden))
        tape = self.kernel.forward(x, h0, {name: self.weights[name] for name in GRU})
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
        h0 = np.zeros((x.shape[1], self.hidden))
        h_n = self.kernel.forward(x, h0, {name: self.weights[name] for name in GRU}, saving=False).h_n
        return np.argmax(logits(h_n, self.weights["readout_weight"], self.weights["readout_bias"]), axis=1)
