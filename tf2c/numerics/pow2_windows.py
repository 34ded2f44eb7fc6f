"""Which powers of two weights are rounded to: by filter or by layer, by size or by error."""

import numpy as np
import numpy.typing as npt

from tf2c.numerics import exponents, pow2

SHARING = ("channel", "layer")
"""Whether each output channel has its own window, or a layer one for all."""

CRITERIA = ("largest", "error")
"""The window whose top is nearest to the largest weight, or the one of least squared error."""

TRIED = (0, -1, 1)
"""Exponents tried for the least error, from the first criterion's; that one wins ties."""


def window_exponents(
    weights: npt.NDArray[np.floating],
    lowest: npt.NDArray[np.int64],
    highest: npt.NDArray[np.int64],
    terms: int = 1,
    sharing: str = SHARING[0],
    criterion: str = CRITERIA[0],
) -> npt.NDArray[np.int64]:
    """Choose the exponent `e` of each filter's window `2**e .. 2**(e + 6)`.

    By error, windows come out finer, which shortens the largest weights; by size, they reach them.

    Args:
        weights: `[M, ...]`, real numbers.
        lowest: `[M]`, the least legal exponents.
        highest: `[M]`; where they cross, these count.
        terms: per weight, 1 or 2.
        sharing: one of `SHARING`.
        criterion: one of `CRITERIA`.

    Returns:
        `[M]`.
    """
    if sharing == "layer":
        highest = np.full_like(highest, highest.min())
        lowest = np.minimum(np.full_like(lowest, lowest.max()), highest)
        everything = exponents.pow2_exponents(weights.reshape(1, -1), lowest[:1], highest[:1])
        chosen = np.broadcast_to(everything, highest.shape)
    else:
        chosen = exponents.pow2_exponents(weights, lowest, highest)
    if criterion == "largest":
        return chosen
    candidates = np.clip(chosen + np.array(TRIED)[:, None], np.minimum(lowest, highest), highest)
    errors = np.array([squared_errors(weights, each, terms) for each in candidates])
    if sharing == "layer":
        errors = np.broadcast_to(errors.sum(axis=1, keepdims=True), errors.shape)
    return np.take_along_axis(candidates, errors.argmin(axis=0)[None], axis=0)[0]


def squared_errors(
    weights: npt.NDArray[np.floating], windows: npt.NDArray[np.int64], terms: int
) -> npt.NDArray[np.float64]:
    """Return each filter's squared error if its weights are rounded to a window, `[M]`."""
    shaped = windows.reshape(-1, *[1] * (weights.ndim - 1))
    rounded = np.ldexp(pow2.round_to_pow2(weights, shaped, terms).astype(np.float64), shaped)
    return np.square(rounded - weights).reshape(len(weights), -1).sum(axis=1)
