"""Which layers get two terms per weight, so that the most is gained for a number of terms."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

RESOLUTION = 1000
"""Parts of a network's multiplications that costs are counted in, each layer's rounded up."""

CURVE = tuple(1 + index / 10 for index in range(11))
"""Terms per multiplication that the curve shows."""


@dataclass(frozen=True)
class LayerTerms:
    """A layer, what a second term costs and what it saves."""

    name: str
    multiplications: int
    """Per image; as many additions does a second term cost."""
    noise: float
    """What the layer adds to the network's noise if its weights have one term instead of two."""


@dataclass(frozen=True)
class CurvePoint:
    """The best choice for a number of terms, as the layers' noises add up."""

    terms: float
    """Per multiplication, on average."""
    noise: float
    """Of the network's results, relative to the signal: estimated, not measured."""


@dataclass(frozen=True)
class Mixture:
    """How many terms each layer's weights have."""

    layers: tuple[LayerTerms, ...]
    two_terms: tuple[bool, ...]
    """By layer."""
    base_noise: float
    """Measured noise of the network's results with two terms everywhere, relative to the signal."""

    @property
    def terms(self) -> float:
        """Per multiplication, on average."""
        return mean_terms(self.layers, self.two_terms)

    @property
    def noise(self) -> float:
        """Estimated noise of the results, relative to the signal."""
        return self.base_noise + one_term_noise(self.layers, self.two_terms)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        layers = zip(self.layers, self.two_terms, strict=True)
        return {
            "terms_per_mac": self.terms,
            "estimated_noise": self.noise,
            "layers": [asdict(layer) | {"terms": 1 + two} for layer, two in layers],
            "estimated_curve": [asdict(point) for point in self.curve],
        }

    @property
    def curve(self) -> list[CurvePoint]:
        """What other numbers of terms would come to."""
        points: list[CurvePoint] = []
        for budget in CURVE:
            chosen = best_two_term_layers(self.layers, budget)
            noise = self.base_noise + one_term_noise(self.layers, chosen)
            points.append(CurvePoint(mean_terms(self.layers, chosen), noise))
        return points


def mean_terms(layers: Sequence[LayerTerms], two_terms: Sequence[bool]) -> float:
    """Return the terms per multiplication."""
    doubled = sum(
        layer.multiplications for layer, two in zip(layers, two_terms, strict=True) if two
    )
    return 1 + doubled / max(sum(layer.multiplications for layer in layers), 1)


def one_term_noise(layers: Sequence[LayerTerms], two_terms: Sequence[bool]) -> float:
    """Return the noise of the layers that have one term, as if they were independent."""
    return sum(layer.noise for layer, two in zip(layers, two_terms, strict=True) if not two)


def best_two_term_layers(layers: Sequence[LayerTerms], budget: float) -> tuple[bool, ...]:
    """Return the layers whose second terms save the most noise within a number of terms.

    A 0/1 knapsack, solved exactly up to `RESOLUTION` by dynamic programming. (Taking layers by
    noise per multiplication would pass over a large layer that does not fit at its turn.)

    Args:
        layers: of a network.
        budget: terms per multiplication, on average: 1 to 2.
    """
    total = max(sum(layer.multiplications for layer in layers), 1)
    capacity = int((budget - 1) * RESOLUTION + 1e-9)
    if capacity >= RESOLUTION:
        return (True,) * len(layers)
    costs = [-(-layer.multiplications * RESOLUTION // total) for layer in layers]
    saved = np.zeros(capacity + 1)
    taken = np.zeros((len(layers), capacity + 1), np.bool_)
    for index, (layer, cost) in enumerate(zip(layers, costs, strict=True)):
        if cost > capacity or layer.noise <= 0:
            continue
        with_layer = np.full_like(saved, -np.inf)
        with_layer[cost:] = saved[: capacity + 1 - cost] + layer.noise
        taken[index] = with_layer > saved
        saved = np.maximum(saved, with_layer)
    left = capacity
    chosen = [False] * len(layers)
    for index in reversed(range(len(layers))):
        if taken[index, left]:
            chosen[index] = True
            left -= costs[index]
    return tuple(chosen)
