"""Property-based testing of passes: random networks, and what must hold for them.

    from hypothesis import given
    from tf2c.testing import Network, assert_exact, networks

    @given(networks())
    def test_my_pass_is_exact(network: Network) -> None:
        assert_exact(network, MyPass())

Needs hypothesis.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from xdsl.builder import Builder
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint
from xdsl.transforms.dead_code_elimination import dce
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import graph, layout, tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.layers import name_layer
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import ConvolutionWindow, PoolingWindow
from tf2c.image_source import ArrayImages
from tf2c.interpreters import ENTRY, run_all
from tf2c.ir_files import new_context
from tf2c.passes.check import ContractChecker, ContractError, real_results

SEEDS = 1 << 16
"""Bound of drawn seeds."""

LARGEST_TENSOR = 4096
"""Elements per image that concatenations grow to; each may double its operand."""


class Step(NamedTuple):
    """One op to be; what an op has no use for is ignored."""

    kind: int
    """Index into `STEPS`; where that op does not fit, the next one that does."""
    operand: int
    """How many values back the operand lies; networks are deep, so mostly 0."""
    filters: int
    kernel: int
    stride: int
    pad: int
    has_bias: bool
    dilation: int = 1
    group: int = 0
    """0: one; otherwise as many as channels and filters allow, a depthwise convolution if it is 2.
    """


class Network:
    """A module with one function, and images for it.

    Its representation is the IR, so that a failing example can be read and pasted into a file
    (which is why it is no dataclass: hypothesis would print the fields).
    """

    def __init__(self, module: ModuleOp, images: npt.NDArray[np.float32]) -> None:
        """Take verified IR and float32 `[N, C, H, W]`."""
        self.module = module
        self.images = images

    def __repr__(self) -> str:
        """Return the IR."""
        return f"\n{self.module}"

    def clone(self) -> "Network":
        """Return a network whose module can be changed alone."""
        return Network(self.module.clone(), self.images)


class _Growth:
    """A function that grows by one op per step; a step that does not fit is left out."""

    def __init__(self, extents: tuple[int, ...], seed: int) -> None:
        self.function = FuncOp(ENTRY, ([graph.images_type(extents)], [graph.images_type(extents)]))
        self.random = np.random.default_rng(seed)
        self.values: list[SSAValue] = list(self.function.args)
        self._builder = Builder(InsertPoint.at_end(self.function.body.block))

    def constant(self, *shape: int) -> SSAValue:
        """Insert a weight tensor of small numbers, of which some are zero or equal."""
        numbers = np.round(self.random.normal(size=shape), 2) * (self.random.random(shape) < 0.9)
        return self.insert(graph.ConstantOp(BlobAttr.of(numbers.astype(np.float32))))

    def positive(self, size: int) -> SSAValue:
        """Insert a tensor of positive numbers: a variance."""
        numbers = self.random.uniform(0.5, 2.0, size).astype(np.float32)
        return self.insert(graph.ConstantOp(BlobAttr.of(numbers)))

    def insert(self, op: Operation) -> SSAValue:
        """Insert an op, named as a layer."""
        name_layer(op, f"layer{len(self.values)}")
        return self._builder.insert(op).results[0]


_Grow = Callable[[_Growth, SSAValue, Step], SSAValue | None]


def _conv(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    if len(tensors.extents(value)) != 3:
        return None
    channels, height, width = tensors.extents(value)
    # Unequal strides, pads and dilations on purpose.
    dilations = (step.dilation, 1)
    pads = (step.pad, step.pad, 0, step.pad)
    covered = (step.kernel - 1) * step.dilation + 1
    if height + step.pad < covered or width + 2 * step.pad < step.kernel:
        return None
    filters, group = step.filters, 1
    if step.group == 1:
        group = math.gcd(channels, filters)
    elif step.group == 2:
        filters = channels * (1 + filters % 2)
        group = channels
    weight = growth.constant(filters, channels // group, step.kernel, step.kernel)
    window = ConvolutionWindow(
        i64_array([step.stride, 1]),
        i64_array(pads),
        i64_array(dilations),
        IntegerAttr(group, i64),
    )
    bias = growth.constant(filters) if step.has_bias else None
    return growth.insert(graph.ConvOp(value, weight, bias, window=window))


def _gemm(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    if len(tensors.extents(value)) != 1:
        return None
    (inputs,) = tensors.extents(value)
    bias = growth.constant(step.filters) if step.has_bias else None
    return growth.insert(graph.GemmOp(value, growth.constant(step.filters, inputs), bias))


def _batch_normalization(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    channels = tensors.extents(value)[0]
    scale, bias, mean = (growth.constant(channels) for _ in range(3))
    return growth.insert(
        graph.BatchNormalizationOp(value, scale, bias, mean, growth.positive(channels), 1e-5)
    )


def _relu(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    return growth.insert(graph.ReluOp(value))


def _clip(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    return growth.insert(graph.ClipOp(value, -1.0 if step.has_bias else 0.0, step.kernel))


def _pooling_window(value: SSAValue, step: Step, pads: Sequence[int]) -> PoolingWindow | None:
    if len(tensors.extents(value)) != 3:
        return None
    kernel = [step.kernel, 2]
    _, height, width = tensors.extents(value)
    if height + pads[0] < kernel[0] or width < kernel[1]:
        return None
    strides = i64_array([step.stride, step.stride])
    return PoolingWindow(i64_array(kernel), strides, i64_array(pads))


def _max_pool(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    pads = [min(step.pad, step.kernel - 1), 0, 0, step.pad]
    window = _pooling_window(value, step, pads)
    return None if window is None else growth.insert(graph.MaxPoolOp(value, window))


def _average_pool(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    window = _pooling_window(value, step, [0, 0, 0, 0])
    return None if window is None else growth.insert(graph.AveragePoolOp(value, window))


def _add(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    fitting = [other for other in growth.values if other.type == value.type]
    return growth.insert(graph.AddOp(value, fitting[step.filters % len(fitting)]))


def _concat(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    shape = tensors.shape(value)
    fitting = [
        other
        for other in growth.values
        if len(tensors.shape(other)) == len(shape) and tensors.shape(other)[2:] == shape[2:]
    ]
    other = fitting[step.filters % len(fitting)]
    if tensors.flattened(value) + tensors.flattened(other) > LARGEST_TENSOR:
        return None
    return growth.insert(layout.ConcatOp([value, other], axis=1))


def _pad(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    if len(tensors.extents(value)) != 3:
        return None
    low, high = [step.pad, step.pad, 0], [step.stride - 1, 0, 1]
    return growth.insert(layout.PadOp(value, low, high))


def _slice(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    if len(tensors.extents(value)) != 3:
        return None
    channels, height, width = tensors.extents(value)
    starts = [min(step.pad, channels - 1), min(step.kernel - 1, height - 1), 0]
    ends = [channels, height, max(width - step.pad, 1)]
    return growth.insert(layout.SliceOp(value, starts, ends, [1, step.stride, step.stride]))


def _flatten(growth: _Growth, value: SSAValue, step: Step) -> SSAValue | None:
    if len(tensors.extents(value)) != 3:
        return None
    return growth.insert(layout.flatten(value))


# In an order in which the next op that fits is a sensible one: rows after flattening meet a fully
# connected layer, images never do.
STEPS: tuple[_Grow, ...] = (
    _conv,
    _max_pool,
    _relu,
    _conv,  # twice, because networks consist of them
    _add,
    _batch_normalization,
    _concat,
    _average_pool,
    _clip,
    _pad,
    _slice,
    _flatten,
    _gemm,
)


def build_network(
    extents: tuple[int, int, int], steps: Sequence[Step], seed: int, images: int = 3
) -> Network:
    """Grow a network step by step; every list of steps is a network.

    Hypothesis shrinks such lists well, because every part of one is a network too.

    Args:
        extents: the input's `(C, H, W)`.
        steps: what to grow.
        seed: of the weights and images.
        images: how many.
    """
    growth = _Growth(extents, seed)
    for step in steps:
        value = growth.values[-1 - step.operand % len(growth.values)]
        for offset in range(len(STEPS)):
            result = STEPS[(step.kind + offset) % len(STEPS)](growth, value, step)
            if result is not None:
                growth.values.append(result)
                break
    growth.function.body.block.add_op(ReturnOp(growth.values[-1]))
    growth.function.update_function_type()
    module = ModuleOp([growth.function])
    dce(module)
    module.verify()
    batch = growth.random.normal(size=(images, *extents)).astype(np.float32)
    return Network(module, batch)


def network_steps() -> st.SearchStrategy[Step]:
    """Draw a step."""
    return st.builds(
        Step,
        kind=st.integers(0, len(STEPS) - 1),
        operand=st.sampled_from([0, 0, 0, 1, 2]),
        filters=st.integers(1, 20),
        kernel=st.integers(1, 3),
        stride=st.integers(1, 2),
        pad=st.integers(0, 1),
        has_bias=st.booleans(),
        dilation=st.integers(1, 2),
        group=st.integers(0, 2),
    )


@st.composite
def networks(draw: st.DrawFn, min_layers: int = 3, max_layers: int = 10) -> Network:
    """Draw a `graph` network of convolutions, additions, poolings and the rest, with images."""
    extents = draw(st.tuples(st.integers(1, 9), st.integers(2, 7), st.integers(2, 7)))
    steps = draw(st.lists(network_steps(), min_size=min_layers, max_size=max_layers))
    return build_network(extents, steps, seed=draw(st.integers(0, SEEDS)))


def assert_contract(network: Network, applied: ModulePass) -> Network:
    """Apply a pass to a copy of a network and check what the pass promises.

    Returns:
        the network as the pass left it.

    Raises:
        AssertionError: the pass broke its contract or left invalid IR.
    """
    after = network.clone()
    checker = ContractChecker(after.module, after.images)
    context = new_context()
    context.calibration = ArrayImages(network.images)
    applied.apply(context, after.module)
    try:
        after.module.verify()
        checker.check(applied, after.module)
    except (VerifyException, ContractError) as error:
        raise AssertionError(str(error)) from error
    return after


def assert_exact(network: Network, applied: ModulePass) -> Network:
    """Apply a pass to a copy of a network and check that no bit of its results changes.

    Whatever contract the pass itself states.
    """
    after = assert_contract(network, applied)
    expected = run_all(network.module, network.images)
    results = run_all(after.module, after.images)
    expected += real_results(network.module, expected)
    results += real_results(after.module, results)
    same = all(
        result.dtype == before.dtype and np.array_equal(result, before)
        for result, before in zip(results, expected, strict=True)
    )
    if not same:
        raise AssertionError(f"pass `{applied.name}` is not exact")
    return after
