"""Layers that only scale and shift channels, for what finds no layer to join."""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Operation, SSAValue

from tf2c.dialects import graph, tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.windows import ConvolutionWindow


def scaling_layer(
    value: SSAValue,
    gain: npt.NDArray[np.float32],
    shift: npt.NDArray[np.float32] | None = None,
    residual: SSAValue | None = None,
) -> tuple[list[Operation], graph.LayerOp]:
    """Return the ops that compute `gain * value + shift + residual` per channel, and the last.

    Images get a depthwise 1x1 convolution, rows a fully connected layer with the gains on its
    diagonal.

    Args:
        value: `[?, C, H, W]` or `[?, C]`.
        gain: `[C]`.
        shift: `[C]`; none by default.
        residual: of the value's shape; none by default.
    """
    ops: list[Operation] = []
    bias = None
    if shift is not None:
        bias_op = graph.ConstantOp(BlobAttr.of(shift))
        ops.append(bias_op)
        bias = bias_op.output
    if len(tensors.extents(value)) == 1:
        weight = graph.ConstantOp(BlobAttr.of(np.diag(gain)))
        layer: graph.LayerOp = graph.GemmOp(value, weight.output, bias, residual)
    else:
        weight = graph.ConstantOp(BlobAttr.of(gain.reshape(-1, 1, 1, 1)))
        depthwise = ConvolutionWindow(group=IntegerAttr(gain.size, i64))
        layer = graph.ConvOp(value, weight.output, bias, residual, window=depthwise)
    return [*ops, weight, layer], layer
