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
    def shifts(self) -> npt.NDArray[np.int64] | None:
        """`r[M]`, where the requantization is `sums / 2**r`; None where it multiplies, too."""
        multipliers = self.requantization.multipliers
        if np.any(multipliers & (multipliers - 1)):
            return None
        _, exponents = np.frexp(multipliers.astype(np.float64))
        return fixed_point.REQUANTIZE_SHIFT + 1 - exponents.astype(np.int64)

    def offset(self, shifts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the bias `[M]` in steps of the result, so that half to even becomes half up.

        Sums and residual are multiples of some `2**-f`, `f >= 0`; `2**-(f + 1)` more leaves no
        ties and changes nothing else. Where `f` is 0 there are none, and half a step would make
        some.
        """
        finest = shifts
        if self.requantization.residual_shift is not None:
            finer = fixed_point.REQUANTIZE_SHIFT - self.requantization.residual_shift
            finest = np.maximum(shifts, finer)
        tie_breaker = np.where(finest > 0, np.ldexp(0.5, -finest), 0)
        return (np.ldexp(self.bias.astype(np.float64), -shifts) + tie_breaker).astype(np.float32)


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
