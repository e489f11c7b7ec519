"""The same classifier in PyTorch: torch.nn.GRU, torch.nn.Linear, cross_entropy, autograd, torch.optim.SGD."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from grusym.demo.classifier import GRU, MOMENTUM
from grusym.demo.digits import Floats, Labels
from grusym.demo.optional import need


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch and NumPy's matrix products on one thread, as the C kernel runs; afterwards on as many as before."""
    torch: Any = need("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with need("threadpoolctl").threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def torch_gru(weights: Mapping[str, Floats]) -> Any:
    """A torch.nn.GRU in float64 with copies of these weights."""
    torch: Any = need("torch")
    inputs, hidden = weights["weight_ih"].shape[1], weights["weight_hh"].shape[1]
    gru = torch.nn.GRU(inputs, hidden, dtype=torch.float64)
    gru.load_state_dict({f"{name}_l0": torch.from_numpy(weights[name]) for name in GRU})
    return gru


class TorchClassifier:
    """The twin of `classifier.Classifier`, begun from copies of its weights."""

    def __init__(self, weights: Mapping[str, Floats], learning_rate: float):
        torch: Any = need("torch")
        classes, hidden = weights["readout_weight"].shape
        self.torch = torch
        self.gru = torch_gru(weights)
        self.linear = torch.nn.Linear(hidden, classes, dtype=torch.float64)
        readout = {name: torch.from_numpy(weights[f"readout_{name}"]) for name in ("weight", "bias")}
        self.linear.load_state_dict(readout)
        parameters = [*self.gru.parameters(), *self.linear.parameters()]
        self.descent = torch.optim.SGD(parameters, lr=learning_rate, momentum=MOMENTUM)

    def logits(self, x: Floats) -> Any:
        _, h_n = self.gru(self.torch.from_numpy(x))
        return self.linear(h_n[0])

    def step(self, x: Floats, labels: Labels) -> float:
        """One step of training; returns the loss before it."""
        loss = self.torch.nn.functional.cross_entropy(self.logits(x), self.torch.from_numpy(labels))
        self.descent.zero_grad()
        loss.backward()
        self.descent.step()
        return float(loss.item())

    def predict(self, x: Floats) -> Labels:
        """The likeliest class of every sequence: x (T, N, I) to (N,)."""
        with self.torch.no_grad():
            labels: Labels = self.logits(x).argmax(dim=1).numpy()
        return labels
