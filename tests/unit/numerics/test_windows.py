"""Windows against plain loops."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf2c.numerics import windows


@dataclass(frozen=True)
class Case:
    """A batch and a window that fits it."""

    images: npt.NDArray[np.int8]
    weights: npt.NDArray[np.int8]
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weights.shape[2], self.weights.shape[3]

    def pixels(self, row: int, column: int) -> list[tuple[int, int, int, int]]:
        """The real pixels of one window: kernel row and column, image row and column."""
        _, _, height, width = self.images.shape
        top = row * self.strides[0] - self.pads[0]
        left = column * self.strides[1] - self.pads[1]
        return [
            (r, s, top + r, left + s)
            for r in range(self.kernel[0])
            for s in range(self.kernel[1])
            if 0 <= top + r < height and 0 <= left + s < width
        ]

    def positions(self) -> tuple[range, range]:
        """How often the window fits, by sliding it until it no longer does."""
        _, _, height, width = self.images.shape
        rows = range(0, height + self.pads[0] + self.pads[2] - self.kernel[0] + 1, self.strides[0])
        columns = range(
            0, width + self.pads[1] + self.pads[3] - self.kernel[1] + 1, self.strides[1]
        )
        return range(len(rows)), range(len(columns))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    top, bottom = draw(st.tuples(*[st.integers(0, kernel[0] - 1)] * 2))
    left, right = draw(st.tuples(*[st.integers(0, kernel[1] - 1)] * 2))
    height = draw(st.integers(max(1, kernel[0] - top - bottom), 6))
    width = draw(st.integers(max(1, kernel[1] - left - right), 6))
    batch, channels, filters = draw(st.tuples(*[st.integers(1, 3)] * 3))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Case(
        generator.integers(-128, 128, (batch, channels, height, width), np.int8),
        generator.integers(-128, 128, (filters, channels, *kernel), np.int8),
        draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        (top, left, bottom, right),
    )


def convolve_naively(case: Case) -> list[list[list[list[int]]]]:
    rows, columns = case.positions()
    return [
        [
            [
                [
                    sum(
                        int(image[c, y, x]) * int(weight[c, r, s])
                        for r, s, y, x in case.pixels(i, j)
                        for c in range(len(image))
                    )
                    for j in columns
                ]
                for i in rows
            ]
            for weight in case.weights
        ]
        for image in case.images
    ]


def pool_naively(case: Case) -> list[list[list[list[int]]]]:
    rows, columns = case.positions()
    return [
        [
            [
                [max(int(plane[y, x]) for _, _, y, x in case.pixels(i, j)) for j in columns]
                for i in rows
            ]
            for plane in image
        ]
        for image in case.images
    ]


def some_windows_are_all_padding(case: Case) -> bool:
    rows, columns = case.positions()
    return not all(case.pixels(i, j) for i in rows for j in columns)


@given(cases())
def test_output_extent_counts_positions(case: Case) -> None:
    rows, columns = case.positions()
    extent = windows.output_extent(case.images.shape[2:], case.kernel, case.strides, case.pads)
    assert extent == (len(rows), len(columns))


def test_output_extent_is_below_one_where_the_window_does_not_fit() -> None:
    assert windows.output_extent((2, 8), (4, 3), (1, 1), (0, 0, 1, 0)) == (0, 6)


@given(cases())
def test_convolve_equals_loops(case: Case) -> None:
    images, weights = case.images.astype(np.float64), case.weights.astype(np.float64)
    sums = windows.convolve(images, weights, case.strides, case.pads)
    assert sums.tolist() == convolve_naively(case)


def test_convolve_keeps_single_precision() -> None:
    ones = np.ones((1, 1, 3, 3), np.float32)
    assert windows.convolve(ones, ones, (1, 1), (0, 0, 0, 0)).dtype == np.float32


@given(cases(), st.integers(-1000, 1000))
def test_convolve_integers_equals_loops(case: Case, first_bias: int) -> None:
    bias = first_bias + 100_000 * np.arange(len(case.weights), dtype=np.int32)
    sums = windows.convolve_integers(case.images, case.weights, bias, case.strides, case.pads)
    expected = np.array(convolve_naively(case)) + bias[None, :, None, None]
    assert sums.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("bias", "operand", "total"),
    [(2**31 - 1, 1, -(2**31)), (-(2**31), -1, 2**31 - 1), (-(2**31), 1, -(2**31) + 1)],
)
def test_convolve_integers_wraps_to_int32(bias: int, operand: int, total: int) -> None:
    sums = windows.convolve_integers(
        np.array([[[[operand]]]], np.int8),
        np.ones((1, 1, 1, 1), np.int8),
        np.array([bias], np.int32),
        (1, 1),
        (0, 0, 0, 0),
    )
    assert sums.tolist() == [[[[total]]]]
    assert sums.dtype == np.int32


@given(cases())
def test_multiply_integers_equals_loops(case: Case) -> None:
    rows = case.images.reshape(len(case.images), -1)
    filters = np.resize(case.weights, (2, rows.shape[1]))
    bias = np.array([7, -9], np.int32)
    expected = [
        [sum(int(a) * int(b) for a, b in zip(row, each, strict=True)) + start for each, start in
         zip(filters, (7, -9), strict=True)]
        for row in rows
    ]  # fmt: skip
    assert windows.multiply_integers(rows, filters, bias).tolist() == expected


def test_multiply_integers_wraps_to_int32() -> None:
    one = np.ones((1, 1), np.int8)
    sums = windows.multiply_integers(one, one, np.array([2**31 - 1], np.int32))
    assert sums.tolist() == [[-(2**31)]]


@given(cases().filter(lambda case: not some_windows_are_all_padding(case)))
def test_max_pool_equals_loops_over_real_pixels(case: Case) -> None:
    pooled = windows.max_pool(case.images, case.kernel, case.strides, case.pads)
    assert pooled.tolist() == pool_naively(case)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.float32])
def test_max_pool_ignores_padding_of_any_element_type(
    dtype: type[np.int8] | type[np.int32] | type[np.float32],
) -> None:
    images = np.full((1, 1, 2, 2), -100, dtype)
    pooled = windows.max_pool(images, (2, 2), (1, 1), (1, 1, 1, 1))
    assert pooled.dtype == dtype
    assert pooled.tolist() == np.full((1, 1, 3, 3), -100).tolist()


def test_max_pool_keeps_the_smallest_number() -> None:
    images = np.full((1, 1, 1, 1), -128, np.int8)
    assert windows.max_pool(images, (2, 2), (1, 1), (1, 1, 0, 0)).tolist() == [[[[-128]]]]


@given(cases())
def test_real_pixels_counts_loops(case: Case) -> None:
    rows, columns = case.positions()
    expected = sum(len(case.pixels(i, j)) for i in rows for j in columns)
    counted = windows.real_pixels(case.images.shape[2:], case.kernel, case.strides, case.pads)
    assert counted == expected
