"""The accuracy gate: how much worse than float a network may be, and which layers make it so.

The layers' parts in the loss are measured one at a time: the float network with one layer's weights
as they were rounded, and with one layer's results as they are stored, on some calibration images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tf2c.analysis.constants import constant_array
from tf2c.analysis.ranges import integer_weights
from tf2c.analysis.units import SumsOp, requantization_of, weight_units
from tf2c.choices import FLOAT_STAGES
from tf2c.compiler import MEASURED_STAGES, Compilation
from tf2c.dialects import graph, int8, shift
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import scale_of, storage_bounds
from tf2c.dialects.shift import code_terms
from tf2c.dialects.tensors import tensor_type
from tf2c.errors import UserError
from tf2c.numerics import fixed_point
from tf2c.passes.replay import Replay, result_noise
from tf2c.passes.rewriting import network_function

COMPENSATED = "round-weights-compensated"
"""The pass that does not leave every weight to itself."""

IMAGES = 8
"""On which the layers' parts are measured."""


@dataclass(frozen=True)
class Limits:
    """What a network must reach."""

    max_loss: float | None = None
    """Percent points of top-1 below float, on labeled images."""
    min_agreement: float | None = None
    """Percent of images with the same best class as float."""

    @property
    def are_set(self) -> bool:
        """Whether there are any."""
        return self.max_loss is not None or self.min_agreement is not None

    def missed(self, measured: dict[str, Any]) -> str | None:
        """Return what a network misses, in words; None if it reaches everything.

        Args:
            measured: by `measure`, with `held_out` by `measure_agreement`.
        """
        stages = [name for name in MEASURED_STAGES.values() if name in measured]
        if self.max_loss is not None:
            loss = measured["float"]["top1"] - measured[stages[-1]]["top1"]
            if loss > self.max_loss:
                return (
                    f"expected a top-1 loss of at most {self.max_loss:g} points, got {loss:.2f} on "
                    f"{measured['images']} images"
                )
        if self.min_agreement is not None:
            figures = measured[stages[-1]] if stages else measured["held_out"]
            count = measured["images"] if stages else figures["images"]
            if figures["agreement"] < self.min_agreement:
                return (
                    f"expected agreement with float of at least {self.min_agreement:g} %, got "
                    f"{figures['agreement']:.2f} % on {count} images"
                )
        return None


@dataclass(frozen=True)
class LayerLoss:
    """A layer's part in what a network loses."""

    layer: str
    sqnr: float | None
    """Decibels: of the network's results, if nothing but this layer were rounded; None if that
    changes nothing."""
    weights_share: float
    """Percent of all layers' noise: of rounding its weights."""
    storage_share: float
    """Percent of all layers' noise: of storing its results in 8 bits."""
    remedy: str
    """What would help most."""


class AccuracyError(UserError):
    """A network does not reach what it must."""

    def __init__(self, missed: str, layers: Sequence[LayerLoss]) -> None:
        """Take what is missed, and the layers' parts in it."""
        worst = max(layers, key=lambda each: each.weights_share + each.storage_share, default=None)
        hint = "`--allow-loss` compiles it all the same"
        if worst is not None:
            share = worst.weights_share + worst.storage_share
            hint = f"layer `{worst.layer}` has {share:.0f} % of it: {worst.remedy}; {hint}"
        super().__init__(missed, hint)
        self.layers = list(layers)


def layer_losses(compilation: Compilation, images: npt.NDArray[np.float32]) -> list[LayerLoss]:
    """Return each layer's part in the loss, in network order.

    Args:
        compilation: that has got below the float stages.
        images: `[N, C, H, W]`.
    """
    last = [stage for stage in MEASURED_STAGES if stage in compilation.modules][-1]
    module, real = compilation.modules[last], compilation.modules[FLOAT_STAGES[-1]]
    is_compensated = COMPENSATED in [
        each.name for passes in compilation.passes.values() for each in passes
    ]
    replay = Replay(real, images)
    real_layers = [op for op in _ops(real) if isinstance(op, graph.LayerOp)]
    sums = [op for op in _ops(module) if isinstance(op, SumsOp)]
    noises: list[tuple[float, float]] = []
    for layer, rounded in zip(real_layers, sums, strict=True):
        weight, bias = _real_weights(rounded)
        replaced: dict[SSAValue, npt.NDArray[Any]] = {
            layer.weight: weight.reshape(constant_array(layer.weight).shape)
        }
        if layer.bias is not None:
            replaced[layer.bias] = bias
        of_weights = result_noise(replay.results, replay.results_with(replaced))
        of_storage = 0.0
        stored = requantization_of(rounded)
        if stored is not None:
            tensor = _as_stored(replay.tensor(layer.output), stored)
            of_storage = result_noise(replay.results, replay.results_with({layer.output: tensor}))
        noises.append((of_weights, of_storage))
    total = max(sum(map(sum, noises)), float(np.finfo(np.float64).tiny))
    return [
        LayerLoss(
            layer_name(rounded),
            -10 * float(np.log10(sum(noise))) if sum(noise) > 0 else None,
            100 * noise[0] / total,
            100 * noise[1] / total,
            _remedy(rounded, *noise, is_compensated),
        )
        for rounded, noise in zip(sums, noises, strict=True)
    ]


def _ops(module: ModuleOp) -> list[Any]:
    return list(network_function(module).body.block.ops)


def _real_weights(sums: SumsOp) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return what rounded weights and bias stand for, with the requantization's multipliers."""
    weights, bias = integer_weights(sums).astype(np.float64), constant_array(sums.bias)
    units = weight_units(sums)
    rows = weights * units.reshape(-1, *[1] * (weights.ndim - 1))
    real_bias = bias * units * 2.0 ** int(scale_of(sums.input).values[0])
    return rows.astype(np.float32), real_bias.astype(np.float32)


def _as_stored(
    values: npt.NDArray[np.float32], stored: int8.RequantizeOp
) -> npt.NDArray[np.float32]:
    exponent = int(scale_of(stored.output).values[0])
    low, high = storage_bounds(tensor_type(stored.output).element_type)
    rounded = fixed_point.quantize(values, exponent, low, high)
    return np.ldexp(rounded.astype(np.float32), exponent)


def _remedy(sums: SumsOp, of_weights: float, of_storage: float, is_compensated: bool) -> str:
    if of_storage > of_weights:
        return "its results need more steps: `--activations uint8`, or more calibration images"
    if not is_compensated:
        return "`--method compensated`"
    if isinstance(sums, shift.ConvOp | shift.GemmOp) and code_terms(sums.weight) == 1:
        return "two terms per weight: `--weights mixed` or `shift2`"
    return "more calibration images"
