"""Gradient descent with momentum (Polyak, 1964) in NumPy, step for step what torch.optim.SGD does.

Not Adam: Adam divides every gradient by its own size, so one that is wrong by a factor would train just the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from grusym.demo.digits import Floats

MOMENTUM = 0.9


@dataclass
class Descent:
    """Velocities by the name of the weight: v = MOMENTUM v + gradient, weight = weight - learning_rate v."""

    learning_rate: float
    velocity: dict[str, Floats] = field(default_factory=dict)

    def step(self, weights: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        """Move every weight, in place, against its gradient."""
        for name, weight in weights.items():
            before = self.velocity.get(name)
            self.velocity[name] = gradients[name] if before is None else MOMENTUM * before + gradients[name]
            weight -= self.learning_rate * self.velocity[name]
