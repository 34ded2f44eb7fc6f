"""Hand-built layers with extreme numbers: interpreters and simulator beside the naive reference.

Padding, ties, -128, saturation, all-zero weights, multipliers, residuals, wrap-around, two terms,
unsigned numbers, averages.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from naive_reference import canonical_codes
from naive_reference import run as run_naively
from xdsl.builder import Builder
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i8, i32, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation
from xdsl.rewriter import InsertPoint

from tf2c.backends.program import emit_program
from tf2c.dialects import graph, int8, shift
from tf2c.dialects.scales import Pow2Attr, ui8
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import ConvolutionWindow, PoolingWindow
from tf2c.interpreters import ENTRY, run
from tf2c.numerics import windows
from tf2c.passes.pipeline import PassPipeline
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator

PROFILE = settings(
    derandomize=True,
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

CODES = {terms: sorted(canonical_codes(terms).values()) for terms in (1, 2)}

BIASES = st.sampled_from([0, 1, -1, 64, 2**30, -(2**30), 2**31 - 1, -(2**31)])
PIXELS = st.sampled_from(
    [-1000.0, -128.5, -128.0, -127.5, -0.5, 0.0, 0.5, 1.5, 126.5, 127.0, 999.0]
)
"""Ties, both ends of int8, and beyond them."""


@st.composite
def layers(draw: st.DrawFn) -> tuple[ModuleOp, npt.NDArray[np.float32]]:
    """Draw `max_pool(requantize(conv(x), residual))` and images, everything at its limits."""
    group = draw(st.integers(1, 2))
    channels, filters = group * draw(st.integers(1, 3)), group * draw(st.integers(1, 3))
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    height, width = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    images = draw(hnp.arrays(np.float32, (2, channels, height, width), elements=PIXELS))
    terms = draw(st.integers(1, 2))
    shape = (filters, channels // group, 3, 3)
    codes = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from(CODES[terms])))
    if draw(st.booleans()):
        codes[0] = 7 if terms == 1 else 0x77  # a filter of zeros
    bias = np.array(draw(st.lists(BIASES, min_size=filters, max_size=filters)), np.int64)
    exponents = draw(st.lists(st.integers(-9, -3), min_size=filters, max_size=filters))
    # Multiplier and shift together stay within the engine's 26 bits.
    shifts = draw(st.lists(st.integers(6, 30), min_size=filters, max_size=filters))
    multipliers = [
        min(draw(st.sampled_from([2, 3, 255, 65535])), (1 << (shift_ - 4)) - 1) for shift_ in shifts
    ]
    low, high = sorted(draw(st.tuples(st.integers(-128, 127), st.integers(-128, 127))))

    function = FuncOp(ENTRY, ([graph.images_type(images.shape[1:])], []))
    builder = Builder(InsertPoint.at_end(function.body.block))
    stored = builder.insert(int8.QuantizeOp(function.args[0], Pow2Attr([0]))).output
    weight = builder.insert(shift.ConstantOp(codes, Pow2Attr(exponents, axis=0), terms)).output
    bias_op = builder.insert(int8.ConstantOp(bias.astype(np.int32), Pow2Attr(exponents, axis=0)))
    window = ConvolutionWindow(
        pads=i64_array([dilations[0], dilations[1]] * 2),
        dilations=i64_array(dilations),
        group=IntegerAttr(group, i64),
    )
    sums = builder.insert(shift.ConvOp(stored, weight, bias_op.output, window)).output
    with_residual = filters == channels and draw(st.booleans())
    # The residual has exponent 0, so its shift t = 30 - e_output stays in 0..48.
    output_exponent = draw(st.integers(-18, 30)) if with_residual else draw(st.integers(-20, 20))
    requantize = int8.RequantizeOp(
        sums, Pow2Attr([output_exponent]), i64_array([low, high]), stored if with_residual else None
    )
    requantize.multiplier = i64_array(multipliers)
    requantize.shift = i64_array(shifts)
    pool = [draw(st.integers(1, min(height, 2))), draw(st.integers(1, min(width, 2)))]
    builder.insert(requantize)
    pooled = builder.insert(int8.MaxPoolOp(requantize.output, PoolingWindow(i64_array(pool))))
    builder.insert(ReturnOp(pooled.output))
    function.update_function_type()
    module = ModuleOp([function])
    module.verify()
    return module, images


class Recorder(Interpreter.Listener):
    """Remembers every op's result."""

    def __init__(self) -> None:
        self.seen: list[npt.NDArray[Any]] = []

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        self.seen.extend(results)


