"""Write every weight as 4-bit codes: products become shifts.

A layer whose weights all have one term gets one code per weight, otherwise two.

Before:
    %w = int8.constant <1x3xi8, [64, 2, -16]> : tensor<1x3xi8, #int8.pow2<[-6], axis = 0>>
    %a = int8.gemm %x, %w, %b
After:
    %w = shift.constant <1x3xui8, [6, 1, 12]> : tensor<1x3xi4, #shift.code<[-6], axis = 0>>
    %a = shift.gemm %x, %w, %b

Requires: every weight is 0 or `±2**m`, m in 0..6, or the sum of two such terms
    (`round-weights-to-pow2`).
Ensures: no `int8.conv` and no `int8.gemm`.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.transforms.dead_code_elimination import dce

from tf2c.analysis.constants import constant_array
from tf2c.dialects import int8, shift
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import scale_of
from tf2c.errors import LayerError
from tf2c.numerics import pow2
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import replace_layer


def _encoded(layer: int8.ConvOp | int8.GemmOp) -> shift.ConstantOp:
    weights = constant_array(layer.weight)
    terms = 1 if pow2.has_one_term(weights).all() else 2
    try:
        codes = pow2.encode(weights, terms)
    except ValueError as error:
        raise LayerError(
            layer_name(layer), str(error), "run `round-weights-to-pow2` first"
        ) from error
    return shift.ConstantOp(codes, scale_of(layer.weight), terms)


def _convert(layer: int8.ConvOp | int8.GemmOp) -> None:
    weight = _encoded(layer)
    sums: shift.ConvOp | shift.GemmOp
    if isinstance(layer, int8.ConvOp):
        sums = shift.ConvOp(layer.input, weight.output, layer.bias, layer.window)
    else:
        sums = shift.GemmOp(layer.input, weight.output, layer.bias)
    replace_layer(layer, [weight, sums], sums.output)


@dataclass(frozen=True)
class ConvertInt8ToShiftPass(CompilerPass):
    """Write every weight as 4-bit codes: products become shifts."""

    name = "convert-int8-to-shift"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Convert every layer that multiplies."""
        for layer in list(op.walk()):
            if isinstance(layer, int8.ConvOp | int8.GemmOp):
                _convert(layer)
        dce(op)
        for constant in op.walk():
            if isinstance(constant, int8.ConstantOp):
                # Nothing rounds any more, so the real numbers would be kept for nothing.
                constant.origin = None
