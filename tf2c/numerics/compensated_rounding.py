"""Rounding weights one by one, each error made up for by the weights that are not yet rounded.

A row of weights `w` sees inputs `x` with covariance `H`; a change `d` of the row changes its output
by `d H d^T` on average. Where `U^T U = H^-1` with `U` upper triangular, rounding the first weight
to `q` costs least if the others move by `-(w_0 - q) / U_00 * U_0,1..`, and so on through the row
(optimal brain surgeon: Hassibi and Stork 1993; in this form for rounding: Frantar et al. 2022,
"GPTQ"). Nothing in it needs the grid to be uniform, so that here it is any set of levels, signed
powers of two among them. The inputs are those of the network as rounded so far, and the outputs to
reproduce are the float network's, so the target is the least-squares fit between the two, as far as
the images are many enough to know it (ridge regression towards the float weights).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tf2c.numerics import fixed_point, pow2
from tf2c.numerics.moments import Matrix, Moments

DAMPING = 0.01
"""Added to the inputs' variances, relative to their mean: what few images cannot tell apart."""

CAUTION = 0.5
"""How far weights may not move to make up for their inputs' errors: added to the inputs' variances,
relative to their mean, times the weights of a row per image (ADR 13)."""

COARSE_CAUTION = 0.05
"""The same for grids of one term, where more has to be made up for."""

BLOCK = 64
"""Columns whose errors are carried to the rest of the row in one matrix product."""

SWEEPS = 4
"""Of the refinement, at most; most of what it gains comes in the first."""

ALTERNATIONS = 3
"""Between fitting the steps to the levels and the levels to the steps."""

SCAN_STEPS = 16
"""Per octave, when the step of a row is searched for plain rounding."""

SCAN_OCTAVES = 1.5
"""Below the step that reaches the largest weight."""

WIDE_ROW = 2304
"""Rows longer than this try fewer steps, because each costs time with the square of the length."""