def assert_interpreter_equals_the_naive_reference(
    module: ModuleOp, images: npt.NDArray[np.float32]
) -> None:
    recorder = Recorder()
    run(module, images, listener=recorder)
    for (name, expected), actual in zip(run_naively(module, images), recorder.seen, strict=True):
        assert actual.dtype == expected.dtype
        assert np.array_equal(actual, expected), name


def assert_simulator_equals_the_naive_reference(
    module: ModuleOp, images: npt.NDArray[np.float32]
) -> None:
    (_, expected) = run_naively(module, images)[-1]
    lowered = module.clone()
    PassPipeline("convert-shift-to-dataflow,allocate-memory").run(lowered)
    program, weights, _ = emit_program(lowered)
    simulated = Session(Simulator(), program, weights).run(images)
    assert simulated.stored.dtype == expected.dtype
    assert np.array_equal(simulated.stored, expected)


@PROFILE
@given(layers())
def test_interpreter_equals_the_naive_reference(
    layer: tuple[ModuleOp, npt.NDArray[np.float32]],
) -> None:
    assert_interpreter_equals_the_naive_reference(*layer)


@PROFILE
@given(layers())
def test_simulator_equals_the_naive_reference(
    layer: tuple[ModuleOp, npt.NDArray[np.float32]],
) -> None:
    assert_simulator_equals_the_naive_reference(*layer)


@st.composite
def averages(
    draw: st.DrawFn, *, on_engine: bool = False
) -> tuple[ModuleOp, npt.NDArray[np.float32]]:
    """Draw an average of quantized images, to 8 or 32 bits, from any scale to any other."""
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    images = draw(hnp.arrays(np.float32, (2, 2, height, width), elements=PIXELS))
    kernel = [draw(st.integers(1, height)), draw(st.integers(1, width))]
    strides = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    pads = [draw(st.integers(0, size - 1)) for size in kernel * 2]
    counts = windows.window_counts((height, width), kernel, strides, pads)
    if on_engine and counts.min() < counts.max():
        pads = [0, 0, 0, 0]
    # Steps of the result from fine to coarse; on the engine, as its multiplier allows.
    finest = -(int(counts.max()) - 1).bit_length()
    exponent = draw(st.integers(finest, 10) if on_engine else st.integers(-14, 29))

    function = FuncOp(ENTRY, ([graph.images_type(images.shape[1:])], []))
    builder = Builder(InsertPoint.at_end(function.body.block))
    stored = builder.insert(int8.QuantizeOp(function.args[0], Pow2Attr([0]))).output
    window = PoolingWindow(i64_array(kernel), i64_array(strides), i64_array(pads))
    element_type = draw(st.sampled_from([i8, i32]))
    average = int8.AveragePoolOp(stored, window, element_type, Pow2Attr([exponent]))
    builder.insert(ReturnOp(builder.insert(average).output))
    function.update_function_type()
    module = ModuleOp([function])
    module.verify()
    return module, images


@PROFILE
@given(averages())
def test_interpreter_averages_as_the_naive_reference(
    layer: tuple[ModuleOp, npt.NDArray[np.float32]],
) -> None:
    assert_interpreter_equals_the_naive_reference(*layer)


@PROFILE
@given(averages(on_engine=True))
def test_simulator_averages_as_the_naive_reference(
    layer: tuple[ModuleOp, npt.NDArray[np.float32]],
) -> None:
    assert_simulator_equals_the_naive_reference(*layer)


