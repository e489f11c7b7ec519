"""The same training twice: the generated kernel without autograd, and PyTorch, from the same weights and batches."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grusym.demo.classifier import Classifier, Descent, Weights, initial_weights
from grusym.demo.digits import Digits, Floats, Sequences, batches
from grusym.demo.pytorch import TorchClassifier, one_thread
from grusym.runtime.kernel import Kernel

TOLERANCE = 1e-5  # of the loss, at every step
FEWEST_STEPS = 100
WANTED_ACCURACY = 0.95


@dataclass(frozen=True)
class Settings:
    """What decides a training, besides the kernel."""

    hidden: int = 48
    batch: int = 64
    steps: int = 400
    learning_rate: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class Training:
    """The losses (steps,) before every step, and the share of the test images recognised after the last."""

    kernel_losses: Floats
    torch_losses: Floats
    kernel_accuracy: float
    torch_accuracy: float
    weights: Weights

    @property
    def differences(self) -> Floats:
        return np.abs(self.kernel_losses - self.torch_losses)

    @property
    def curves_agree(self) -> bool:
        """Whether the losses agree within TOLERANCE at each of at least FEWEST_STEPS steps; NaN agrees with nothing."""
        return len(self.differences) >= FEWEST_STEPS and bool(np.all(self.differences <= TOLERANCE))

    @property
    def learned(self) -> bool:
        """Whether more than WANTED_ACCURACY of the test images are recognised."""
        return self.kernel_accuracy > WANTED_ACCURACY


def train(
    kernel: Kernel, digits: Digits, settings: Settings, on_step: Callable[[int, float], None] = lambda step, loss: None
) -> Training:
    """Train with a float64 kernel of gru in PyTorch's convention, and beside it in PyTorch on one thread.

    `on_step` is called with the number of steps done and the kernel's loss. Raises InputError where PyTorch is not
    installed or the kernel is of another cell, dtype or convention.
    """
    weights = initial_weights(digits.train.x.shape[2], settings.hidden, settings.seed)
    theirs = TorchClassifier(weights, settings.learning_rate)
    ours = Classifier(kernel, weights, Descent(settings.learning_rate))
    losses = []
    with one_thread():
        for batch in batches(digits.train, settings.batch, settings.steps, settings.seed):
            losses.append((ours.step(batch.x, batch.labels), theirs.step(batch.x, batch.labels)))
            on_step(len(losses), losses[-1][0])
        accuracies = accuracy(ours, digits.test), accuracy(theirs, digits.test)
    kernel_losses, torch_losses = np.array(losses).T
    return Training(kernel_losses, torch_losses, *accuracies, ours.weights)


def accuracy(learner: Classifier | TorchClassifier, data: Sequences) -> float:
    """The share of the samples whose label is predicted."""
    return float(np.mean(learner.predict(data.x) == data.labels))