@dataclass(frozen=True)
class Grid:
    """What integers, times a step, a weight may be."""

    terms: int | None
    """Signed powers of two per weight; None for every int8 number but -128."""

    @property
    def largest(self) -> int:
        """The greatest magnitude."""
        return fixed_point.INT8_MAX if self.terms is None else int(pow2.LEVELS[self.terms][-1])

    @property
    def levels(self) -> npt.NDArray[np.int8]:
        """All of its integers, ascending."""
        magnitudes = np.arange(self.largest + 1) if self.terms is None else pow2.LEVELS[self.terms]
        return np.union1d(-magnitudes, magnitudes).astype(np.int8)

    def nearest(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return the nearest integers of the grid, of the same shape and dtype."""
        if self.terms is None:
            return np.clip(np.rint(values), -self.largest, self.largest)
        levels = pow2.nearest_levels(2 * np.abs(values), self.terms).astype(values.dtype)
        return np.copysign(levels, values)

    @property
    def caution(self) -> float:
        """How strongly images in small number are doubted."""
        return COARSE_CAUTION if self.terms == 1 else CAUTION


@dataclass(frozen=True)
class RoundedRows:
    """Weights on a grid."""

    levels: npt.NDArray[np.int8]
    """`[M, K]`, of the grid."""
    steps: Matrix
    """`[M]`: a weight is `level * step`."""


def output_errors(moments: Moments, weights: Matrix) -> Matrix:
    """Return by row how much of the outputs' variance weights `[M, K]` leave, up to a constant.

    `w H w^T - 2 w c^T`; the constant is the variance of what is wanted, which no weights change.
    Means do not count: the bias makes up for them.
    """
    products = weights @ moments.covariance
    return ((products - 2 * moments.cross_covariance) * weights).sum(axis=1)


def plain_steps(weights: npt.NDArray[np.floating], grid: Grid, importance: Matrix) -> Matrix:
    """Return each row's step of least squared rounding error, weighted by input: `[M]`.

    Args:
        weights: `[M, K]`.
        grid: what they are rounded to.
        importance: of the columns, `[K]`, such as the inputs' variances.
    """
    rows = weights.astype(np.float32)
    largest = np.abs(rows).max(axis=1, initial=0)
    covering = np.where(largest > 0, largest / grid.largest, 1).astype(np.float32)
    best, least = covering, np.full(len(rows), np.inf)
    factors = importance.astype(np.float32)
    for index in range(int(SCAN_STEPS * SCAN_OCTAVES)):
        steps = covering * np.float32(2 ** (0.5 - index / SCAN_STEPS))
        rounded = grid.nearest(rows / steps[:, None]) * steps[:, None]
        errors = (np.square(rounded - rows) * factors).sum(axis=1)
        best = np.where(errors < least, steps, best)
        least = np.minimum(errors, least)
    return best.astype(np.float64)


def round_compensated(
    moments: Moments,
    weights: npt.NDArray[np.floating],
    grid: Grid,
    nearest_steps: Matrix,
    lowest_step: Matrix,
    highest_step: Matrix,
    step_bits: int,
) -> RoundedRows:
    """Round weights `[M, K]` so that the outputs come closest to what is wanted.

    Never worse on the samples than rounding every weight to the nearest.

    Args:
        moments: of the rows' inputs and wanted outputs.
        weights: of the float network.
        grid: what to round to.
        nearest_steps: `[M]`, with which rounding to the nearest would be done.
        lowest_step: `[M]`, the least step that each row may have.
        highest_step: `[M]`.
        step_bits: significant bits of a step; those with 1 are powers of two.
    """
    original = weights.astype(np.float64)
    problem = _problem(moments, original, grid, original.shape[1])
    candidates = _candidate_steps(original, grid, np.diag(problem.covariance), step_bits)
    candidates = np.clip([nearest_steps, *candidates], lowest_step, highest_step)
    best = _best_of(problem, original, grid, candidates)
    for _ in range(1 if step_bits == 1 else ALTERNATIONS):
        if step_bits > 1:
            fitted = with_bits(_fitted_steps(problem, best), step_bits)
            best.offer(best.levels, np.clip(fitted, lowest_step, highest_step))
        best.offer(_refined(problem, best, grid), best.steps)
    nearest = grid.nearest(original / candidates[0][:, None])
    return _not_worse(moments, best, nearest, candidates[0])


def levels_for_steps(
    moments: Moments,
    weights: npt.NDArray[np.floating],
    grid: Grid,
    steps: Matrix,
    row_length: int,
) -> Matrix:
    """Round weights `[M, k]`, some columns of longer rows, whose steps `[M]` are given.

    Args:
        moments: of those columns' inputs, and of the outputs wanted from them.
        weights: of the float network, in those columns.
        grid: what to round to.
        steps: by row.
        row_length: columns of a whole row.
    """
    original = weights.astype(np.float64)
    problem = _problem(moments, original, grid, row_length)
    best = _best_of(problem, original, grid, steps[None])
    best.offer(_refined(problem, best, grid), steps)
    return best.levels


@dataclass(frozen=True)
class _Problem:
    """What is minimized: `(w - target) covariance (w - target)^T` for each row `w`."""

    target: Matrix
    """`[M, K]`, between the weights of the float network and those that fit the samples best."""
    covariance: Matrix
    """Of the inputs, damped, `[K, K]`."""

    def errors(self, weights: Matrix) -> Matrix:
        """Return what weights `[M, K]` leave of each row, `[M]`."""
        differences = weights - self.target
        return ((differences @ self.covariance) * differences).sum(axis=1)


def _problem(moments: Moments, original: Matrix, grid: Grid, row_length: int) -> _Problem:
    """Return what to minimize, so that it is small on other images, too."""
    covariance = moments.covariance
    variance = float(np.diag(covariance).mean())
    # Constant inputs leave nothing to compensate with.
    damping = DAMPING * variance if variance > 0 else 1.0
    identity = np.eye(len(covariance))
    caution = max(grid.caution * variance * row_length / moments.images, damping)
    wanted = moments.cross_covariance + caution * original
    # The covariance is symmetric, so that solving from the left is as good.
    target = np.linalg.solve(covariance + caution * identity, wanted.T).T.astype(np.float64)
    return _Problem(target, covariance + damping * identity)


class _Best:
    """The best rounding of each row so far."""

    def __init__(self, problem: _Problem, steps: Matrix) -> None:
        """Start with zeros."""
        self._problem = problem
        self.levels = np.zeros_like(problem.target)
        self.steps = steps
        self._errors = np.full(len(steps), np.inf)

    def offer(self, levels: npt.NDArray[np.floating], steps: Matrix) -> None:
        """Take the rows that are better with other levels and steps."""
        found = levels.astype(np.float64)
        errors = self._problem.errors(found * steps[:, None])
        wins = errors < self._errors
        self.levels = np.where(wins[:, None], found, self.levels)
        self.steps = np.where(wins, steps, self.steps)
        self._errors = np.where(wins, errors, self._errors)


def _best_of(problem: _Problem, original: Matrix, grid: Grid, candidates: Matrix) -> _Best:
    """Return the best of rounding with each of the steps `[n, M]`, compensated or not."""
    best = _Best(problem, candidates[0])
    for rows in (original, problem.target):
        for each in candidates:
            best.offer(grid.nearest(rows / each[:, None]), each)
    compensated = _compensated(problem, grid, candidates)
    for each, found in zip(candidates, compensated, strict=True):
        best.offer(found, each)
    return best


def _not_worse(
    moments: Moments, best: _Best, nearest: npt.NDArray[np.floating], nearest_steps: Matrix
) -> RoundedRows:
    """Return the best rows, or the nearest where those are better on the samples themselves."""
    plain = nearest.astype(np.float64)
    errors = output_errors(moments, best.levels * best.steps[:, None])
    keeps = errors <= output_errors(moments, plain * nearest_steps[:, None])
    levels = np.where(keeps[:, None], best.levels, plain)
    return RoundedRows(levels.astype(np.int8), np.where(keeps, best.steps, nearest_steps))


def _candidate_steps(weights: Matrix, grid: Grid, importance: Matrix, step_bits: int) -> Matrix:
    """Return steps `[n, M]` that are worth trying."""
    plain = plain_steps(weights, grid, importance)
    if step_bits == 1:
        middle = np.exp2(np.rint(np.log2(plain)))
        return np.stack([middle * 2.0**power for power in (-1, 0, 1)])
    reach = 1 if weights.shape[1] > WIDE_ROW else 4
    spread = np.stack([plain * 2 ** (power / 8) for power in range(-reach, reach + 1)])
    return with_bits(spread, step_bits)


def with_bits(numbers: Matrix, bits: int | npt.NDArray[np.integer]) -> Matrix:
    """Return the nearest numbers that have so many significant bits."""
    fractions, powers = np.frexp(numbers)
    return np.ldexp(np.rint(np.ldexp(fractions, bits)), powers - bits)


def _compensated(problem: _Problem, grid: Grid, candidates: Matrix) -> npt.NDArray[np.float32]:
    """Return levels `[n, M, K]` for each of the steps `[n, M]`."""
    target, damped = problem.target, problem.covariance
    count, rows, columns = len(candidates), *target.shape
    order = np.argsort(-np.diag(damped))
    inverse = np.linalg.inv(damped[np.ix_(order, order)])
    # numpy's factor is lower triangular; its transpose is the upper one.
    upper = np.linalg.cholesky((inverse + inverse.T) / 2).T.astype(np.float32)
    steps = candidates.reshape(-1).astype(np.float32)
    # One weight of all rows lies together: `[K, n * M]`.
    rest = np.tile(target.T[order], (1, count)).astype(np.float32)
    levels = np.empty_like(rest)
    for first in range(0, columns, BLOCK):
        last = min(first + BLOCK, columns)
        block = rest[first:last]
        errors = np.empty_like(block)
        for index in range(last - first):
            column = first + index
            levels[column] = grid.nearest(block[index] / steps)
            errors[index] = (block[index] - levels[column] * steps) / upper[column, column]
            if index + 1 < last - first:
                moves = upper[column, column + 1 : last]
                block[index + 1 :] -= moves[:, None] * errors[index]
        if last < columns:
            rest[last:] -= upper[first:last, last:].T @ errors
    natural = np.empty_like(levels)
    natural[order] = levels
    return natural.reshape(columns, count, rows).transpose(1, 2, 0)


def _fitted_steps(problem: _Problem, best: _Best) -> Matrix:
    """Return the steps `[M]` with which the best levels come closest, if there are any."""
    products = best.levels @ problem.covariance
    powers = (products * best.levels).sum(axis=1)
    wanted = (products * problem.target).sum(axis=1)
    is_defined = (powers > 0) & (wanted > 0)
    return np.where(is_defined, wanted / np.where(is_defined, powers, 1), best.steps)


def _refined(problem: _Problem, best: _Best, grid: Grid) -> Matrix:
    """Move one weight after the other to where the row's error is least, the others fixed."""
    covariance = problem.covariance.astype(np.float32)
    widths = best.steps.astype(np.float32)
    current = best.levels.astype(np.float32)
    columns = current.shape[1]
    gradient = (current * widths[:, None] - problem.target.astype(np.float32)) @ covariance
    for _ in range(SWEEPS):
        changed = False
        for first in range(0, columns, BLOCK):
            last = min(first + BLOCK, columns)
            before = current[:, first:last].copy()
            own = np.ascontiguousarray(gradient[:, first:last].T)
            within = covariance[first:last, first:last]
            for index in range(last - first):
                column = first + index
                moved = current[:, column] - own[index] / (within[index, index] * widths)
                nearest = grid.nearest(moved).astype(np.float32)
                difference = (nearest - current[:, column]) * widths
                if difference.any():
                    current[:, column] = nearest
                    own += within[index][:, None] * difference
            moves = (current[:, first:last] - before) * widths[:, None]
            if moves.any():
                changed = True
                gradient += moves @ covariance[first:last]
        if not changed:
            break
    return current.astype(np.float64)
