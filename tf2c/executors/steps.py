"""A network as executors see it: layers with their requantization, and the ops between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.constants import ConstantOp, constant_array
from tf2c.analysis.ranges import integer_weights, stored_interval
from tf2c.dialects import int8, shift
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import storage_dtype
from tf2c.numerics import fixed_point
from tf2c.numerics.fused_layers import Requantization
from tf2c.numerics.windows import UNIT

LayerSums = int8.ConvOp | int8.GemmOp | shift.ConvOp | shift.GemmOp


Window = tuple[Sequence[int], Sequence[int], Sequence[int], int]


def kernel_weights(sums: LayerSums) -> npt.NDArray[np.int8]:
    """Return integers `[M, C / group, KH, KW]`; a fully connected layer's kernel is one pixel."""
    weights = integer_weights(sums).astype(np.int8, copy=False)
    return weights if weights.ndim == 4 else weights[:, :, None, None]


def window_of(sums: LayerSums) -> Window:
    """Return strides, pads, dilations and group, as `numerics.windows.convolve` takes them."""
    if isinstance(sums, int8.ConvOp | shift.ConvOp):
        return sums.window.numbers
    return UNIT, (0, 0, 0, 0), UNIT, 1


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer whose accumulators go nowhere but into a requantization."""

    sums: LayerSums
    stored: int8.RequantizeOp

    @property
    def name(self) -> str:
        """The user's name of the layer."""
        return layer_name(self.sums)

    @property
    def operands(self) -> Sequence[SSAValue]:
        """The input, and the residual if there is one."""
        residual = self.stored.residual
        return (self.sums.input,) if residual is None else (self.sums.input, residual)

    @property
    def results(self) -> Sequence[SSAValue]:
        """The stored tensor."""
        return (self.stored.output,)

    @property
    def dtype(self) -> npt.DTypeLike:
        """Of the stored tensor."""
        return storage_dtype(self.stored.output)

    @cached_property
    def weights(self) -> npt.NDArray[np.int8]:
        """Integers `[M, C / group, KH, KW]`; a fully connected layer's kernel is one pixel."""
        return kernel_weights(self.sums)

    @property
    def bias(self) -> npt.NDArray[np.int32]:
        """`[M]`."""
        return constant_array(self.sums.bias)

    @property
    def window(self) -> Window:
        """Strides, pads, dilations and group, as `numerics.windows.convolve` takes them."""
        return window_of(self.sums)

    @cached_property
    def requantization(self) -> Requantization:
        """What happens to the sums."""
        rows = self.weights.reshape(len(self.weights), -1).astype(np.int32)
        magnitudes = np.abs(rows).sum(axis=1, dtype=np.int64)
        bias = np.abs(self.bias.astype(np.int64))
        low, high = self.stored.bounds.get_values()
        residual = self.stored.residual
        return Requantization(
            np.broadcast_to(self.stored.multipliers, bias.shape),
            low,
            high,
            bias + magnitudes * _largest(self.sums.input),
            None if residual is None else self.stored.residual_shift,
            0 if residual is None else _largest(residual),
        )

    @property
    def factors(self) -> npt.NDArray[np.float64]:
        """`[M]`, what the requantization multiplies sums by."""
        multipliers = self.requantization.multipliers.astype(np.float64)
        return np.ldexp(multipliers, -fixed_point.REQUANTIZE_SHIFT)

    @property
    def offset(self) -> npt.NDArray[np.float32]:
        """The bias `[M]` in steps of the result, so that half to even becomes half up.

        Sums and residual are multiples of some `2**-f`; `2**-(f + 1)` more leaves no ties and
        changes nothing else. Where `f` is 0 or less there are none, and half a step would make
        some.
        """
        common = self.requantization.common_factors
        finest = np.where(common < 1 << fixed_point.REQUANTIZE_SHIFT, common, 0)
        tie_breaker = np.ldexp(finest.astype(np.float64), -1 - fixed_point.REQUANTIZE_SHIFT)
        return (self.bias * self.factors + tie_breaker).astype(np.float32)


def _largest(value: SSAValue) -> int:
    interval = stored_interval(value)
    return max(-interval.low, interval.high)


Step = Layer | Operation


def step_name(step: Step) -> str:
    """Return the user's name of the layer that a step computes."""
    return step.name if isinstance(step, Layer) else layer_name(step)


def network_function(module: ModuleOp) -> FuncOp:
    """Return the function that is the network."""
    return next(op for op in module.body.block.ops if isinstance(op, FuncOp))


def network_steps(function: FuncOp) -> Iterator[Step]:
    """Yield what there is to do for a batch, in order: neither constants nor the return."""
    layers: dict[Operation, Layer] = {}
    for op in function.body.block.ops:
        if isinstance(op, LayerSums) and op.output.has_one_use():
            (use,) = op.output.uses
            if isinstance(use.operation, int8.RequantizeOp) and is_plain(op):
                layers[use.operation] = Layer(op, use.operation)
                continue
        if op in layers:
            yield layers[op]
        elif not isinstance(op, ConstantOp | ReturnOp):
            yield op


def is_plain(layer: LayerSums) -> bool:
    """Whether weights and bias are constants, and the weights int8 numbers: not so TF2's bytes."""
    constants = all(isinstance(value.owner, ConstantOp) for value in (layer.weight, layer.bias))
    return constants and not shift.has_bytes(layer.weight)
