"""Compensated rounding beats rounding to the nearest where it is measured: on the outputs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf2c.numerics import compensated_rounding, pow2
from tf2c.numerics.compensated_rounding import (
    Grid,
    RoundedRows,
    plain_steps,
    round_compensated,
)
from tf2c.numerics.moments import Moments

GRIDS = {"int8": Grid(None), "shift1": Grid(1), "shift2": Grid(2)}

FREE_STEPS = 4
"""Significant bits of steps that need not be powers of two."""

Matrix = npt.NDArray[np.float64]


class Samples(NamedTuple):
    """A layer's inputs in the float network and the rounded one, and its weights."""

    weights: npt.NDArray[np.float32]
    exact: npt.NDArray[np.float32]
    rounded: npt.NDArray[np.float32]

    @property
    def wanted(self) -> npt.NDArray[np.float32]:
        return self.weights @ self.exact

    @property
    def moments(self) -> Moments:
        moments = Moments(*self.weights.shape)
        half = self.exact.shape[1] // 2
        for part in (slice(0, half), slice(half, None)):
            moments.add(self.rounded[:, part], self.wanted[:, part])
        return moments

    def errors(self, weights: npt.NDArray[np.floating]) -> Matrix:
        """Return each row's squared error on the samples, the bias making up for its mean."""
        difference = self.wanted.astype(np.float64) - weights @ self.rounded.astype(np.float64)
        return np.square(difference - difference.mean(axis=1, keepdims=True)).sum(axis=1)


@st.composite
def samples(draw: st.DrawFn, least_columns: int = 1) -> Samples:
    """Draw layers with inputs that depend on each other, as pixels beside each other do."""
    rows = draw(st.integers(1, 6))
    columns = draw(st.integers(least_columns, 80))
    count = draw(st.integers(2, 200))
    rank = draw(st.integers(1, columns))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = generator.normal(size=(rows, columns)) * np.exp2(generator.integers(-8, 8, (rows, 1)))
    weights[generator.random((rows, columns)) < draw(st.sampled_from([0.0, 0.5, 1.0]))] = 0
    mixed = generator.normal(size=(columns, rank)) @ generator.normal(size=(rank, count))
    if draw(st.booleans()):
        mixed = np.maximum(mixed, 0)
    rounded = np.rint(mixed * 8) / 8
    return Samples(*(each.astype(np.float32) for each in (weights, mixed, rounded)))


def rounded_rows(layer: Samples, grid: Grid, nearest: Matrix, step_bits: int) -> RoundedRows:
    unlimited = np.full(len(layer.weights), np.inf)
    return round_compensated(
        layer.moments, layer.weights, grid, nearest, 1 / unlimited, unlimited, step_bits
    )


@pytest.mark.parametrize("step_bits", [1, FREE_STEPS])
@pytest.mark.parametrize("form", GRIDS)
@given(layer=samples(), exponent=st.integers(-12, 12))
def test_the_error_is_never_larger_than_that_of_the_nearest(
    form: str, step_bits: int, layer: Samples, exponent: int
) -> None:
    grid, nearest = GRIDS[form], np.full(len(layer.weights), 2.0**exponent)
    found = rounded_rows(layer, grid, nearest, step_bits)
    plain = grid.nearest(layer.weights / nearest[:, None]) * nearest[:, None]
    errors = layer.errors(found.levels * found.steps[:, None])
    scale = np.square(layer.wanted.astype(np.float64)).sum(axis=1)
    assert (errors <= layer.errors(plain) * (1 + 1e-4) + 1e-5 * scale).all()


@pytest.mark.parametrize("step_bits", [1, FREE_STEPS])
@pytest.mark.parametrize("form", GRIDS)
@given(layer=samples())
def test_weights_are_on_the_grid(form: str, step_bits: int, layer: Samples) -> None:
    grid = GRIDS[form]
    found = rounded_rows(layer, grid, np.ones(len(layer.weights)), step_bits)
    assert (np.abs(found.levels.astype(int)) <= grid.largest).all()
    if grid.terms is not None:
        np.testing.assert_array_equal(
            pow2.decode(pow2.encode(found.levels, grid.terms), grid.terms), found.levels
        )
    if step_bits == 1:
        np.testing.assert_array_equal(np.exp2(np.rint(np.log2(found.steps))), found.steps)


