"""Move weights from level to level where a block's results come closer to float's, with PyTorch.

Starts from weights that are rounded already (`round-weights-compensated`) and keeps their steps.
Walks the float network and the integer one side by side over the calibration images; for each block
of layers it has the rounded inputs that really arrive and what the float network makes of its own,
behind activations and poolings. One half of the images proposes moves of weights to the next level,
and of biases; the other half accepts them (`learning.block_rounding`). A difference counts by how
much it moves the network's results (`learning.importance`). A block that does not come closer stays
as it was.

Before:
    %w = int8.constant <1x2xi8, [64, 32]> from ... : tensor<1x2xi8, #int8.pow2<[-6], axis = 0>>
After:
    %w = int8.constant <1x2xi8, [64, 64]> from ... : tensor<1x2xi8, #int8.pow2<[-6], axis = 0>>

Requires: PyTorch; `convert-graph-to-int8` has run with the same context, where it left the float
    network; calibration images in the context, or their path (.npy) as an option.
Ensures: every weight is of the form that its layer's were, in the same steps.
Contract: approximate; metric: signal-to-quantization-noise ratio of the network's result.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.transforms.dead_code_elimination import dce

from tf2c.analysis.blocks import Block, divided
from tf2c.analysis.constants import ConstantOp, constant_array
from tf2c.analysis.units import requantization_of, weight_units
from tf2c.context import report_progress
from tf2c.dialects import graph, int8, tensors
from tf2c.dialects.scales import accumulator_scale, scale_of
from tf2c.errors import UserError
from tf2c.learning import expect_torch
from tf2c.numerics import pow2
from tf2c.numerics.compensated_rounding import Grid
from tf2c.passes.biases import bias_constant
from tf2c.passes.compensation import (
    LayerPair,
    RoundedLayer,
    affordable_batches,
    float_network_of,
    replace_rounded,
)
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function
from tf2c.passes.walk import Walk

if TYPE_CHECKING:
    from tf2c.learning.importance import Importance

FORMS = ("shift", "int8")
"""Of weights."""

LAYERS = 3
"""Of a block, at most."""

ROUNDS = 60
"""Of moving weights, for each block at most."""

DIRECTIONS = 2
"""Random ones per image, from which importances are estimated."""


@dataclass(frozen=True)
class LearnRoundingPass(CompilerPass):
    """Move weights from level to level where a block comes closer to float, with PyTorch."""

    name = "learn-rounding"
    contract: ClassVar[Contract] = Contract.APPROXIMATE
    looks_at_images: ClassVar[bool] = True

    images: str | None = None
    """Path of an .npy file of calibration images; by default the context's."""
    weights: str = "shift"
    """`shift`: one or two terms, as each layer has now; or `int8`."""
    layers: int = LAYERS
    """Of a block, at most."""
    rounds: int = ROUNDS
    """Of moving weights, for each block at most."""
    seed: int = 0
    """Of the choice of images and of random directions."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Learn block by block, in network order."""
        if self.weights not in FORMS:
            raise UserError(f"expected weights of {', '.join(FORMS)}, got `{self.weights}`")
        for what, number in (("layers per block", self.layers), ("rounds", self.rounds)):
            if number < 1:
                raise UserError(f"expected {what} >= 1, got {number}")
        expect_torch("learned roundings")
        _Learning(self, ctx, op).learn()
        dce(op)


