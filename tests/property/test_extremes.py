"""Hand-built layers with extreme numbers: interpreters and simulator beside the naive reference.

Padding, ties, -128, saturation, all-zero weights, multipliers, residuals, wrap-around.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from naive_reference import run as run_naively
from xdsl.builder import Builder
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation
from xdsl.rewriter import InsertPoint

from tf2c.backends.program import emit_program
from tf2c.dialects import graph, int8, shift
from tf2c.dialects.scales import Pow2Attr
from tf2c.dialects.tensors import i64_array
from tf2c.interpreters import ENTRY, run
from tf2c.passes.pipeline import PassPipeline
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator

PROFILE = settings(
    derandomize=True,
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

CODES = [code for code in range(16) if code != 15]
"""All but the negative zero, which is no code."""

BIASES = st.sampled_from([0, 1, -1, 64, 2**30, -(2**30), 2**31 - 1, -(2**31)])
PIXELS = st.sampled_from(
    [-1000.0, -128.5, -128.0, -127.5, -0.5, 0.0, 0.5, 1.5, 126.5, 127.0, 999.0]
)
"""Ties, both ends of int8, and beyond them."""


@st.composite
def layers(draw: st.DrawFn) -> tuple[ModuleOp, npt.NDArray[np.float32]]:
    """Draw `max_pool(requantize(conv(x), residual))` and images, everything at its limits."""
    channels, filters = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    height, width = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    images = draw(hnp.arrays(np.float32, (2, channels, height, width), elements=PIXELS))
    codes = draw(hnp.arrays(np.uint8, (filters, channels, 3, 3), elements=st.sampled_from(CODES)))
    if draw(st.booleans()):
        codes[0] = 7  # a filter of zeros
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
    weight = builder.insert(shift.ConstantOp(codes, Pow2Attr(exponents, axis=0))).output
    bias_op = builder.insert(int8.ConstantOp(bias.astype(np.int32), Pow2Attr(exponents, axis=0)))
    sums = builder.insert(
        shift.ConvOp(stored, weight, bias_op.output, pads=i64_array([1, 1, 1, 1]))
    ).output
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
    pooled = builder.insert(int8.MaxPoolOp(requantize.output, i64_array(pool)))
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


@PROFILE
@given(layers())
def test_interpreter_equals_the_naive_reference(
    layer: tuple[ModuleOp, npt.NDArray[np.float32]],
) -> None:
    module, images = layer
    recorder = Recorder()
    run(module, images, listener=recorder)
    for (name, expected), actual in zip(run_naively(module, images), recorder.seen, strict=True):
        assert actual.dtype == expected.dtype
        assert np.array_equal(actual, expected), name


@PROFILE
@given(layers())
def test_simulator_equals_the_naive_reference(
    layer: tuple[ModuleOp, npt.NDArray[np.float32]],
) -> None:
    module, images = layer
    (_, expected) = run_naively(module, images)[-1]
    lowered = module.clone()
    PassPipeline("convert-shift-to-dataflow,allocate-memory").run(lowered)
    program, weights, _ = emit_program(lowered)
    simulated = Session(Simulator(), program, weights).run(images)
    assert np.array_equal(simulated.stored, expected)


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
                "saturation": len(set(results["int8.requantize"].flat)) > 1,
                "residual": any(
                    isinstance(op, int8.RequantizeOp) and op.residual is not None
                    for op in module.walk()
                ),
            }.items()
            if seen
        )

    look()
    assert reached == {"-128", "127", "near wrap-around", "saturation", "residual"}
