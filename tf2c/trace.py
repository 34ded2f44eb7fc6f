"""How far apart the stages of a network are, layer by layer, over any number of images.

The tensors that each layer leaves (`analysis.layer_tensors`) are compared as real numbers, in
float, int8 and shift. Only sums, extremes and histograms are kept.
"""

from collections.abc import Sequence
from itertools import combinations
from math import inf, log10
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import i8

from tf2c.analysis.layer_tensors import LayerTensor, matching_layers
from tf2c.capture import Array, Runner
from tf2c.dialects import tensors
from tf2c.dialects.scales import real_numbers, storage_bounds, ui8
from tf2c.numerics.value_histograms import ValueHistogram

BATCH = 4
"""Images at once: of a batch, every tensor of every stage is in memory."""

Reals = npt.NDArray[np.float64]


class _Values:
    """What is remembered of one tensor at one stage."""

    def __init__(self, tensor: LayerTensor) -> None:
        self._kind = tensors.tensor_type(tensor.value)
        # What has 32 bits is proven to fit.
        self._has_bounds = self._kind.element_type in (i8, ui8)
        self.count = 0
        self._saturated = 0
        self._least, self._greatest = inf, -inf
        self._histogram = ValueHistogram()

    def observe(self, stored: Array) -> Reals:
        """Take a batch; return the real numbers that it stands for, `[N * elements]`."""
        self.count += stored.size
        if not self._has_bounds:
            reals = real_numbers(self._kind, stored).reshape(-1)
            self._remember(reals if stored.dtype != np.float32 else stored)
            return reals
        # Verifiers give 8 bits one scale, so there are 256 numbers, and each is looked at once.
        low, high = storage_bounds(self._kind.element_type)
        places = (stored.astype(np.int16) - low).reshape(-1)
        counts = np.bincount(places, minlength=high - low + 1)
        self._saturated += int(counts[0] + counts[-1])
        numbers = np.arange(low, high + 1).astype(stored.dtype)
        reals = real_numbers(self._kind, numbers)
        self._remember(reals[counts > 0], counts[counts > 0])
        return reals[places]

    def _remember(
        self, reals: npt.NDArray[np.floating], counts: npt.NDArray[np.int64] | None = None
    ) -> None:
        self._least = min(self._least, float(reals.min()))
        self._greatest = max(self._greatest, float(reals.max()))
        self._histogram.observe(reals, counts)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        content: dict[str, Any] = {"min": self._least, "max": self._greatest}
        if self._has_bounds:
            content["saturated"] = 100 * self._saturated / self.count
        return content | {"histogram": self._histogram.as_dict()}


class _Difference:
    """What is remembered of the difference between two stages."""

    def __init__(self) -> None:
        self._count = 0
        self._signal = self._noise = self._sum = self._largest = 0.0

    def observe(self, reference: Reals, values: Reals) -> None:
        """Take a batch at both stages."""
        self._count += reference.size
        self._signal += _power(reference)
        errors = values - reference
        self._noise += _power(errors)
        self._sum += float(errors.sum())
        self._largest = max(self._largest, float(errors.max()), -float(errors.min()))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "sqnr": decibels(self._signal, self._noise),
            "mean_error": self._sum / self._count,
            "largest_error": self._largest,
        }


def _power(values: Reals) -> float:
    # Not a product of the matrix library, whose threads would cost more than they give.
    return float(np.einsum("i,i->", values, values))


def decibels(signal: float, noise: float) -> float | None:
    """Return a signal-to-noise ratio; None where it is not finite: no noise, or no signal."""
    return 10 * log10(signal / noise) if signal > 0 and noise > 0 else None


class Trace:
    """What is remembered of every layer, over all batches."""

    def __init__(self, stages: dict[str, Runner]) -> None:
        """Take the stages by what people call them, the reference first."""
        self._stages = stages
        self._images = 0
        first, *others = stages
        # By layer, its tensor at each stage that has it.
        self._tensors = {layer: {first: tensor} for layer, tensor in stages[first].layers.items()}
        for name in others:
            pairs = matching_layers(stages[first].layers, stages[name].layers)
            for one, other in pairs:
                self._tensors[one.layer][name] = other
        self._tensors = {layer: found for layer, found in self._tensors.items() if len(found) > 1}
        self._values = {
            layer: {name: _Values(tensor) for name, tensor in found.items()}
            for layer, found in self._tensors.items()
        }
        self._differences = {
            layer: {pair: _Difference() for pair in combinations(found, 2)}
            for layer, found in self._tensors.items()
        }

    def observe(self, images: npt.NDArray[np.float32]) -> dict[str, Sequence[Array]]:
        """Run every stage on a batch, and remember; return the stages' results, as stored."""
        results: dict[str, Sequence[Array]] = {}
        captured: dict[str, dict[str, Array]] = {}
        for name, runner in self._stages.items():
            results[name], captured[name] = runner.captured(images)
        for layer, found in self._tensors.items():
            # Of one layer at a time, the reals are in memory.
            reals = {
                name: self._values[layer][name].observe(captured[name][tensor.layer])
                for name, tensor in found.items()
            }
            for (reference, other), difference in self._differences[layer].items():
                difference.observe(reals[reference], reals[other])
        self._images += len(images)
        return results

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it, the layers in running order."""
        return {
            "images": self._images,
            "stages": list(self._stages),
            "layers": [
                {
                    "layer": layer,
                    "values": {name: each.as_dict() for name, each in self._values[layer].items()},
                    "differences": {
                        f"{reference}-{other}": each.as_dict()
                        for (reference, other), each in self._differences[layer].items()
                    },
                }
                for layer in self._tensors
            ],
        }
