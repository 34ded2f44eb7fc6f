"""Fold batch normalization into the weights of the layer in front of it.

With gain `g = scale / sqrt(variance + epsilon)`, a layer's `weight` becomes `g * weight` and its
`bias` becomes `g * (bias - mean) + shift`, per filter. A normalization that follows something
else becomes a depthwise 1x1 convolution (or a fully connected layer) with `g` on its diagonal.

Before:
    %c = graph.conv %x, %w
    %y = graph.batch_normalization %c, %scale, %shift, %mean, %variance
After:
    %y = graph.conv %x, %w_folded bias %b_folded

Requires: constant weights and parameters.
Ensures: no `graph.batch_normalization`.
Contract: equivalent; the products are rounded to float32 once.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.rewriter import Rewriter
from xdsl.transforms.dead_code_elimination import dce

from tf2c.analysis.constants import constant_array
from tf2c.dialects import graph
from tf2c.dialects.blob import BlobAttr
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import insert_before, replace_layer, replace_value
from tf2c.passes.scaling_layers import scaling_layer


def gain_and_shift(
    op: graph.BatchNormalizationOp,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return `g` and `shift - g * mean`, so that the op is `g * x + (shift - g * mean)`."""
    scale, shift, mean, variance = (
        constant_array(parameter).astype(np.float64)
        for parameter in (op.scale, op.bias, op.mean, op.variance)
    )
    gain = scale / np.sqrt(variance + op.epsilon.value.data)
    return gain, shift - gain * mean


def _constant(array: npt.NDArray[np.floating]) -> graph.ConstantOp:
    return graph.ConstantOp(BlobAttr.of(array.astype(np.float32, copy=False)))


def _foldable_layer(value: SSAValue) -> graph.LayerOp | None:
    """Return the layer that computes `value`, if its sums go nowhere else."""
    layer = value.owner
    if not isinstance(layer, graph.LayerOp) or not value.has_one_use():
        return None
    if layer.residual is not None or layer.activation != graph.NO_ACTIVATION:
        return None
    return layer


def _fold(layer: graph.LayerOp, op: graph.BatchNormalizationOp) -> None:
    gain, shift = gain_and_shift(op)
    unscaled = constant_array(layer.weight)
    weight = np.empty_like(unscaled)
    # Products of float64, rounded once.
    np.multiply(
        unscaled,
        gain.reshape(-1, *[1] * (unscaled.ndim - 1)),
        out=weight,
        casting="same_kind",
    )
    bias = shift if layer.bias is None else gain * constant_array(layer.bias) + shift
    new_weight, new_bias = _constant(weight), _constant(bias)
    if isinstance(layer, graph.ConvOp):
        folded = graph.ConvOp(
            layer.input,
            new_weight.output,
            new_bias.output,
            window=layer.window,
        )
    else:
        folded = graph.GemmOp(layer.input, new_weight.output, new_bias.output)
    insert_before(op, [new_weight, new_bias, folded], layer)
    replace_value(op.output, folded.output)
    Rewriter.erase_op(op)


def _make_layer(op: graph.BatchNormalizationOp) -> None:
    gain, shift = (each.astype(np.float32) for each in gain_and_shift(op))
    ops, layer = scaling_layer(op.input, gain, shift)
    replace_layer(op, ops, layer.output)


@dataclass(frozen=True)
class FoldBatchNormPass(CompilerPass):
    """Fold batch normalization into the weights of the layer in front of it."""

    name = "fold-batch-norm"
    contract: ClassVar[Contract] = Contract.EQUIVALENT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fold every normalization."""
        dce(op)  # a use that nothing needs would hide that a layer can be folded into
        for normalization in list(op.walk()):
            if isinstance(normalization, graph.BatchNormalizationOp):
                layer = _foldable_layer(normalization.input)
                if layer is None:
                    _make_layer(normalization)
                else:
                    _fold(layer, normalization)
        dce(op)
