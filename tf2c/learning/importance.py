"""How much noise in each element of a float network's tensors moves its results.

With `J` the derivative of the results by a tensor, noise of variance `v` in each element moves the
results by `v * diag(J^T J)` on average. A random direction `r` with independent elements of
variance 1 estimates that diagonal, because `E[(J^T r)^2] = diag(J^T J)` (Hutchinson 1989). What is
kept is its mean by channel and its mean by pixel and image, whose product is less noisy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from tf2c.dialects import graph
from tf2c.learning.threads import in_single_threads
from tf2c.learning.torch_ops import Tensor, constant_tensor, run_op


@dataclass
class Importance:
    """Of a tensor's elements: the product of a channel's and of a pixel's."""

    channels: Tensor
    """`[C]`, of mean 1."""
    pixels: Tensor
    """`[N, H, W]`, or `[N]` of a fully connected layer, of mean 1."""

    def of(self, images: Tensor) -> Tensor:
        """Return the importance of some images' elements, `[n, C, H, W]`."""
        pixels = self.pixels[images]
        return pixels[:, None] * self.channels.reshape(1, -1, *[1] * (pixels.ndim - 1))


def result_importances(
    function: FuncOp,
    batches: Sequence[npt.NDArray[np.float32]],
    values: Sequence[SSAValue],
    directions: int,
    seed: int,
) -> dict[SSAValue, Importance]:
    """Return the importance of tensors for what a network returns.

    Each image's results count without their mean, which is the same for all classes.

    Args:
        function: a float network.
        batches: images `[n, C, H, W]`.
        values: tensors of the network.
        directions: random ones per image.
        seed: of the directions.
    """
    constants: dict[SSAValue, Tensor] = {
        op.output: constant_tensor(op)
        for op in function.body.block.ops
        if isinstance(op, graph.ConstantOp)
    }
    channels: dict[SSAValue, Tensor] = {}
    pixels: dict[SSAValue, list[Tensor]] = {value: [] for value in values}
    found: list[dict[SSAValue, Tensor]] = [{} for _ in batches]

    def derive(index: int) -> None:
        generator = torch.Generator().manual_seed(seed + index)
        found[index] = _squared_derivatives(
            function, constants, batches[index], values, directions, generator
        )

    in_single_threads(derive, len(batches))
    for squares in found:
        for value, square in squares.items():
            rows = square.flatten(2) if square.ndim > 2 else square[:, :, None]
            channels[value] = channels.get(value, torch.zeros(())) + rows.sum(dim=(0, 2))
            pixels[value].append(square.mean(dim=1))
    return {
        value: Importance(_of_mean_one(channels[value]), _of_mean_one(torch.cat(pixels[value])))
        for value in values
    }


def _of_mean_one(numbers: Tensor) -> Tensor:
    mean = float(numbers.mean())
    return numbers / mean if mean > 0 else torch.ones_like(numbers)


def _squared_derivatives(
    function: FuncOp,
    constants: Mapping[SSAValue, Tensor],
    batch: npt.NDArray[np.float32],
    values: Sequence[SSAValue],
    directions: int,
    generator: torch.Generator,
) -> dict[SSAValue, Tensor]:
    """Return the sums over random directions of squared derivatives, of each tensor's shape."""
    known: dict[SSAValue, Tensor] = {
        **constants,
        function.args[0]: torch.tensor(batch, requires_grad=True),
    }
    results: list[Tensor] = []
    for op in function.body.block.ops:
        if isinstance(op, ReturnOp):
            results = [known[value].flatten(1) for value in op.operands]
        elif not isinstance(op, graph.ConstantOp):
            known[op.results[0]] = run_op(op, [known[value] for value in op.operands])
    squares = {value: torch.zeros_like(known[value]) for value in values}
    for direction in range(directions):
        randoms = [torch.randn(each.shape, generator=generator) for each in results]
        centered = [each - each.mean(dim=1, keepdim=True) for each in randoms]
        derivatives = torch.autograd.grad(
            results,
            [known[value] for value in values],
            centered,
            retain_graph=direction + 1 < directions,
        )
        for value, derivative in zip(values, derivatives, strict=True):
            squares[value] += derivative.square()
    return squares
