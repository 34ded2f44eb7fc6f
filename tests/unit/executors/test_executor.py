"""Executors: who does what, what they prove, and that a difference is found."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from property.test_networks import TWO_TERMS, compiled
from unit.mixed_network import mixed_network
from xdsl.parser import Parser

from tf2c.errors import UserError
from tf2c.executors import ENGINES, open_executor
from tf2c.executors.executor import (
    Compiled,
    Executor,
    ExecutorMismatchError,
    NumpyEngine,
    Segment,
)
from tf2c.executors.steps import Layer, Step, network_function, network_steps
from tf2c.interpreters import run_all
from tf2c.ir_files import new_context

LAYER = """
func.func @main(%x: tensor<?x2x4x4xi8, #int8.pow2<-4>>) -> tensor<?x2x4x4xi8, #int8.pow2<0>> {{
  %w = int8.constant <2x2x1x1xi8, [{weights}]> : tensor<2x2x1x1xi8, #int8.pow2<-6>>
  %b = int8.constant <2xi32, [{bias}]> : tensor<2xi32, #int8.pow2<-10>>
  %a = int8.conv %x, %w, %b : tensor<?x2x4x4xi8, #int8.pow2<-4>>,
    tensor<2x2x1x1xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-10>>
    -> tensor<?x2x4x4xi32, #int8.pow2<-10>> loc("sums")
  %y = int8.requantize %a {requantization} bounds [-128, 127]
    : tensor<?x2x4x4xi32, #int8.pow2<-10>> -> tensor<?x2x4x4xi8, #int8.pow2<0>> loc("sums")
  func.return %y : tensor<?x2x4x4xi8, #int8.pow2<0>>
}}
"""
"""A network of one layer that takes stored numbers."""


def layer_network(
    weights: str = "1, -2, 3, 4", bias: str = "5, -6", requantization: str = "shift [10]"
) -> Any:
    """Return the module of a layer with these numbers."""
    text = LAYER.format(weights=weights, bias=bias, requantization=requantization)
    module = Parser(new_context(), text).parse_module()
    module.verify()
    return module


def executors_of(module: Any, name: str) -> list[tuple[str, str]]:
    """Return the executor of every step, with the reason."""
    executor = open_executor(name, module)
    return [(each.executor, each.reason) for each in executor.assignments]


@pytest.mark.parametrize("name", ENGINES)
def test_a_plain_layer_is_the_engines(name: str) -> None:
    assert executors_of(layer_network(), name) == [(name, "")]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("multiplier", ["3, 7", "5, 15", "1, 11", "13, 9"])
def test_a_short_multiplier_is_the_engines(multiplier: str, name: str) -> None:
    # No weights beyond 64, whose products saturate on processors without VNNI.
    module = layer_network(
        "64, -63, 63, 5",
        bias="-3, 40",
        requantization=f"multiplier [{multiplier}] shift [10, 10]",
    )
    executor = open_executor(name, module, batch=64)
    assert [each.executor for each in executor.assignments] == [name]
    numbers = np.arange(256, dtype=np.uint8).view(np.int8)
    pairs = np.stack(np.meshgrid(numbers, numbers))  # every image that there is, but for its place
    images = pairs.reshape(2, -1, 4, 4).transpose(1, 0, 2, 3).copy()
    expected = run_all(module, images)
    np.testing.assert_array_equal(executor.run(images), expected)
    assert np.unique(expected).size > 90


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("onnxruntime", "neither QLinearConv nor float32 gets all its sums right"),
        ("openvino", "float32 does not hold its sums exactly"),
    ],
)
def test_a_long_multiplier_is_numpys(name: str, reason: str) -> None:
    module = layer_network(requantization="multiplier [40001] shift [25]")
    assert executors_of(module, name) == [("numpy", reason)]


@pytest.mark.parametrize("name", ENGINES)
def test_sums_that_wrap_are_the_interpreters(name: str) -> None:
    module = layer_network(bias="2147483647, -2147483648")
    ((executor, reason),) = executors_of(module, name)
    assert executor == "interpreter"
    assert reason


def test_a_large_shift_needs_float64() -> None:
    module = layer_network(requantization="multiplier [40001] shift [30]", bias="1, 2000000000")
    (layer,) = network_steps(network_function(module))
    assert isinstance(layer, Layer)
    assert layer.requantization.exact_type() is np.float64
    assert executors_of(module, "numpy") == [("numpy", "")]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("shift", [0, 1, 8, 10, 13, 17, 23, 24, 30])
def test_every_shift_rounds_as_it_should(name: str, shift: int) -> None:
    """Sums around every step of the result, whether the engine takes the layer or not."""
    bias = np.array([1, -3]) * (1 << min(shift, 20)) // 2
    text = LAYER.format(
        weights="64, 0, -1, 1",
        bias=", ".join(map(str, bias)),
        requantization=f"shift [{shift}]",
    ).replace("#int8.pow2<0>", f"#int8.pow2<{shift - 10}>")
    module = Parser(new_context(), text).parse_module()
    module.verify()
    open_executor(name, module)
    images = np.random.default_rng(0).integers(-128, 128, (64, 2, 4, 4)).astype(np.int8)
    (found,) = open_executor(name, module).run(images)
    (expected,) = run_all(module, images)
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("exponent", [-130, -126, -99, -98, -7, 0, 5, 100, 101, 120])
def test_the_input_is_quantized_as_it_should_be(name: str, exponent: int) -> None:
    """Ties, what is next to them in float32, and numbers at float32's ends."""
    text = f"""
    func.func @main(%x: tensor<?x3xf32>) -> tensor<?x3xi8, #int8.pow2<{exponent}>> {{
      %q = int8.quantize %x : tensor<?x3xf32> -> tensor<?x3xi8, #int8.pow2<{exponent}>>
      func.return %q : tensor<?x3xi8, #int8.pow2<{exponent}>>
    }}
    """
    module = Parser(new_context(), text).parse_module()
    module.verify()
    with np.errstate(over="ignore", under="ignore"):
        ties = np.ldexp(np.arange(-262, 263, dtype=np.float32) / 2, exponent)
    ties = ties[np.isfinite(ties)]
    limits = np.finfo(np.float32)
    ends = np.array([limits.max, limits.tiny, limits.smallest_subnormal, 0.0], np.float32)
    numbers = np.concatenate([ties, ends, -ends])
    near = [np.nextafter(ties, np.float32(side) * limits.max) for side in (-1, 1)]
    numbers = np.concatenate([numbers, *near])
    images = np.resize(numbers, (-(-len(numbers) // 3), 3))
    (expected,) = run_all(module, images)
    halves = [Fraction(float(number)) / Fraction(2) ** exponent for number in images.flat]
    rounded = [min(max(math.floor(half + Fraction(1, 2)), -128), 127) for half in halves]
    assert expected.ravel().tolist() == rounded
    (found,) = open_executor(name, module, batch=len(images)).run(images)
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("shift", [0, 1, 2, 5])
@pytest.mark.parametrize("exponent", [-4, -2, 0, 1])
def test_residuals_finer_and_coarser_than_the_sums(name: str, shift: int, exponent: int) -> None:
    """A residual whose steps are finer than those of the sums makes ties of its own."""
    text = f"""
    func.func @main(%x: tensor<?x2x4x4xi8, #int8.pow2<{exponent}>>)
        -> tensor<?x2x4x4xi8, #int8.pow2<0>> {{
      %w = int8.constant <2x2x1x1xi8, [1, 1, 1, -1]>
        : tensor<2x2x1x1xi8, #int8.pow2<{-shift - exponent}>>
      %b = int8.constant <2xi32, [1, -3]> : tensor<2xi32, #int8.pow2<{-shift}>>
      %a = int8.conv %x, %w, %b : tensor<?x2x4x4xi8, #int8.pow2<{exponent}>>,
        tensor<2x2x1x1xi8, #int8.pow2<{-shift - exponent}>>, tensor<2xi32, #int8.pow2<{-shift}>>
        -> tensor<?x2x4x4xi32, #int8.pow2<{-shift}>>
      %y = int8.requantize %a residual %x : tensor<?x2x4x4xi8, #int8.pow2<{exponent}>>
        shift [{shift}] bounds [-128, 127]
        : tensor<?x2x4x4xi32, #int8.pow2<{-shift}>> -> tensor<?x2x4x4xi8, #int8.pow2<0>>
      func.return %y : tensor<?x2x4x4xi8, #int8.pow2<0>>
    }}"""
    module = Parser(new_context(), text).parse_module()
    module.verify()
    images = np.random.default_rng(0).integers(-128, 128, (64, 2, 4, 4)).astype(np.int8)
    (found,) = open_executor(name, module).run(images)
    (expected,) = run_all(module, images)
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("bounds", [(0, 100), (-128, 127)])
@pytest.mark.parametrize("returned", ["%z", "%z, %y", "%z, %l"])
def test_bounds_may_apply_later(name: str, bounds: tuple[int, int], returned: str) -> None:
    """Behind a concatenation and a pooling, if these alone use what is bounded, and alike."""
    narrow, wide = "tensor<?x2x4x4xi8, #int8.pow2<0>>", "tensor<?x4x4x4xi8, #int8.pow2<0>>"
    sums, pooled = "tensor<?x2x4x4xi32, #int8.pow2<-1>>", "tensor<?x4x2x2xi8, #int8.pow2<0>>"
    kinds = {"%z": pooled, "%y": wide, "%l": narrow}
    types = ", ".join(kinds[each] for each in returned.split(", "))
    text = f"""
    func.func @main(%x: {narrow}) -> ({types}) {{
      %w = int8.constant <2x2x1x1xi8, [3, 1, 1, -2]> : tensor<2x2x1x1xi8, #int8.pow2<-1>>
      %b = int8.constant <2xi32, [1, -3]> : tensor<2xi32, #int8.pow2<-1>>
      %a = int8.conv %x, %w, %b : {narrow}, tensor<2x2x1x1xi8, #int8.pow2<-1>>,
        tensor<2xi32, #int8.pow2<-1>> -> {sums}
      %l = int8.requantize %a shift [1] bounds [0, 100] : {sums} -> {narrow}
      %c = int8.conv %x, %w, %b : {narrow}, tensor<2x2x1x1xi8, #int8.pow2<-1>>,
        tensor<2xi32, #int8.pow2<-1>> -> {sums}
      %r = int8.requantize %c shift [1] bounds [{bounds[0]}, {bounds[1]}] : {sums} -> {narrow}
      %y = layout.concat %l, %r axis 1 : ({narrow}, {narrow}) -> {wide}
      %z = int8.max_pool %y kernel [2, 2] strides [2, 2] : {wide} -> {pooled}
      func.return {returned} : {types}
    }}"""
    module = Parser(new_context(), text).parse_module()
    module.verify()
    images = np.random.default_rng(0).integers(-128, 128, (64, 2, 4, 4)).astype(np.int8)
    found = open_executor(name, module, batch=64).run(images)
    for one, other in zip(found, run_all(module, images), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


class OffByOne:
    """An engine with a fault in one layer."""

    name = "faulty"

    def __init__(self, layer: str) -> None:
        self._layer = layer

    def objection(self, step: Step) -> str | None:
        """Take layers."""
        return None if isinstance(step, Layer) else "not a layer"

    def compile(self, segment: Segment, batch: int) -> Compiled:
        """Let NumPy do it, then change one element."""
        single = [
            (step, NumpyEngine().compile(Segment([step], step.operands, step.results), batch))
            for step in segment.steps
        ]

        def run(arrays: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
            values = dict(zip(segment.inputs, arrays, strict=True))
            for step, computes in single:
                (result,) = computes([values[value] for value in step.operands])
                if isinstance(step, Layer) and step.name == self._layer:
                    result.flat[-1] ^= 1
                values[step.results[0]] = result
            return [values[value] for value in segment.outputs]

        return run


def test_a_wrong_number_is_found_and_named() -> None:
    executor = Executor(layer_network(), OffByOne("sums"))
    message = "executor `faulty`: layer `sums`: 1 of 64 numbers differ"
    with pytest.raises(ExecutorMismatchError, match=message):
        executor.self_test()


def test_the_faulty_engine_is_right_elsewhere() -> None:
    Executor(layer_network(), OffByOne("another")).self_test()


def test_an_unknown_executor_is_refused() -> None:
    with pytest.raises(UserError, match="expected an executor of numpy, onnxruntime, openvino"):
        open_executor("cuda", layer_network())


@pytest.mark.parametrize("name", ENGINES)
def test_images_come_in_any_number(name: str) -> None:
    module = layer_network()
    executor = open_executor(name, module, batch=3)
    images = np.random.default_rng(0).integers(-128, 128, (7, 2, 4, 4)).astype(np.int8)
    for count in (1, 3, 7):
        np.testing.assert_array_equal(executor.run(images[:count]), run_all(module, images[:count]))


@pytest.mark.parametrize("name", ENGINES)
def test_a_network_with_every_kind_of_step(name: str) -> None:
    open_executor(name, compiled(mixed_network(), "shift", TWO_TERMS).module, batch=2)


def only_layer(module: Any) -> Layer:
    """Return the layer of a network of one."""
    (layer,) = network_steps(network_function(module))
    assert isinstance(layer, Layer)
    return layer


def test_qlinearconv_is_proven_with_the_tie_breaker_only() -> None:
    rounds_exactly = pytest.importorskip("tf2c.executors.onnxruntime").rounds_exactly
    layer = only_layer(layer_network())
    assert rounds_exactly(layer)
    assert not rounds_exactly(layer, np.float32(1))  # half to even
    assert not rounds_exactly(layer, np.float32(1.01))  # and not just any larger scale


def test_qlinearconv_is_refused_where_float32_loses_ties() -> None:
    rounds_exactly = pytest.importorskip("tf2c.executors.onnxruntime").rounds_exactly
    large = "1000000000, -1000000000"
    text = LAYER.format(weights="1, -2, 3, 4", bias=large, requantization="shift [23]")
    text = text.replace("#int8.pow2<0>", "#int8.pow2<13>")
    module = Parser(new_context(), text).parse_module()
    assert not rounds_exactly(only_layer(module))
