"""`shift`: every product is a shift.

Comes from `int8` by `convert-int8-to-shift`; goes to `dataflow` by `convert-shift-to-dataflow`.
A weight is 0 or `±2**(m + e)` in a 4-bit code: type i4 with the encoding `#shift.code<e>`, where
`e` is the layer's or the output channel's exponent; or the sum of two such terms, in type i8. Ops
that do not multiply stay in `int8`. It cannot say where and when anything happens.

TF2's networks come from `frontends/tf2`: their weights are bytes, with shifts of 0..31 and without
an exponent, and their accumulators are rescaled as TF2 does it. Interpreters run them; the engine
refuses them.
"""

from xdsl.ir import Dialect

from tf2c.dialects.shift.layers import ConvOp, GemmOp
from tf2c.dialects.shift.rescale import RescaleOp
from tf2c.dialects.shift.weights import (
    TERMS,
    ByteAttr,
    CodeAttr,
    CodeTensorConstraint,
    ConstantOp,
    code_scale,
    code_terms,
    has_bytes,
    i4,
)

__all__ = [
    "SHIFT",
    "TERMS",
    "ByteAttr",
    "CodeAttr",
    "CodeTensorConstraint",
    "ConstantOp",
    "ConvOp",
    "GemmOp",
    "RescaleOp",
    "code_scale",
    "code_terms",
    "has_bytes",
    "i4",
]

SHIFT = Dialect("shift", [ConstantOp, ConvOp, GemmOp, RescaleOp], [CodeAttr, ByteAttr])