class _Learning:
    """Both networks on their way through the blocks."""

    def __init__(self, options: LearnRoundingPass, ctx: Context, module: ModuleOp) -> None:
        self._options = options
        self._ctx = ctx
        self._real_function = network_function(float_network_of(ctx))
        self._images = affordable_batches(ctx, module, options.images)
        function = network_function(module)
        self._real = Walk(self._real_function, self._images)
        self._stored = Walk(function, self._images)
        self._pairs = _paired(self._real_function, function)
        (first,) = (op for op in function.body.block.ops if isinstance(op, int8.QuantizeOp))
        self._stored.run([first])
        self._values: dict[SSAValue, SSAValue] = {self._real_function.args[0]: first.output}

    def learn(self) -> None:
        """Go through all blocks."""
        from tf2c.learning.importance import result_importances

        blocks = divided(self._real_function, self._options.layers)
        outputs = [value for block in blocks for value in block.outputs]
        importances = result_importances(
            self._real_function, self._images, outputs, DIRECTIONS, self._options.seed
        )
        total = len(blocks) * self._options.rounds
        for index, block in enumerate(blocks):
            for op in block.ops:
                self._real.run([op])

            def report(done: int, before: int = index * self._options.rounds) -> None:
                report_progress(self._ctx, "learning roundings", before + done, total)

            self._learn(block, {value: importances[value] for value in block.outputs}, report)
            for op in block.ops:
                own = self._pairs[op]
                self._values[op.results[0]] = own[-1].results[0]
                self._stored.run(own)

    def _learn(
        self,
        block: Block,
        importances: "Mapping[SSAValue, Importance]",
        report: Callable[[int], None],
    ) -> None:
        """Learn a block's roundings; both networks have run up to it, the float one through it."""
        from tf2c.learning.block_rounding import (
            BlockSamples,
            Storage,
            WeightsOnGrid,
            learn_block,
        )

        pairs = {layer: self._pair(layer) for layer in block.layers}
        if not pairs:
            return
        samples = BlockSamples(
            {value: _joined(self._stored, self._values[value]) for value in block.inputs},
            {value: int(scale_of(self._values[value]).values[0]) for value in block.inputs},
            {value: _joined(self._real, value) for value in block.outputs},
            importances,
        )
        rounded: dict[Operation, WeightsOnGrid] = {}
        for layer, pair in pairs.items():
            levels = constant_array(pair.sums.weight)
            units = weight_units(pair.sums)
            bias = constant_array(pair.sums.bias) * units * 2.0**pair.input_exponent
            rounded[layer] = WeightsOnGrid(levels, self._grid(levels).levels, units, bias)
        storages: dict[SSAValue, Storage] = {
            op.results[0]: Storage(int(scale_of(last.output).values[0]), *last.bounds.get_values())
            for op in block.ops
            if isinstance(last := self._pairs[op][-1], int8.RequantizeOp)
        }
        learned = learn_block(
            block, rounded, storages, samples, self._options.rounds, self._options.seed, report
        )
        if learned is None:
            return
        for layer, pair in pairs.items():
            self._replace(pair, learned[layer].levels, learned[layer].bias)

    def _grid(self, levels: npt.NDArray[np.int8]) -> Grid:
        """Return the grid that a layer's weights are on."""
        if self._options.weights == "int8":
            return Grid(None)
        return Grid(1 if pow2.has_one_term(levels).all() else 2)

    def _pair(self, layer: graph.LayerOp) -> LayerPair:
        sums = self._pairs[layer][0]
        assert isinstance(sums, int8.ConvOp | int8.GemmOp)
        return LayerPair(layer, sums, requantization_of(sums))

    def _replace(
        self, pair: LayerPair, levels: npt.NDArray[np.int8], bias: npt.NDArray[np.float64]
    ) -> None:
        """Give a layer other levels and another bias; steps stay as they are."""
        constant = pair.sums.weight.owner
        assert isinstance(constant, int8.ConstantOp)
        scale = scale_of(constant.output)
        window = np.broadcast_to(scale.values, len(levels))
        # In units of the accumulators' scale, which does not know the multiplier.
        sums_bias = bias * np.exp2(window) / weight_units(pair.sums)
        weight = int8.ConstantOp(levels, scale, constant.origin)
        stored_bias = bias_constant(sums_bias, accumulator_scale(pair.input_exponent, window))
        multipliers, shifts = np.ones_like(window), np.zeros_like(window)
        if pair.stored is not None:
            multipliers = tensors.integers(pair.stored.multiplier)
            shifts = tensors.integers(pair.stored.shift)
        replaced = replace_rounded(pair, RoundedLayer(weight, stored_bias, multipliers, shifts))
        self._pairs[pair.real] = [replaced, *self._pairs[pair.real][1:]]


def _joined(walk: Walk, value: SSAValue) -> npt.NDArray[Any]:
    return np.concatenate([walk.batch(value, index) for index in range(walk.batches)])


def _paired(real: FuncOp, stored: FuncOp) -> dict[Operation, list[Operation]]:
    """Return what each op of the float network has become: one op, or sums and what stores them."""
    ops = _computing(stored)
    next(ops)  # the quantization of the input
    pairs: dict[Operation, list[Operation]] = {}
    for op in _computing(real):
        own = [next(ops)]
        if isinstance(own[0], int8.ConvOp | int8.GemmOp) and requantization_of(own[0]):
            own.append(next(ops))
        pairs[op] = own
    return pairs


def _computing(function: FuncOp) -> Iterator[Operation]:
    for op in function.body.block.ops:
        if not isinstance(op, ConstantOp | ReturnOp):
            yield op
