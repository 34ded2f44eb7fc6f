"""`int8`: every rounding, saturation and scale, explicitly.

Comes from `graph` by `convert-graph-to-int8`; goes to `shift` by `convert-int8-to-shift`, which
replaces the ops that multiply and keeps the others. A stored integer `q` of a tensor
`tensor<..., #int8.pow2<e>>` stands for `q * 2**e`. It cannot say how a product is formed.
"""

from xdsl.ir import Dialect

from tf2c.dialects.int8.add import AddOp
from tf2c.dialects.int8.layers import ConstantOp, ConvOp, GemmOp, QuantizeOp
from tf2c.dialects.int8.pooling import AveragePoolOp, MaxPoolOp
from tf2c.dialects.int8.requantize import RequantizeOp
from tf2c.dialects.scales import Pow2Attr

__all__ = [
    "INT8",
    "AddOp",
    "AveragePoolOp",
    "ConstantOp",
    "ConvOp",
    "GemmOp",
    "MaxPoolOp",
    "QuantizeOp",
    "RequantizeOp",
]

INT8 = Dialect(
    "int8",
    [ConstantOp, QuantizeOp, ConvOp, GemmOp, RequantizeOp, AddOp, MaxPoolOp, AveragePoolOp],
    [Pow2Attr],
)
