"""Windows against plain loops."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf2c.numerics import windows

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """A batch and a window that fits it."""

    images: npt.NDArray[np.int8]
    weights: npt.NDArray[np.int8]
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilations: tuple[int, int] = (1, 1)
    group: int = 1

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weights.shape[2], self.weights.shape[3]

    @property
    def window(self) -> tuple[Sequence[int], Sequence[int], Sequence[int], int]:
        """As convolutions take it."""
        return self.strides, self.pads, self.dilations, self.group

    def pixels(self, row: int, column: int) -> list[tuple[int, int, int, int]]:
        """The real pixels of one window: kernel row and column, image row and column."""
        _, _, height, width = self.images.shape
        top = row * self.strides[0] - self.pads[0]
        left = column * self.strides[1] - self.pads[1]
        taps = [
            (r, s, top + r * self.dilations[0], left + s * self.dilations[1])
            for r in range(self.kernel[0])
            for s in range(self.kernel[1])
        ]
        return [tap for tap in taps if 0 <= tap[2] < height and 0 <= tap[3] < width]

    def positions(self) -> tuple[range, range]:
        """How often the window fits, by sliding it until it no longer does."""
        _, _, height, width = self.images.shape
        last_row = height + self.pads[0] + self.pads[2] - (self.kernel[0] - 1) * self.dilations[0]
        last_column = width + self.pads[1] + self.pads[3] - (self.kernel[1] - 1) * self.dilations[1]
        rows = range(0, last_row, self.strides[0])
        columns = range(0, last_column, self.strides[1])
        return range(len(rows)), range(len(columns))


@st.composite
def cases(draw: st.DrawFn, *, pooling: bool = False) -> Case:
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    steps = st.just(1) if pooling else st.integers(1, 3)
    dilations = draw(st.tuples(steps, steps))
    covered = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    top, bottom = draw(st.tuples(*[st.integers(0, kernel[0] - 1)] * 2))
    left, right = draw(st.tuples(*[st.integers(0, kernel[1] - 1)] * 2))
    height = draw(st.integers(least := max(1, covered[0] - top - bottom), least + 5))
    width = draw(st.integers(least := max(1, covered[1] - left - right), least + 5))
    batch, group, seen, together = draw(st.tuples(*[st.integers(1, 3)] * 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Case(
        generator.integers(-128, 128, (batch, group * seen, height, width), np.int8),
        generator.integers(-128, 128, (group * together, seen, *kernel), np.int8),
        draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        (top, left, bottom, right),
        dilations,
        group,
    )


def convolve_naively(case: Case) -> list[list[list[list[int]]]]:
    rows, columns = case.positions()
    filters, seen = case.weights.shape[:2]

    def total(image: npt.NDArray[np.int8], filter_: int, i: int, j: int) -> int:
        first = filter_ // (filters // case.group) * seen
        return sum(
            int(image[first + c, y, x]) * int(case.weights[filter_, c, r, s])
            for r, s, y, x in case.pixels(i, j)
            for c in range(seen)
        )

    return [
        [[[total(image, m, i, j) for j in columns] for i in rows] for m in range(filters)]
        for image in case.images
    ]


def pool_naively(case: Case, reduce: Callable[[list[int]], T]) -> list[list[list[list[T]]]]:
    rows, columns = case.positions()
    return [
        [
            [
                [reduce([int(plane[y, x]) for _, _, y, x in case.pixels(i, j)]) for j in columns]
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
    extent = windows.output_extent(
        case.images.shape[2:], case.kernel, case.strides, case.pads, case.dilations
    )
    assert extent == (len(rows), len(columns))


def test_output_extent_is_below_one_where_the_window_does_not_fit() -> None:
    assert windows.output_extent((2, 8), (4, 3), (1, 1), (0, 0, 1, 0)) == (0, 6)


@given(cases())
def test_convolve_equals_loops(case: Case) -> None:
    images, weights = case.images.astype(np.float64), case.weights.astype(np.float64)
    sums = windows.convolve(images, weights, *case.window)
    assert sums.tolist() == convolve_naively(case)


def test_convolve_keeps_single_precision() -> None:
    ones = np.ones((1, 1, 3, 3), np.float32)
    assert windows.convolve(ones, ones, (1, 1), (0, 0, 0, 0)).dtype == np.float32


@given(cases(), st.integers(-1000, 1000))
def test_convolve_integers_equals_loops(case: Case, first_bias: int) -> None:
    bias = first_bias + 100_000 * np.arange(len(case.weights), dtype=np.int32)
    sums = windows.convolve_integers(case.images, case.weights, bias, *case.window)
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


@given(cases().map(lambda case: replace(case, images=case.images.view(np.uint8))))
def test_convolve_integers_takes_unsigned_numbers(case: Case) -> None:
    bias = np.zeros(len(case.weights), np.int32)
    sums = windows.convolve_integers(case.images, case.weights, bias, *case.window)
    assert sums.tolist() == convolve_naively(case)


@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_filters_stay_with_their_channel(multiplier: int) -> None:
    images = np.array([1.0, 10.0, 100.0]).reshape(1, 3, 1, 1)
    weights = np.ones((3 * multiplier, 1, 1, 1))
    sums = windows.convolve(images, weights, (1, 1), (0, 0, 0, 0), group=3)
    assert sums.reshape(-1).tolist() == np.repeat([1.0, 10.0, 100.0], multiplier).tolist()


@pytest.mark.parametrize("batch", [1, 2, 9])
@pytest.mark.parametrize("extent", [3, 40])
def test_images_that_share_a_product_do_not_mix(batch: int, extent: int) -> None:
    """Small images share a matrix product, large ones do not; a last one may stand alone."""
    random = np.random.default_rng(0)
    images = random.integers(-128, 128, (batch, 4, extent, extent)).astype(np.float64)
    weights = random.integers(-128, 128, (6, 2, 3, 3)).astype(np.float64)
    window = ((1, 1), (1, 1, 1, 1), (1, 1), 2)
    together = windows.convolve(images, weights, *window)
    alone = [windows.convolve(image[None], weights, *window)[0] for image in images]
    assert np.array_equal(together, np.stack(alone))


@pytest.mark.parametrize(("dtype", "largest"), [(np.int8, -128), (np.uint8, 255)])
@pytest.mark.parametrize("excess", [0, 1])
def test_sums_are_exact_on_both_sides_of_what_float32_holds(
    dtype: type[np.int8] | type[np.uint8],
    largest: int,
    excess: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Below `2**24` the product runs in float32, from there on in float64."""
    dtypes: list[np.dtype[Any]] = []
    convolve = windows.convolve

    def observed(images: Any, *arguments: Any) -> Any:
        dtypes.append(images.dtype)
        return convolve(images, *arguments)

    monkeypatch.setattr(windows, "convolve", observed)
    magnitude = (windows.EXACT_FLOAT32 - 1) // abs(largest) + excess
    whole, rest = divmod(magnitude, 127)
    weights = np.array([*[127] * whole, rest], np.int8).reshape(1, -1, 1, 1)
    images = np.full((1, weights.size, 1, 1), largest, dtype)
    bias = np.array([1], np.int32)
    sums = windows.convolve_integers(images, weights, bias, (1, 1), (0, 0, 0, 0))
    assert sums.tolist() == [[[[magnitude * largest + 1]]]]
    assert dtypes == [np.float64 if excess else np.float32]


