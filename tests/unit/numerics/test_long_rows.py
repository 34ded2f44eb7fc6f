"""Rows rounded block by block: as good as whole ones, and in much less memory."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf2c.numerics import long_rows
from tf2c.numerics.compensated_rounding import Grid, RoundedRows, round_compensated
from tf2c.numerics.long_rows import LongRows, Samples, round_in_blocks
from tf2c.numerics.moments import Matrix, Moments

GRIDS = {"int8": Grid(None), "shift1": Grid(1), "shift2": Grid(2)}

FREE_STEPS = 4
"""Significant bits of steps that need not be powers of two."""


class Layer:
    """Long rows, and inputs that depend on each other across all of their columns."""

    def __init__(self, rows: int, columns: int, rank: int, images: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.weights = generator.normal(size=(rows, columns)).astype(np.float32)
        mixed = generator.normal(size=(columns, rank)) @ generator.normal(size=(rank, images))
        self.exact = np.maximum(mixed, 0).astype(np.float32)
        self.rounded = (np.rint(self.exact * 4) / 4).astype(np.float32)

    @property
    def wanted(self) -> npt.NDArray[np.float32]:
        return self.weights @ self.exact

    def samples(self) -> Iterator[Samples]:
        half = self.exact.shape[1] // 2
        for part in (slice(0, half), slice(half, None)):
            inputs = self.rounded[:, part]
            yield Samples(inputs, self.wanted[:, part], inputs.shape[1])

    def in_blocks(self, grid: Grid, nearest: Matrix, step_bits: int) -> RoundedRows:
        unlimited = np.full(len(self.weights), np.inf)
        return round_in_blocks(
            LongRows(self.samples),
            self.weights,
            grid,
            nearest,
            1 / unlimited,
            unlimited,
            step_bits,
        )

    def errors(self, rows: RoundedRows) -> Matrix:
        """Return each row's squared error, the bias making up for its mean."""
        found = (rows.levels * rows.steps[:, None]) @ self.rounded.astype(np.float64)
        difference = self.wanted - found
        return np.square(difference - difference.mean(axis=1, keepdims=True)).sum(axis=1)

    def nearest(self, grid: Grid, steps: Matrix) -> RoundedRows:
        levels = grid.nearest(self.weights / steps[:, None])
        return RoundedRows(levels.astype(np.int8), steps)


@pytest.fixture
def _short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_rows, "LONGEST", 32)


@pytest.mark.usefixtures("_short_blocks")
@pytest.mark.parametrize("step_bits", [1, FREE_STEPS])
@pytest.mark.parametrize("form", GRIDS)
@given(
    columns=st.integers(1, 100),
    images=st.integers(2, 60),
    exponent=st.integers(-12, 8),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=20)
def test_the_error_is_never_larger_than_that_of_the_nearest(
    form: str, step_bits: int, columns: int, images: int, exponent: int, seed: int
) -> None:
    layer = Layer(3, columns, max(columns // 2, 1), images, seed)
    grid, steps = GRIDS[form], np.full(3, 2.0**exponent)
    found = layer.in_blocks(grid, steps, step_bits)
    assert (np.abs(found.levels.astype(int)) <= grid.largest).all()
    scale = np.square(layer.wanted.astype(np.float64)).sum(axis=1)
    plain = layer.errors(layer.nearest(grid, steps))
    assert (layer.errors(found) <= plain * (1 + 1e-4) + 1e-5 * scale).all()


@pytest.mark.usefixtures("_short_blocks")
@pytest.mark.parametrize("form", GRIDS)
def test_blocks_are_nearly_as_good_as_whole_rows(form: str) -> None:
    """Each makes up for the others: rounded by themselves, they would be as bad as the nearest."""
    grid, layer = GRIDS[form], Layer(8, 256, 64, 2048, seed=1)
    moments = Moments(*layer.weights.shape)
    for each in layer.samples():
        moments.add(*each)
    unlimited = np.full(8, np.inf)
    whole = round_compensated(
        moments, layer.weights, grid, np.ones(8), 1 / unlimited, unlimited, FREE_STEPS
    )
    blocks = layer.in_blocks(grid, np.ones(8), FREE_STEPS)
    plain = layer.nearest(grid, blocks.steps)
    assert layer.errors(blocks).sum() < 1.3 * layer.errors(whole).sum()
    assert layer.errors(blocks).sum() < 0.8 * layer.errors(plain).sum()


@pytest.mark.usefixtures("_short_blocks")
def test_memory_is_that_of_a_block() -> None:
    layer = Layer(4, 2048, 64, 64, seed=0)
    tracemalloc.start()
    layer.in_blocks(GRIDS["shift1"], np.ones(4), FREE_STEPS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    squared = 2048**2 * np.dtype(np.float64).itemsize
    assert peak < squared / 4


def test_steps_stay_within_their_bounds() -> None:
    layer = Layer(8, 64, 16, 64, seed=0)
    for bits in (1, FREE_STEPS):
        found = round_in_blocks(
            LongRows(layer.samples),
            layer.weights,
            GRIDS["shift2"],
            np.ones(8),
            np.full(8, 2.0**-4),
            np.full(8, 2.0**-3),
            bits,
        )
        assert ((found.steps >= 2.0**-4) & (found.steps <= 2.0**-3)).all()
