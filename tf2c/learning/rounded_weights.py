"""A layer's weights on their way to powers of two: the largest are rounded and never move again."""

import numpy as np
import torch
from torch import nn

from tf2c.learning.torch_ops import Tensor, tensor_of
from tf2c.numerics import exponents, pow2


class RoundedWeights:
    """Weights of which a growing share, the largest first, is frozen on levels.

    Levels are 0 and `±2**m * 2**exponent` with `m` in 0..6, which one-term codes stand for.
    """

    def __init__(self, weight: nn.Parameter) -> None:
        """Take weights of the trained network, which choose the levels once and for all.

        `exponents.layer_pow2_exponent` is the formula.
        """
        self.weight = weight
        self.exponent = exponents.layer_pow2_exponent(weight.detach().numpy())
        self.frozen = torch.zeros_like(weight, dtype=torch.bool)
        """Which weights are rounded."""
        self._levels = weight.detach().clone()
        """Values of the frozen weights, beside others that say nothing."""

    def round_largest(self, share: float) -> None:
        """Round so many of the others, largest first, that `share` of the weights are frozen.

        What is frozen stays so; of equally large weights the first ones are taken.
        """
        count = round(share * self.weight.numel()) - int(self.frozen.sum())
        with torch.no_grad():
            magnitudes = torch.where(self.frozen, -1.0, self.weight.abs()).reshape(-1)
            order = torch.argsort(magnitudes, descending=True, stable=True)
            self.frozen.view(-1)[order[:count]] = True
            self._levels = torch.where(self.frozen, self._nearest(), self.weight)
        self.restore()

    def restore(self) -> None:
        """Put the frozen weights back on their levels, wherever an optimizer has moved them to."""
        with torch.no_grad():
            self.weight.copy_(torch.where(self.frozen, self._levels, self.weight))

    def resume(self, frozen: Tensor) -> None:
        """Take over which weights are frozen, where `weight` holds their levels already."""
        self.frozen = frozen
        self._levels = self.weight.detach().clone()

    def _nearest(self) -> Tensor:
        """Return the level nearest to each weight.

        Equation 4 of the paper: between two levels the halfway point belongs to the larger one.
        Frozen weights are levels, and so remain what they are.
        """
        weights = self.weight.detach().numpy()
        # Rows are what `round_to_pow2` divides among threads.
        rounded = pow2.round_to_pow2(weights, self.exponent)
        return tensor_of(np.ldexp(rounded.astype(np.float32), self.exponent))
