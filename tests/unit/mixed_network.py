"""A network with every kind of job: grouped, dilated, moving, averaging, joining."""

from collections.abc import Sequence

import numpy as np
from xdsl.builder import Builder
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue
from xdsl.rewriter import InsertPoint

from tf2c.backends.program import EmittedProgram, emit_program
from tf2c.choices import DEFAULT_ENGINE, Choices, stage_passes
from tf2c.dialects import graph, layout, tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.layers import name_layer
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import ConvolutionWindow, PoolingWindow
from tf2c.engine import Engine
from tf2c.image_source import ArrayImages
from tf2c.interpreters import ENTRY
from tf2c.ir_files import new_context
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline
from tf2c.testing import Network

IMAGE = (3, 9, 8)


class NetworkBuilder:
    """A function that grows by named layers."""

    def __init__(self, image: tuple[int, int, int] = IMAGE) -> None:
        self._image = image
        self.function = FuncOp(ENTRY, ([graph.images_type(image)], []))
        self._builder = Builder(InsertPoint.at_end(self.function.body.block))
        self._random = np.random.default_rng(0)

    def add(
        self,
        name: str,
        op: graph.ConvOp
        | graph.AveragePoolOp
        | graph.MaxPoolOp
        | graph.ClipOp
        | graph.AddOp
        | layout.MovingOp,
    ) -> SSAValue:
        name_layer(op, name)
        return self._builder.insert(op).output

    def conv(
        self,
        name: str,
        value: SSAValue,
        filters: int,
        kernel: int,
        *,
        group: int = 1,
        strides: Sequence[int] = (1, 1),
        dilations: Sequence[int] = (1, 1),
    ) -> SSAValue:
        """Convolve without changing the image's size, but by strides."""
        seen = tensors.extents(value)[0] // group
        # Below 2: what is concatenated with its own operands leaves weights no room for more.
        numbers = self._random.normal(size=(filters, seen, kernel, kernel)) * 0.45
        weight = self._builder.insert(
            graph.ConstantOp(BlobAttr.of(numbers.astype(np.float32)))
        ).output
        pads = [kernel // 2 * step for step in dilations] * 2
        window = ConvolutionWindow(
            pads=i64_array(pads),
            strides=i64_array(strides),
            dilations=i64_array(dilations),
            group=IntegerAttr(group, i64),
        )
        return self.add(name, graph.ConvOp(value, weight, window=window))

    def network(self, result: SSAValue) -> Network:
        """Return the network that ends with a value, and three images."""
        self.function.body.block.add_op(ReturnOp(result))
        self.function.update_function_type()
        module = ModuleOp([self.function])
        module.verify()
        images = np.random.default_rng(1).normal(size=(3, *self._image)).astype(np.float32)
        return Network(module, images)


def mixed_network() -> Network:
    """Return the network, whose layers are named after what is special about them, and images."""
    net = NetworkBuilder()
    stem = net.conv("dense", net.function.args[0], 16, 3)
    stem = net.add("clip", graph.ClipOp(stem, 0.0, 2.0))
    depthwise = net.conv("depthwise dilated", stem, 16, 3, group=16, dilations=(2, 1))
    doubled = net.conv("depthwise doubled", depthwise, 32, 1, group=16)
    grouped = net.conv("grouped", doubled, 32, 3, group=4, dilations=(1, 2))
    unaligned = net.conv("grouped unaligned", grouped, 18, 1, group=2)
    # Whole channel vectors in front, and then broken ones.
    aligned = net.add("aligned", layout.ConcatOp([stem, depthwise, unaligned], axis=1))
    broken = net.add("broken", layout.ConcatOp([unaligned, depthwise], axis=1))
    mixed = net.conv("mixing", aligned, 34, 1)
    total = net.add("sum", graph.AddOp(mixed, broken))
    part = net.add("slice", layout.SliceOp(total, [1, 1, 0], [34, 9, 8], [1, 2, 3]))
    padded = net.add("pad", layout.PadOp(part, [0, 1, 0], [0, 0, 1]))
    pooling = PoolingWindow(i64_array([3, 2]), i64_array([2, 1]), i64_array([1, 0, 1, 1]))
    pooled = net.add("standing max pool", graph.MaxPoolOp(padded, pooling))
    narrow = net.add(
        "narrow average", graph.AveragePoolOp(pooled, PoolingWindow(i64_array([1, 2])))
    )
    last = net.conv("last", narrow, 20, 3, dilations=(1, 2))
    kernel = i64_array(tensors.extents(last)[1:])
    mean = net.add("wide average", graph.AveragePoolOp(last, PoolingWindow(kernel)))
    return net.network(net.add("flatten", layout.flatten(mean)))


def lowered(
    network: Network, weights: str, engine: Engine = DEFAULT_ENGINE, last: str = STAGES[-1].name
) -> Network:
    """Return a network as jobs, or as another stage leaves it, with weights of a form."""
    result = network.clone()
    context = new_context()
    context.calibration = ArrayImages(network.images)
    for stage in STAGES:
        passes = stage_passes(stage, engine, Choices(weights=weights, method="nearest"))
        PassPipeline(passes).run(result.module, context=context)
        if stage.name == last:
            break
    return result


def emitted(network: Network, weights: str, engine: Engine = DEFAULT_ENGINE) -> EmittedProgram:
    """Return a network's program with weights of a form."""
    return emit_program(lowered(network, weights, engine).module)
