"""Moving the weights of a block from level to level, as long as its results come closer to float's.

What counts is what the block results in, behind activations and poolings: the squared difference
from the float network's results, each element weighted by its importance. (Layer by layer, as
`numerics.compensated_rounding` has it, sums that ReLU cuts off count as much as the others.) Moving
a weight by `d` to the next level of its grid changes that difference by about

    g d + h d^2 / 2

with `g` its derivative and `h = 2 diag(J^T J)`, where `J` is the derivative of the results by the
weights; random directions estimate that diagonal (Hutchinson 1989). In each round some filters make
their best move, of a weight or, by Newton's step, of the bias. One half of the images proposes
moves, the other accepts them, and halves change: what pays only where it was found is taken back.
Roundings of stored tensors are part of the block; derivatives pass straight through them.

(Rounding by what a block results in: Li et al. 2021, "BRECQ"; between neighboring levels: Nagel et
al. 2020, "Up or Down?". Why not by gradient descent as there: `docs/adr/0017`.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.blocks import Block
from tf2c.dialects import graph, tensors
from tf2c.learning.importance import Importance
from tf2c.learning.threads import in_single_threads
from tf2c.learning.torch_ops import Tensor, run_layer, run_op

FIRST_MOVING = 4
"""Filters of a block that move in the first round."""

GROWTH = 1.5
"""Of their number, where a round has paid."""

SHRINKAGE = 2
"""Of their number, where it has not; `h` is then taken for larger by as much, until it has."""

FAILURES = 6
"""Rounds in a row that have not paid, after which there are no more."""

DIRECTIONS = 32
"""Random ones, each on its own part of the images, from which `h` is estimated."""

FLOOR = 0.03
"""Of a filter's or an input's part in `h`, relative to the mean: few images know little of what is
rare."""

ELEMENTS = 3_000_000
"""Of the block's largest tensor, for the images that are differentiated at once."""


@dataclass(frozen=True)
class Storage:
    """How a tensor inside the integer network is stored."""

    exponent: int
    low: int
    high: int

    def stored(self, values: Tensor) -> Tensor:
        """Return real numbers as they are stored; gradients pass straight through the rounding."""
        step = 2.0**self.exponent
        steps = values / step
        rounded = steps + (torch.floor(steps + 0.5) - steps).detach()
        return rounded.clamp(self.low, self.high) * step


@dataclass(frozen=True, eq=False)
class WeightsOnGrid:
    """A layer's weights on a grid."""

    levels: npt.NDArray[np.int8]
    """Of the float layer's shape."""
    grid: npt.NDArray[np.int8]
    """All levels, ascending."""
    units: npt.NDArray[np.float64]
    """`[M]`: a weight is `level * unit`."""
    bias: npt.NDArray[np.float64]
    """`[M]`, in real numbers."""


@dataclass(frozen=True, eq=False)
class BlockSamples:
    """What a block sees and ought to make of it, on all images."""

    inputs: Mapping[SSAValue, npt.NDArray[Any]]
    """Stored integers `[N, ...]` of each input."""
    exponents: Mapping[SSAValue, int]
    """Of the inputs."""
    targets: Mapping[SSAValue, npt.NDArray[np.float32]]
    """What the float network has for each output."""
    importances: Mapping[SSAValue, Importance]
    """Of the outputs."""


@dataclass(frozen=True)
class LearnedLayer:
    """What a layer's weights and bias have become."""

    levels: npt.NDArray[np.int8]
    bias: npt.NDArray[np.float64]


