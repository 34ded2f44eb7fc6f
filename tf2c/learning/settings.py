"""What users choose about retraining. Imports no PyTorch."""

import math
from dataclasses import dataclass

from tf2c.errors import UserError


@dataclass(frozen=True)
class Settings:
    """Of stochastic gradient descent.

    Raises:
        UserError: a number is out of range.
    """

    epochs: int = 4
    """In each of the five rounds."""
    batch: int = 32
    """Images per step, where a folder is read."""
    learning_rate: float = 0.001
    """In the first epoch of a round."""
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0
    """Of the order of the images."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if self.epochs < 1:
            raise UserError(f"expected at least 1 epoch in each round, got {self.epochs}")
        if self.batch < 1:
            raise UserError(f"expected at least 1 image in each batch, got {self.batch}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise UserError(f"expected a learning rate above 0, got {self.learning_rate:g}")
        if not 0 <= self.momentum < 1:
            raise UserError(f"expected a momentum from 0 to below 1, got {self.momentum:g}")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise UserError(f"expected a weight decay of at least 0, got {self.weight_decay:g}")
        if self.seed < 0:
            raise UserError(f"expected a seed of at least 0, got {self.seed}")

    def rate_in(self, epoch_of_round: int) -> float:
        """Return the learning rate, which falls along half a cosine in each round.

        Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
        equation 5.
        """
        return self.learning_rate * (1 + math.cos(math.pi * epoch_of_round / self.epochs)) / 2


DEFAULT_SETTINGS = Settings()