@st.composite
def unsigned_layers(draw: st.DrawFn) -> tuple[ModuleOp, npt.NDArray[np.float32]]:
    """Draw `average(max_pool(requantize(conv(x), residual)))` of unsigned numbers and int8 weights.

    The numbers are `2 * x + 1` of an image, from 0 to 255.
    """
    images = draw(hnp.arrays(np.float32, (2, 2, 3, 3), elements=PIXELS))
    weights = draw(
        hnp.arrays(np.int8, (2, 2, 2, 2), elements=st.sampled_from([-128, -127, -1, 0, 1, 127]))
    )
    output_exponent = draw(st.integers(0, 12))
    element_type, low, high = draw(st.sampled_from([(ui8, 0, 255), (ui8, 1, 254), (i8, -128, 127)]))

    function = FuncOp(ENTRY, ([graph.images_type(images.shape[1:])], []))
    builder = Builder(InsertPoint.at_end(function.body.block))
    image = builder.insert(int8.QuantizeOp(function.args[0], Pow2Attr([0]))).output
    diagonal = np.where(np.eye(2, dtype=np.bool_), 1, 7).astype(np.uint8).reshape(2, 2, 1, 1)
    twice = builder.insert(shift.ConstantOp(diagonal, Pow2Attr([0]))).output
    ones = builder.insert(int8.ConstantOp(np.ones(2, np.int32), Pow2Attr([0]))).output
    doubled = builder.insert(shift.ConvOp(image, twice, ones)).output
    bounds = i64_array([0, 255])
    stored = builder.insert(
        int8.RequantizeOp(doubled, Pow2Attr([0]), bounds, element_type=ui8)
    ).output
    weight = builder.insert(int8.ConstantOp(weights, Pow2Attr([0]))).output
    zeros = builder.insert(int8.ConstantOp(np.zeros(2, np.int32), Pow2Attr([0]))).output
    window = ConvolutionWindow(pads=i64_array([1, 1, 0, 0]))
    sums = builder.insert(int8.ConvOp(stored, weight, zeros, window)).output
    residual = stored if draw(st.booleans()) else None
    requantize = int8.RequantizeOp(
        sums, Pow2Attr([output_exponent]), i64_array([low, high]), residual, element_type
    )
    builder.insert(requantize)
    pooled = builder.insert(
        int8.MaxPoolOp(
            requantize.output, PoolingWindow(i64_array([2, 2]), pads=i64_array([1, 0] * 2))
        )
    ).output
    mean = int8.AveragePoolOp(
        pooled, PoolingWindow(i64_array([3, 2])), element_type, Pow2Attr([output_exponent])
    )
    builder.insert(ReturnOp(builder.insert(mean).output))
    function.update_function_type()
    module = ModuleOp([function])
    module.verify()
    return module, images


@PROFILE
@given(unsigned_layers())
def test_unsigned_numbers_are_computed_with_as_by_the_naive_reference(
    layer: tuple[ModuleOp, npt.NDArray[np.float32]],
) -> None:
    assert_interpreter_equals_the_naive_reference(*layer)


def test_the_largest_unsigned_product_is_no_sum_of_float32s_rounding() -> None:
    """255 * -128 for each of many channels: more than float32 tells apart, and int32 holds it."""
    channels = 1024
    rows = np.full((1, channels), 255, np.uint8)
    weights = np.full((1, channels), -128, np.int8)
    weights[0, 0] = 1
    sums = windows.multiply_integers(rows, weights, np.array([0], np.int32))
    assert sums.tolist() == [[255 - 255 * 128 * (channels - 1)]]


def test_the_drawn_layers_reach_both_bounds_and_wrap_around() -> None:
    """The strategy is worth something only if it draws what the other tests are for."""
    reached: set[str] = set()

    @settings(PROFILE, database=None)
    @given(layers())
    def look(layer: tuple[ModuleOp, npt.NDArray[np.float32]]) -> None:
        module, images = layer
        results = dict(run_naively(module, images))
        stored, sums = results["int8.quantize"], results["shift.conv"].astype(np.int64)
        reached.update(
            name
            for name, seen in {
                "-128": bool((stored == -128).any()),
                "127": bool((stored == 127).any()),
                "near wrap-around": bool((np.abs(sums) > 2**31 - 2**20).any()),
                "two terms": any(
                    isinstance(op, shift.ConstantOp) and shift.code_terms(op.output) == 2
                    for op in module.walk()
                ),
                "saturation": len(set(results["int8.requantize"].flat)) > 1,
                "residual": any(
                    isinstance(op, int8.RequantizeOp) and op.residual is not None
                    for op in module.walk()
                ),
            }.items()
            if seen
        )

    look()
    expected = {"-128", "127", "near wrap-around", "saturation", "residual", "two terms"}
    assert reached == expected