@pytest.mark.parametrize("sweeps", [0, compensated_rounding.SWEEPS])
def test_it_is_much_better_where_inputs_depend_on_each_other(
    sweeps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compensated_rounding, "SWEEPS", sweeps)
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(16, 128)).astype(np.float32)
    mixed = generator.normal(size=(128, 32)) @ generator.normal(size=(32, 4096))
    layer = Samples(weights, mixed.astype(np.float32), mixed.astype(np.float32))
    grid = GRIDS["shift1"]
    nearest = plain_steps(weights, grid, np.ones(128))
    found = rounded_rows(layer, grid, nearest, step_bits=FREE_STEPS)
    plain = grid.nearest(weights / nearest[:, None]) * nearest[:, None]
    ratio = layer.errors(found.levels * found.steps[:, None]) / layer.errors(plain)
    assert ratio.max() < 0.3


def test_what_rounding_of_the_inputs_took_is_put_back() -> None:
    generator = np.random.default_rng(0)
    exact = generator.normal(size=(4, 4096)).astype(np.float32)
    weights = np.array([[1, 0.5, -0.25, 2]], np.float32)
    layer = Samples(weights, exact, exact / np.float32(2))
    found = rounded_rows(layer, GRIDS["shift1"], np.ones(1), step_bits=1)
    np.testing.assert_array_equal(found.levels * found.steps[:, None], 2 * weights)


def test_steps_stay_within_their_bounds() -> None:
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(8, 16)).astype(np.float32)
    inputs = generator.normal(size=(16, 256)).astype(np.float32)
    moments = Samples(weights, inputs, inputs).moments
    lowest, highest = np.full(8, 2.0**-4), np.full(8, 2.0**-3)
    for step_bits in (1, FREE_STEPS):
        found = round_compensated(
            moments, weights, GRIDS["shift2"], np.ones(8), lowest, highest, step_bits
        )
        assert ((lowest <= found.steps) & (found.steps <= highest)).all()


def test_rows_longer_than_a_block_are_compensated_beyond_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(4, 96)).astype(np.float32)
    mixed = generator.normal(size=(96, 24)) @ generator.normal(size=(24, 2048))
    inputs = mixed.astype(np.float32)
    layer = Samples(weights, inputs, inputs)
    whole = rounded_rows(layer, GRIDS["shift1"], np.ones(4), step_bits=1)
    monkeypatch.setattr(compensated_rounding, "BLOCK", 7)
    blocked = rounded_rows(layer, GRIDS["shift1"], np.ones(4), step_bits=1)
    ratio = layer.errors(blocked.levels * blocked.steps[:, None]) / layer.errors(
        whole.levels * whole.steps[:, None]
    )
    assert (ratio < 1.2).all()


@pytest.mark.parametrize("form", GRIDS)
def test_few_images_are_not_believed_in_what_they_say_about_others(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image disturbs its pixels alike; a fit to few of them is not one to others."""
    generator = np.random.default_rng(0)
    images, pixels, columns = 24, 64, 48
    weights = generator.normal(size=(8, columns)).astype(np.float32)

    def drawn() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        exact = generator.normal(size=(columns, images * pixels))
        disturbed = exact + np.repeat(generator.normal(size=(columns, images)), pixels, axis=1) / 2
        return exact.astype(np.float32), disturbed.astype(np.float32)

    fitted, others = Samples(weights, *drawn()), Samples(weights, *drawn())
    moments = Moments(*weights.shape)
    moments.add(fitted.rounded, fitted.wanted, images)
    unlimited = np.full(len(weights), np.inf)
    found: list[float] = []
    for caution in (1.0, 0.0):
        for name in ("CAUTION", "COARSE_CAUTION"):
            monkeypatch.setattr(compensated_rounding, name, caution)
        rows = round_compensated(
            moments, weights, GRIDS[form], np.ones(8), 1 / unlimited, unlimited, step_bits=4
        )
        found.append(float(others.errors(rows.levels * rows.steps[:, None]).sum()))
    assert found[0] < found[1]
