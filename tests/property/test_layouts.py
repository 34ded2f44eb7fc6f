"""Ops that only move elements, one by one: random networks do not draw them in every form."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_reference import run as run_naively
from property.test_extremes import PROFILE
from xdsl.builder import Builder
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue
from xdsl.rewriter import InsertPoint

from tf2c.backends.program import emit_program
from tf2c.dialects import dataflow, graph, int8, layout, tensors
from tf2c.dialects.scales import Pow2Attr
from tf2c.engine import Engine
from tf2c.interpreters import ENTRY, run
from tf2c.passes.dataflow.allocate_memory import AllocateMemoryPass
from tf2c.passes.dataflow.convert_shift_to_dataflow import ConvertShiftToDataflowPass
from tf2c.passes.pipeline import PassPipeline
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator

Images = npt.NDArray[np.float32]
Layer = tuple[ModuleOp, Images]


def _part(draw: st.DrawFn, value: SSAValue) -> SSAValue:
    extents = tensors.extents(value)
    starts = [draw(st.integers(0, extent - 1)) for extent in extents]
    ends = [
        draw(st.integers(start + 1, extent)) for start, extent in zip(starts, extents, strict=True)
    ]
    steps = [draw(st.integers(1, 3)) for _ in extents]
    return layout.SliceOp(value, starts, ends, steps).output


def _padded(draw: st.DrawFn, value: SSAValue) -> SSAValue:
    low, high = ([draw(st.integers(0, 2)) for _ in tensors.extents(value)] for _ in range(2))
    return layout.PadOp(value, low, high).output


def _turned(draw: st.DrawFn, value: SSAValue) -> SSAValue:
    rank = len(tensors.shape(value))
    order = draw(st.permutations(range(1, rank)))
    return layout.TransposeOp(value, [0, *order]).output


def _joined(draw: st.DrawFn, value: SSAValue) -> SSAValue:
    return layout.ConcatOp([value] * draw(st.integers(1, 3)), axis=1).output


def _joined_anywhere(draw: st.DrawFn, value: SSAValue) -> SSAValue:
    axis = draw(st.integers(1, len(tensors.extents(value))))
    return layout.ConcatOp([value] * draw(st.integers(1, 3)), axis).output


def _shaped(draw: st.DrawFn, value: SSAValue) -> SSAValue:
    elements = tensors.flattened(value)
    divisors = [each for each in range(1, elements + 1) if elements % each == 0]
    first = draw(st.sampled_from(divisors))
    return layout.ReshapeOp(value, [first, elements // first]).output


ON_THE_ENGINE = (_part, _padded, _joined)
ANYWHERE = (*ON_THE_ENGINE, _turned, _joined_anywhere, _shaped)


@st.composite
def movements(
    draw: st.DrawFn, kinds: tuple[Callable[[st.DrawFn, SSAValue], SSAValue], ...]
) -> Layer:
    """Draw one or two ops on images, or on rows that these are flattened to."""
    extents = draw(st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4)))
    seed = draw(st.integers(0, 2**32 - 1))
    images = np.random.default_rng(seed).integers(-128, 128, (2, *extents)).astype(np.float32)
    function = FuncOp(ENTRY, ([graph.images_type(extents)], []))
    builder = Builder(InsertPoint.at_end(function.body.block))
    value = builder.insert(int8.QuantizeOp(function.args[0], Pow2Attr([0]))).output
    if draw(st.booleans()):
        value = builder.insert(layout.flatten(value)).output
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=2)):
        value = kind(draw, value)
        assert isinstance(value.owner, layout.MovingOp)
        builder.insert(value.owner)
    builder.insert(ReturnOp(value))
    function.update_function_type()
    module = ModuleOp([function])
    module.verify()
    return module, images


@PROFILE
@given(movements(ANYWHERE))
def test_interpreter_moves_as_the_naive_reference(layer: Layer) -> None:
    module, images = layer
    _, expected = run_naively(module, images)[-1]
    found = run(module, images)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


@PROFILE
@given(movements(ON_THE_ENGINE), st.sampled_from([Engine(), Engine(4, 2)]))
def test_simulator_moves_as_the_naive_reference(layer: Layer, engine: Engine) -> None:
    assert_simulator_moves_as_the_naive_reference(*layer, engine)


def assert_simulator_moves_as_the_naive_reference(
    module: ModuleOp, images: Images, engine: Engine
) -> ModuleOp:
    """Compare, and return the jobs."""
    _, expected = run_naively(module, images)[-1]
    lowered = module.clone()
    convert = ConvertShiftToDataflowPass(engine.filter_vector, engine.channel_vector)
    PassPipeline([convert, AllocateMemoryPass()]).run(lowered)
    program, weights, _ = emit_program(lowered)
    assert np.array_equal(Session(Simulator(), program, weights).run(images).stored, expected)
    return lowered


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 1), (2, 1, 0), (1, 1, 2)])
def test_concatenations_lie_in_concatenations(order: tuple[int, ...]) -> None:
    function = FuncOp(ENTRY, ([graph.images_type((4, 2, 3))], []))
    builder = Builder(InsertPoint.at_end(function.body.block))
    image = builder.insert(int8.QuantizeOp(function.args[0], Pow2Attr([0]))).output
    padded = builder.insert(layout.PadOp(image, [1, 0, 0], [1, 0, 0])).output
    inner = builder.insert(layout.ConcatOp([image, padded], axis=1)).output
    operands = (image, inner, padded)
    outer = builder.insert(layout.ConcatOp([operands[index] for index in order], axis=1))
    builder.insert(ReturnOp(outer.output))
    function.update_function_type()
    images = np.random.default_rng(0).integers(-128, 128, (2, 4, 2, 3)).astype(np.float32)
    jobs = assert_simulator_moves_as_the_naive_reference(ModuleOp([function]), images, Engine(4, 2))
    joined = [op for op in jobs.walk() if isinstance(op, dataflow.ConcatOp)]
    assert any(isinstance(each.owner, dataflow.ConcatOp) for op in joined for each in op.inputs)
