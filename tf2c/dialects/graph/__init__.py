"""`graph`: the trained network, in floating point.

Comes from a frontend (`tf2c/frontends/onnx.py`) with ONNX's names for ops and attributes; goes to
`int8` by `convert-graph-to-int8`. Tensors are `tensor<?xCxHxWxf32>` or `tensor<?xCxf32>`, the
batch always dynamic. What only moves elements is in `layout`. It says what the network computes
and cannot say how numbers are stored.
"""

from xdsl.ir import Dialect

from tf2c.dialects.graph.activations import (
    NO_ACTIVATION,
    RELU,
    ActivationAttr,
    ActivationBounds,
    ClipOp,
    ReluOp,
    SoftmaxOp,
)
from tf2c.dialects.graph.floats import FloatTensorConstraint, images_type
from tf2c.dialects.graph.layers import AddOp, ConstantOp, ConvOp, GemmOp, LayerOp
from tf2c.dialects.graph.normalization import BatchNormalizationOp, LrnOp
from tf2c.dialects.graph.pooling import AveragePoolOp, MaxPoolOp

__all__ = [
    "GRAPH",
    "NO_ACTIVATION",
    "RELU",
    "ActivationAttr",
    "ActivationBounds",
    "AddOp",
    "AveragePoolOp",
    "BatchNormalizationOp",
    "ClipOp",
    "ConstantOp",
    "ConvOp",
    "FloatTensorConstraint",
    "GemmOp",
    "LayerOp",
    "LrnOp",
    "MaxPoolOp",
    "ReluOp",
    "SoftmaxOp",
    "images_type",
]

GRAPH = Dialect(
    "graph",
    [
        ConstantOp,
        ConvOp,
        GemmOp,
        AddOp,
        BatchNormalizationOp,
        LrnOp,
        ReluOp,
        ClipOp,
        SoftmaxOp,
        MaxPoolOp,
        AveragePoolOp,
    ],
    [ActivationAttr],
)
