"""Ops that compute as TF2 does, at their limits: the interpreter beside the naive reference."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from naive_reference import run as run_naively
from xdsl.builder import Builder
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, IntegerType, ModuleOp, i8, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.parser import Parser
from xdsl.rewriter import InsertPoint

from tf2c.dialects import int8, shift
from tf2c.dialects.scales import Pow2Attr, scale_of, scaled_type, storage_bounds, storage_dtype, ui8
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import ConvolutionWindow, PoolingWindow
from tf2c.interpreters import ENTRY, run_all
from tf2c.ir_files import new_context, print_module
from tf2c.numerics.fixed_point import AverageFactor

PROFILE = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

INT32 = st.sampled_from([-(2**31), -(2**31) + 1, -(2**20), -1, 0, 1, 2**14, 2**20, 2**31 - 1]) | (
    st.integers(-(2**31), 2**31 - 1)
)
"""Both ends, what makes ties, and anything between."""

Array = npt.NDArray[Any]


class Growth:
    """A function of one op after the other, on an 8-bit image."""

    def __init__(self, image: Array, scale: Pow2Attr) -> None:
        element_type = i8 if image.dtype == np.int8 else ui8
        kind = scaled_type(element_type, (DYNAMIC_INDEX, *image.shape[1:]), scale)
        self.image = image
        self._function = FuncOp(ENTRY, ([kind], []))
        self._builder = Builder(InsertPoint.at_end(self._function.body.block))
        self.value: SSAValue = self._function.args[0]

    def insert(self, op: Operation) -> SSAValue:
        self.value = self._builder.insert(op).results[0]
        return self.value

    def constant(self, numbers: Sequence[int], scale: Pow2Attr) -> SSAValue:
        return self._builder.insert(int8.ConstantOp(np.array(numbers, np.int32), scale)).output

    def module(self) -> ModuleOp:
        self._builder.insert(ReturnOp(self.value))
        self._function.update_function_type()
        module = ModuleOp([self._function])
        module.verify()
        return module

    def check(self) -> None:
        """Compare the result with the naive reference, and the text with what it parses to."""
        module = self.module()
        (result,) = run_all(module, self.image)
        _, expected = run_naively(module, self.image)[-1]
        assert result.dtype == expected.dtype == storage_dtype(self.value)
        assert np.array_equal(result, expected)
        if all(np.size(each) <= 16 for each in self._blobs()):
            text = print_module(module)
            assert print_module(Parser(new_context(), text).parse_module()) == text

    def _blobs(self) -> list[Array]:
        constants = (int8.ConstantOp, shift.ConstantOp)
        ops = self._function.body.block.ops
        return [op.value.array for op in ops if isinstance(op, constants)]


@st.composite
def images(draw: st.DrawFn, channels: int, *sides: int, elements: IntegerType = i8) -> Growth:
    """Draw a batch of two, with its ends often, and a scale for it all or one per channel."""
    low, high = storage_bounds(elements)
    pixels = st.sampled_from([low, low + 1, -low - 1 if low else 1, 0, high]) | st.integers(
        low, high
    )
    dtype = np.int8 if elements == i8 else np.uint8
    image = draw(hnp.arrays(dtype, (2, channels, *sides), elements=pixels))
    numbers = draw(exponents(channels))
    per_channel = draw(st.booleans())
    return Growth(image, Pow2Attr(numbers, 1) if per_channel else Pow2Attr(numbers[:1]))


def exponents(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(-30, 0), min_size=count, max_size=count)


@PROFILE
@given(st.data())
def test_convolution_and_rescaling(data: st.DataObject) -> None:
    draw = data.draw
    group = draw(st.integers(1, 2))
    channels, filters = group * draw(st.integers(1, 3)), group * draw(st.integers(1, 3))
    element_type = draw(st.sampled_from([i8, i8, ui8]))
    growth = draw(
        images(channels, draw(st.integers(1, 4)), draw(st.integers(1, 4)), elements=element_type)
    )
    shape = (filters, channels // group, draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    codes = draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, 255)))
    strides = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    scale = Pow2Attr(draw(exponents(filters)), axis=0)
    numbers = [
        draw(st.lists(INT32, min_size=filters, max_size=filters)) for _ in ("bias", "alpha", "beta")
    ]
    bias, beta = (growth.constant(numbers[index], scale) for index in (0, 2))
    alpha = growth.constant(numbers[1], Pow2Attr([-20]))
    image = growth.value
    weight = growth.insert(shift.ConstantOp(codes, None))
    window = ConvolutionWindow(
        i64_array(strides), i64_array([2, 2, 2, 2]), i64_array([1, 2]), IntegerAttr(group, i64)
    )
    negates = element_type == i8 and draw(st.booleans())
    sums = growth.insert(shift.ConvOp(image, weight, bias, window, negates))
    stored = draw(st.sampled_from([i8, ui8]))
    ends = draw(st.tuples(*[st.integers(*storage_bounds(stored))] * 2))
    bounds = draw(st.sampled_from([sorted(ends), list(storage_bounds(stored))]))
    if draw(st.booleans()):
        growth.insert(shift.RescaleOp(sums, alpha, beta, i64_array(bounds), stored))

    growth.check()


@PROFILE
@given(st.data())
def test_fully_connected_layer(data: st.DataObject) -> None:
    inputs, filters = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    growth = data.draw(images(inputs))
    codes = data.draw(hnp.arrays(np.uint8, (filters, inputs), elements=st.integers(0, 255)))
    numbers = data.draw(st.lists(INT32, min_size=filters, max_size=filters))
    bias = growth.constant(numbers, Pow2Attr(data.draw(exponents(filters)), axis=0))
    rows = growth.value
    weight = growth.insert(shift.ConstantOp(codes, None))
    growth.insert(shift.GemmOp(rows, weight, bias, data.draw(st.booleans())))

    growth.check()


@PROFILE
@given(st.data())
def test_pooling_with_zeros_around(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    growth = data.draw(images(2, height, width))
    if data.draw(st.booleans()):
        growth.image[:] = np.minimum(growth.image, -1)  # padding is the maximum
    pads = data.draw(st.lists(st.integers(0, 4), min_size=4, max_size=4))
    kernel = [
        data.draw(st.integers(1, min(3, side + pads[axis] + pads[axis + 2])))
        for axis, side in enumerate((height, width))
    ]
    strides = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    window = PoolingWindow(i64_array(kernel), i64_array(strides), i64_array(pads))
    growth.insert(int8.MaxPoolOp(growth.value, window, zero_padded=True))

    growth.check()


@PROFILE
@given(st.data())
def test_average_by_a_factor(data: st.DataObject) -> None:
    growth = data.draw(images(2, 7, 7, elements=data.draw(st.sampled_from([i8, ui8]))))
    if data.draw(st.booleans()):
        growth.image[:] = data.draw(st.sampled_from([growth.image.min(), growth.image.max()]))
    element_type = i8 if growth.image.dtype == np.int8 else ui8
    factor = AverageFactor(
        data.draw(st.sampled_from([669, 1, 65535])), data.draw(st.sampled_from([15, 1, 45]))
    )
    window = PoolingWindow(
        i64_array([7, 7]), pads=i64_array(data.draw(st.sampled_from([[0] * 4, [3] * 4])))
    )
    growth.insert(
        int8.AveragePoolOp(growth.value, window, element_type, scale_of(growth.value), factor)
    )

    growth.check()


@PROFILE
@given(st.data())
def test_addition(data: st.DataObject) -> None:
    growth = data.draw(images(2, 2, 3))
    image, difference = growth.value, data.draw(st.integers(0, 9))
    shift_of_image = data.draw(st.sampled_from([0, 1, 7, 48 - difference]))
    # A sum that is shifted down has a larger exponent, which its shift makes up for.
    other = growth.insert(int8.AddOp(image, image, i64_array([-128, 127]), (0, 0), difference))
    left, right, shifts = image, other, [shift_of_image, shift_of_image + difference]
    if data.draw(st.booleans()):
        left, right, shifts = right, left, shifts[::-1]
    rounding = data.draw(st.sampled_from([0, 1, 48]) | st.just(max(shifts)))
    stored = data.draw(st.sampled_from([i8, ui8]))
    ends = sorted(data.draw(st.tuples(*[st.integers(*storage_bounds(stored))] * 2)))
    growth.insert(int8.AddOp(left, right, i64_array(ends), shifts, rounding, stored))

    growth.check()
