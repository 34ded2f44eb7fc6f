"""Store every tensor as int8 and say every rounding.

The weights of each filter get the finest power-of-two scale that holds them
(`numerics.exponents.weight_exponents`); they keep their real numbers as origin, for passes that
round again. A layer becomes a convolution into accumulators and a requantization, where the
residual operand and the activation join. The layer that computes the network's result keeps its
accumulators, and an average pooling that does keeps 32 bits.

Before:
    %y = graph.conv %x, %w bias %b residual %r then relu {int8.scale = #int8.pow2<-5>}
After:
    %a = int8.conv %x, %wq, %bq
    %y = int8.requantize %a residual %r shift [8] bounds [0, 127]

Requires: `choose-scales` has run; of `graph`, only layers and poolings are left.
Ensures: no op of `graph`.
Contract: approximate; metric: signal-to-quantization-noise ratio of the network's result.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerType, ModuleOp, i8, i32
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from tf2c.analysis.constants import constant_array, constant_blob
from tf2c.analysis.storage import returns_accumulators
from tf2c.analysis.support import refused_below_graph
from tf2c.context import CompilerContext
from tf2c.dialects import graph, int8, layout, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import (
    ELEMENT,
    SCALE,
    Pow2Attr,
    accumulator_scale,
    scale_of,
    storage_bounds,
    ui8,
)
from tf2c.dialects.tensors import I64Array, i64_array
from tf2c.errors import LayerError, UserError
from tf2c.numerics import exponents, fixed_point
from tf2c.passes.biases import bias_constant
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function, network_input, replace_layer


def _element_type(op: Operation) -> IntegerType:
    return ui8 if op.attributes.get(ELEMENT) == ui8 else i8


def _bounds(layer: graph.LayerOp, scale: Pow2Attr, element_type: IntegerType) -> I64Array:
    """Return what activation and saturation limit stored numbers to."""
    low, high = storage_bounds(element_type)
    limits = np.array(layer.activation.data)
    stored = fixed_point.quantize(limits, int(scale.values[0]), low, high)
    return i64_array(stored.tolist())


def _annotated_scale(op: Operation) -> Pow2Attr:
    scale = op.attributes.get(SCALE)
    if not isinstance(scale, Pow2Attr):
        raise LayerError(
            layer_name(op), "expected a chosen scale, got none", "run `choose-scales` first"
        )
    return scale


def _weight_and_bias(
    layer: graph.LayerOp, stored: SSAValue, scale: Pow2Attr | None, smallest_shift: int
) -> tuple[int8.ConstantOp, int8.ConstantOp]:
    """Round a layer's weights and bias; `stored` is its int8 input, `scale` its output's."""
    origin = constant_blob(layer.weight)
    weight = origin.array
    bias = np.zeros(len(weight), np.float32) if layer.bias is None else constant_array(layer.bias)
    input_exponent = int(scale_of(stored).values[0])
    chosen = exponents.weight_exponents(
        weight,
        bias,
        input_exponent,
        None if scale is None else int(scale.values[0]),
        smallest_shift,
    )
    weight_scale = Pow2Attr([int(exponent) for exponent in chosen], axis=0)
    rounded = fixed_point.quantize(weight, weight_scale.broadcast(weight.ndim), dtype=np.int8)
    return (
        int8.ConstantOp(rounded, weight_scale, origin),
        bias_constant(bias, accumulator_scale(input_exponent, chosen)),
    )


def _convert_layer(layer: graph.LayerOp, smallest_shift: int) -> None:
    scale = None if returns_accumulators(layer) else _annotated_scale(layer)
    weight, bias = _weight_and_bias(layer, layer.input, scale, smallest_shift)
    sums: int8.ConvOp | int8.GemmOp
    if isinstance(layer, graph.ConvOp):
        sums = int8.ConvOp(layer.input, weight.output, bias.output, layer.window)
    else:
        sums = int8.GemmOp(layer.input, weight.output, bias.output)
    if scale is None:
        replace_layer(layer, [weight, bias, sums], sums.output)
        return
    element_type = _element_type(layer)
    bounds = _bounds(layer, scale, element_type)
    stored = int8.RequantizeOp(sums.output, scale, bounds, layer.residual, element_type)
    replace_layer(layer, [weight, bias, sums, stored], stored.output)


def _convert_average(op: graph.AveragePoolOp) -> None:
    if returns_accumulators(op):
        # In steps that tell all sums of a window apart.
        steps = (op.pixel_counts[-1] - 1).bit_length()
        exponent = int(scale_of(op.input).values[0]) - steps
        pooled = int8.AveragePoolOp(op.input, op.window, i32, Pow2Attr([exponent]))
    else:
        scale = _annotated_scale(op)
        pooled = int8.AveragePoolOp(op.input, op.window, _element_type(op), scale)
    replace_layer(op, [pooled], pooled.output)


def _convert(op: Operation, smallest_shift: int) -> None:
    refusal = refused_below_graph(op)
    if refusal is not None:
        raise refusal
    match op:
        case graph.ConvOp() | graph.GemmOp():
            _convert_layer(op, smallest_shift)
        case graph.MaxPoolOp():
            pooled = int8.MaxPoolOp(op.input, op.window)
            replace_layer(op, [pooled], pooled.output)
        case graph.AveragePoolOp():
            _convert_average(op)
        case _ if isinstance(op, layout.MovingOp):
            # The operands are stored by now; what moves them stores the same.
            stored_type = layout.same_elements(op.operands[0], tensors.shape(op.output))
            Rewriter.replace_value_with_new_type(op.output, stored_type)
        case _:
            pass


def _quantize_argument(function: FuncOp, argument: BlockArgument) -> None:
    scale = None if function.arg_attrs is None else function.arg_attrs.data[0].data.get(SCALE)
    if not isinstance(scale, Pow2Attr):
        raise UserError(
            "expected a chosen scale of the network's input, got none",
            hint="run `choose-scales` first",
        )
    quantized = int8.QuantizeOp(argument, scale)
    argument.replace_uses_with_if(quantized.output, lambda use: use.operation is not quantized)
    quantized.output.name_hint = "stored"
    Rewriter.insert_op(quantized, InsertPoint.at_start(function.body.block))
    function.arg_attrs = None


@dataclass(frozen=True)
class ConvertGraphToInt8Pass(CompilerPass):
    """Store every tensor as int8 and say every rounding."""

    name = "convert-graph-to-int8"
    contract: ClassVar[Contract] = Contract.APPROXIMATE

    smallest_shift: int = exponents.ENGINE_SHIFT
    """Least requantizing shift, as `choose-scales` has been told."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Convert in program order, so that operands are converted before their users."""
        if isinstance(ctx, CompilerContext):
            ctx.float_network = op.clone()
        function = network_function(op)
        _quantize_argument(function, network_input(op))
        for layer in list(function.body.block.ops):
            if not isinstance(layer, int8.QuantizeOp):
                _convert(layer, self.smallest_shift)
        for constant in list(function.body.block.ops):
            if isinstance(constant, graph.ConstantOp) and not constant.output.uses:
                Rewriter.erase_op(constant)
        function.update_function_type()