@pytest.mark.parametrize("order", [1, -1])
def test_the_bound_looks_at_every_filter(order: int) -> None:
    """One filter's sum is odd and beyond `2**24`, where float32 has even numbers only."""
    weights = np.array([[127] * 1200, [1, 0] * 600], np.int8)[::order]
    rows = np.full((1, 1200), -127, np.int8)
    rows[0, -1] = 126
    expected = (rows.astype(np.int64) @ weights.T.astype(np.int64)).tolist()
    assert windows.multiply_integers(rows, weights, np.zeros(2, np.int32)).tolist() == expected


FITTING_POOLS = cases(pooling=True).filter(lambda case: not some_windows_are_all_padding(case))


@given(FITTING_POOLS)
def test_max_pool_equals_loops_over_real_pixels(case: Case) -> None:
    pooled = windows.max_pool(case.images, case.kernel, case.strides, case.pads)
    assert pooled.tolist() == pool_naively(case, max)


@given(FITTING_POOLS.map(lambda case: replace(case, images=case.images.view(np.uint8))))
def test_max_pool_takes_unsigned_numbers(case: Case) -> None:
    pooled = windows.max_pool(case.images, case.kernel, case.strides, case.pads)
    assert pooled.tolist() == pool_naively(case, max)


@given(FITTING_POOLS)
def test_average_pool_equals_loops_over_real_pixels(case: Case) -> None:
    images = case.images.astype(np.float32)
    pooled = windows.average_pool(images, case.kernel, case.strides, case.pads)
    assert pooled.dtype == np.float32
    expected = pool_naively(case, lambda pixels: float(np.float32(sum(pixels) / len(pixels))))
    assert pooled.tolist() == expected


@given(FITTING_POOLS)
def test_window_sums_and_counts_equal_loops(case: Case) -> None:
    sums = windows.window_sums(case.images, case.kernel, case.strides, case.pads, np.int64)
    counts = windows.window_counts(case.images.shape[2:], case.kernel, case.strides, case.pads)
    assert sums.tolist() == pool_naively(case, sum)
    assert counts.tolist() == pool_naively(case, len)[0][0]


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


@given(cases(pooling=True))
def test_fold_gives_each_pixel_what_its_window_sees(case: Case) -> None:
    folded = windows.fold(case.images, case.kernel, case.strides, case.pads)
    rows, columns = case.positions()
    batch, channels = case.images.shape[:2]
    expected = np.zeros((batch, *case.kernel, channels, len(rows), len(columns)), np.int8)
    for i in rows:
        for j in columns:
            for r, s, y, x in case.pixels(i, j):
                expected[:, r, s, :, i, j] = case.images[:, :, y, x]
    assert folded.dtype == np.int8
    assert folded.tolist() == expected.reshape(batch, -1, len(rows), len(columns)).tolist()


@given(cases(pooling=True))
def test_windows_of_one_pixel_fold_nothing(case: Case) -> None:
    folded = windows.fold(case.images, (1, 1), (1, 1), (0, 0, 0, 0))
    assert np.array_equal(folded, case.images)