class _Layer:
    """A layer's weights and bias on their way."""

    def __init__(self, rounded: WeightsOnGrid) -> None:
        shape = (-1, *[1] * (rounded.levels.ndim - 1))
        self._units = torch.tensor(rounded.units, dtype=torch.float32).reshape(shape)
        self._grid = torch.tensor(rounded.grid, dtype=torch.float32)
        self._places = torch.tensor(np.searchsorted(rounded.grid, rounded.levels))
        self._levels = rounded.grid
        self.weight = (self._grid[self._places] * self._units).requires_grad_()
        self.bias = torch.tensor(rounded.bias, dtype=torch.float32, requires_grad=True)

    @property
    def learned(self) -> LearnedLayer:
        """What it has come to."""
        levels = self._levels[self._places.numpy()]
        return LearnedLayer(levels, self.bias.detach().numpy().astype(np.float64))

    @property
    def state(self) -> tuple[Tensor, Tensor]:
        """What `restore` takes."""
        return self._places.clone(), self.bias.detach().clone()

    def restore(self, state: tuple[Tensor, Tensor]) -> None:
        """Go back to an earlier state."""
        self._set(*state)

    def _set(self, places: Tensor, bias: Tensor) -> None:
        self._places = places
        with torch.no_grad():
            self.weight.copy_(self._grid[places] * self._units)
            self.bias.copy_(bias)

    def best_moves(
        self, derivatives: Sequence[Tensor], curvatures: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return each filter's best move: which, and how much it changes the difference.

        Args:
            derivatives: of the difference, by weight and bias.
            curvatures: `h` of both.

        Returns:
            `[M]` each; moves are numbers for `move`.
        """
        gains = [
            (derivatives[0] * step + curvatures[0] * step.square() / 2).flatten(1)
            for step in (self._step(-1), self._step(1))
        ]
        # By Newton's step.
        gains.append(-(derivatives[1].square() / curvatures[1] / 2)[:, None])
        gain, move = torch.cat(gains, dim=1).min(dim=1)
        return move, gain

    def _step(self, direction: int) -> Tensor:
        """Return by how much each weight moves to the next level, if there is one."""
        return (self._grid[self._moved(direction)] - self._grid[self._places]) * self._units

    def _moved(self, direction: int) -> Tensor:
        return (self._places + direction).clamp(0, len(self._grid) - 1)

    def move(self, filters: Tensor, moves: Tensor, bias_steps: Tensor) -> None:
        """Let some filters move.

        Args:
            filters: which, `[n]`.
            moves: of all filters, `[M]`, from `best_moves`.
            bias_steps: `[M]`, where the move is the bias's.
        """
        row = self._places[0].numel()
        places, bias = self._places.flatten(1).clone(), self.bias.detach().clone()
        own = moves[filters]
        for index, direction in enumerate((-1, 1)):
            mine = own // row == index
            rows, columns = filters[mine], own[mine] - index * row
            places[rows, columns] = self._moved(direction).flatten(1)[rows, columns]
        rows = filters[own == 2 * row]
        bias[rows] += bias_steps[rows]
        self._set(places.reshape(self._places.shape), bias)


class _Network:
    """A block with weights that are learned."""

    def __init__(
        self,
        block: Block,
        layers: Mapping[Operation, WeightsOnGrid],
        storages: Mapping[SSAValue, Storage],
    ) -> None:
        self._block = block
        self._storages = storages
        self.layers = {op: _Layer(rounded) for op, rounded in layers.items()}

    @property
    def parameters(self) -> list[Tensor]:
        """Each layer's weight and bias."""
        return [each for layer in self.layers.values() for each in (layer.weight, layer.bias)]

    def run(self, inputs: Mapping[SSAValue, Tensor]) -> dict[SSAValue, Tensor]:
        """Return the block's tensors."""
        known = dict(inputs)
        for op in self._block.ops:
            value = op.results[0]
            if op in self.layers:
                assert isinstance(op, graph.ConvOp | graph.GemmOp)
                layer = self.layers[op]
                residual = None if op.residual is None else known[op.residual]
                known[value] = run_layer(op, known[op.input], layer.weight, layer.bias, residual)
            else:
                known[value] = run_op(op, [known[each] for each in op.operands])
            if value in self._storages:
                known[value] = self._storages[value].stored(known[value])
        return known


def learn_block(
    block: Block,
    layers: Mapping[Operation, WeightsOnGrid],
    storages: Mapping[SSAValue, Storage],
    samples: BlockSamples,
    rounds: int,
    seed: int,
    report: Callable[[int], None] = lambda done: None,
) -> dict[Operation, LearnedLayer] | None:
    """Move a block's weights and biases to where its results are closest to what is wanted.

    Args:
        block: of the float network.
        layers: how its layers' weights are rounded.
        storages: of its tensors that the integer network stores.
        samples: inputs and wanted outputs.
        rounds: at most.
        seed: of random directions.
        report: told how many rounds are done.

    Returns:
        what the layers become, which is closer on the samples; None where nothing is.
    """
    network = _Network(block, layers, storages)
    difference = _Difference(network, samples, _images_at_once(block))
    images = np.arange(len(next(iter(samples.inputs.values()))))
    first = difference.measure(images)
    curvatures = difference.curvatures(images, seed)
    generator = np.random.default_rng(seed)
    moving, caution, failures = float(FIRST_MOVING), 1.0, 0
    for done in range(rounds):
        proposing, accepting = _halves(generator.permutation(images))
        before = difference.measure(accepting)
        derivatives = difference.derivatives(proposing)
        states = [layer.state for layer in network.layers.values()]
        cautious = [caution * curvature for curvature in curvatures]
        _move_best(list(network.layers.values()), derivatives, cautious, round(moving))
        report(done + 1)
        if difference.measure(accepting) < before:
            moving, caution, failures = moving * GROWTH, max(caution / GROWTH, 1.0), 0
            continue
        for layer, state in zip(network.layers.values(), states, strict=True):
            layer.restore(state)
        moving, caution, failures = max(moving / SHRINKAGE, 1.0), caution * SHRINKAGE, failures + 1
        if failures == FAILURES:
            break
    report(rounds)
    if difference.measure(images) >= first:
        return None
    return {op: layer.learned for op, layer in network.layers.items()}


def _halves(
    images: npt.NDArray[np.intp],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return two halves; both the same image if there is one only."""
    middle = len(images) // 2
    return images[middle:], images[:middle] if middle else images


def _move_best(
    layers: Sequence[_Layer],
    derivatives: Sequence[Tensor],
    curvatures: Sequence[Tensor],
    count: int,
) -> None:
    """Let those filters of a block move that gain most by it."""
    best = [
        layer.best_moves(derivatives[2 * index :], curvatures[2 * index :])
        for index, layer in enumerate(layers)
    ]
    gains = torch.cat([gain for _, gain in best])
    order = gains.argsort()[:count]
    chosen = order[gains[order] < 0]
    first = 0
    for index, (layer, (moves, _)) in enumerate(zip(layers, best, strict=True)):
        own = chosen[(chosen >= first) & (chosen < first + len(moves))] - first
        layer.move(own, moves, -derivatives[2 * index + 1] / curvatures[2 * index + 1])
        first += len(moves)


def _images_at_once(block: Block) -> int:
    values = [*block.inputs, *(result for op in block.ops for result in op.results)]
    return max(ELEMENTS // max(tensors.flattened(value) for value in values), 1)


class _Difference:
    """The weighted difference of a block's outputs from what is wanted, on all images."""

    def __init__(self, network: _Network, samples: BlockSamples, at_once: int) -> None:
        self._network = network
        self._samples = samples
        self._at_once = at_once

    def _parts(self, images: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
        return np.array_split(images, -(-len(images) // self._at_once))

    def _found(self, images: npt.NDArray[np.intp]) -> dict[SSAValue, Tensor]:
        inputs = {
            value: torch.tensor(np.asarray(array[images], np.float32))
            * 2.0 ** self._samples.exponents[value]
            for value, array in self._samples.inputs.items()
        }
        return self._network.run(inputs)

    def _of(self, images: npt.NDArray[np.intp]) -> Tensor:
        """Return the mean over some images and their elements, summed over outputs."""
        found, places = self._found(images), torch.tensor(images)
        total = torch.zeros(())
        for value, target in self._samples.targets.items():
            importance = self._samples.importances[value].of(places)
            distance = found[value] - torch.tensor(target[images])
            total = total + (distance.square() * importance).mean()
        return total

    def measure(self, images: npt.NDArray[np.intp]) -> float:
        """Return the difference on some images."""
        parts = self._parts(images)
        found = [0.0] * len(parts)

        def measure(index: int) -> None:
            with torch.no_grad():
                found[index] = float(self._of(parts[index])) * len(parts[index])

        in_single_threads(measure, len(parts))
        return sum(found) / len(images)

    def derivatives(self, images: npt.NDArray[np.intp]) -> list[Tensor]:
        """Return the derivatives on some images by each layer's weight and bias."""
        parts = self._parts(images)
        return self._summed(
            lambda index: self._of(parts[index]) * (len(parts[index]) / len(images)), len(parts)
        )

    def curvatures(self, images: npt.NDArray[np.intp], seed: int) -> list[Tensor]:
        """Return estimates of the second derivatives by each layer's weight and bias."""
        parts = np.array_split(images, min(len(images), DIRECTIONS))

        def projected(index: int) -> Tensor:
            """Return the outputs in a random direction."""
            generator = torch.Generator().manual_seed(seed + index)
            own = parts[index % len(parts)]
            found, places = self._found(own), torch.tensor(own)
            total = torch.zeros(())
            for value in self._samples.targets:
                output = found[value]
                weight = self._samples.importances[value].of(places) / output[0].numel()
                direction = torch.randn(output.shape, generator=generator)
                total = total + (output * weight.sqrt() * direction).sum()
            return total

        # Twice the mean over images, of which each direction has seen a part.
        scale = 2 * len(parts) / DIRECTIONS / len(images)
        squares = self._summed(projected, DIRECTIONS, torch.square)
        return [
            smooth
            for weight, bias in zip(squares[::2], squares[1::2], strict=True)
            for smooth in _separable(scale * weight, scale * bias)
        ]

    def _summed(
        self,
        function: Callable[[int], Tensor],
        count: int,
        of_each: Callable[[Tensor], Tensor] = lambda derivative: derivative,
    ) -> list[Tensor]:
        """Return sums of the derivatives of functions by all parameters, in a fixed order."""
        found: list[Sequence[Tensor]] = [()] * count

        def derive(index: int) -> None:
            found[index] = torch.autograd.grad(function(index), self._network.parameters)

        in_single_threads(derive, count)
        return [
            torch.stack([of_each(part) for part in each]).sum(dim=0)
            for each in zip(*found, strict=True)
        ]


def _separable(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return second derivatives as products of a filter's and an input's.

    Whoever looks for the best of many moves finds what was estimated too low by chance. Filters
    differ by what their results are worth and inputs by how large they are, so that the product of
    the two says nearly all, and is a mean of many estimates.

    Args:
        weight: estimates `[M, ...]`.
        bias: estimates `[M]`.
    """
    rows = weight.flatten(1)
    mean = rows.mean().clamp_min(torch.finfo(torch.float32).tiny)
    filters = (rows.mean(dim=1) / mean).clamp_min(FLOOR)
    inputs = rows.mean(dim=0).clamp_min(FLOOR * float(mean))
    product = filters[:, None] * inputs
    own_bias = filters * bias.mean().clamp_min(FLOOR * float(mean))
    return torch.maximum(product.reshape(weight.shape), weight), torch.maximum(own_bias, bias)
