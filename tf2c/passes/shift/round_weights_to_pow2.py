"""Round every weight to the nearest number of one or two signed power-of-two terms.

Starts from the real weights where they were kept, not from their int8 rounding. Each filter's
window of terms `2**e .. 2**(e + 6)` is the one whose top is nearest to its largest weight, moved
where the requantizing shift would not be legal; or, on request, that of the layer's largest, or of
least squared error (`numerics.pow2_windows`). Bias and requantization follow its exponent.

Before:
    %w = int8.constant <1x3xi8, [100, 3, -30]> from ... : tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>
After:
    %w = int8.constant <1x3xi8, [64, 2, -16]> from ... : tensor<1x3xi8, #int8.pow2<[-6], axis = 0>>

Requires: constant weights and biases.
Ensures: every weight is 0 or `±2**m`, m in 0..6, or with `terms` 2 the sum of two of these, in
    steps of its filter.
Contract: approximate; metric: signal-to-quantization-noise ratio of the network's result.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.transforms.dead_code_elimination import dce

from tf2c.dialects import int8, layout, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import Pow2Attr, accumulator_scale, scale_of
from tf2c.dialects.tensors import i64_array
from tf2c.errors import LayerError, UserError
from tf2c.numerics import exponents, fixed_point, pow2
from tf2c.numerics.pow2_windows import CRITERIA, SHARING, window_exponents
from tf2c.passes.biases import bias_constant
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import replace_layer
from tf2c.passes.terms import chosen_terms

UNLIMITED = 1 << 30
"""An exponent bound that never binds."""


def _constant(layer: int8.ConvOp | int8.GemmOp, value: SSAValue) -> int8.ConstantOp:
    if not isinstance(value.owner, int8.ConstantOp):
        raise LayerError(layer_name(layer), "expected constant weights and biases")
    return value.owner


def _requantizations(layer: int8.ConvOp | int8.GemmOp) -> list[int8.RequantizeOp]:
    users = [use.operation for use in layer.output.uses]
    return [user for user in users if isinstance(user, int8.RequantizeOp)]


def _legal_exponents(
    layer: int8.ConvOp | int8.GemmOp, bias: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the lowest and highest weight exponent `[M]` that later ops can express."""
    filters = tensors.shape(layer.weight)[0]
    input_exponent = int(scale_of(layer.input).values[0])
    lowest = exponents.covering_exponent(np.abs(bias), exponents.BIAS_LIMIT) - input_exponent
    highest = np.full(filters, UNLIMITED)
    for requantization in _requantizations(layer):
        multiplier = tensors.integers(requantization.multiplier)
        # `e + shift` stays constant, since the multiplier does: see `_round`.
        total = np.broadcast_to(
            scale_of(layer.weight).values + tensors.integers(requantization.shift), (filters,)
        )
        lowest = np.maximum(lowest, total - fixed_point.REQUANTIZE_SHIFT)
        # A pure shift has multiplier 1, one bit; each further bit needs one bit more of shift.
        _, bits = np.frexp(multiplier.astype(np.float64))
        highest = np.minimum(highest, total - (exponents.SMALLEST_SHIFT - 1 + bits))
    return np.minimum(lowest, highest), highest


def _round(layer: int8.ConvOp | int8.GemmOp, terms: int, sharing: str, criterion: str) -> None:
    weight_constant = _constant(layer, layer.weight)
    real_weight = weight_constant.real_values()
    real_bias = _constant(layer, layer.bias).real_values().astype(np.float64)
    lowest, highest = _legal_exponents(layer, real_bias)
    window = window_exponents(real_weight, lowest, highest, terms, sharing, criterion)
    scale = Pow2Attr(window.tolist(), axis=0)
    rounded = pow2.round_to_pow2(real_weight, scale.broadcast(real_weight.ndim), terms)
    weight = int8.ConstantOp(rounded, scale, weight_constant.origin)
    bias = bias_constant(real_bias, accumulator_scale(int(scale_of(layer.input).values[0]), window))
    sums: int8.ConvOp | int8.GemmOp
    if isinstance(layer, int8.ConvOp):
        sums = int8.ConvOp(layer.input, weight.output, bias.output, layer.window)
    else:
        sums = int8.GemmOp(layer.input, weight.output, bias.output)
    coarsening = window - scale_of(layer.weight).values
    for requantization in _requantizations(layer):
        shift = tensors.integers(requantization.shift) - coarsening
        requantization.shift = i64_array(shift.tolist())
    replace_layer(layer, [weight, bias, sums], sums.output)
    layout.retype_movers(sums.output)  # of accumulators that are the network's result


@dataclass(frozen=True)
class RoundWeightsToPow2Pass(CompilerPass):
    """Round every weight to the nearest number of one or two signed power-of-two terms."""

    name = "round-weights-to-pow2"
    contract: ClassVar[Contract] = Contract.APPROXIMATE

    terms: int = 1
    """Per weight, 1 or 2, where `choose-terms` has not said."""
    windows: str = SHARING[0]
    """One for each `channel`, or for each `layer`, as TF2 has them."""
    criterion: str = CRITERIA[0]
    """What chooses them: the `largest` weight, as INQ does, or the least squared `error`."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Round every layer, then drop the constants that nothing uses any more."""
        if self.terms not in pow2.TERMS:
            raise UserError(f"expected 1 or 2 terms per weight, got {self.terms}")
        for what, got, known in (
            ("windows", self.windows, SHARING),
            ("a criterion", self.criterion, CRITERIA),
        ):
            if got not in known:
                raise UserError(f"expected {what} of {', '.join(known)}, got `{got}`")
        for layer in list(op.walk()):
            if isinstance(layer, int8.ConvOp | int8.GemmOp):
                terms = chosen_terms(layer) or self.terms
                _round(layer, terms, self.windows, self.criterion)
        dce(op)
        for function in op.ops:
            if isinstance(function, FuncOp):
                function.update_function_type()
