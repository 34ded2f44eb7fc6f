"""Choosing power-of-two exponents: which come into question, and which hold given numbers."""

import numpy as np
import numpy.typing as npt

from tf2c.numerics import fixed_point, pow2

LOWEST_EXPONENT = -200
"""Stands for "no constraint": the exponent that holds a zero."""

BIAS_LIMIT = 1 << 24
"""Largest bias that is kept in accumulator steps; larger ones coarsen their filter's exponent."""

SMALLEST_SHIFT = 5
"""A pure shift by at least this much has a 26-bit multiplier, as the engine has."""

ROUNDING_MARGIN = 1
"""Rounding int8 weights to powers of two may raise an exponent by this much."""

ENGINE_SHIFT = SMALLEST_SHIFT + ROUNDING_MARGIN
"""Smallest requantizing shift of int8 weights that will be powers of two on the engine."""


def covering_exponent(magnitudes: npt.NDArray[np.floating], largest: int) -> npt.NDArray[np.int64]:
    """Return the least `e` with `magnitude <= largest * 2**e`; `LOWEST_EXPONENT` for zero."""
    fraction, exponent = np.frexp(magnitudes.astype(np.float64) / largest)
    # magnitude / largest = fraction * 2**exponent with fraction in [0.5, 1).
    covering = np.where(fraction == 0.5, exponent - 1, exponent).astype(np.int64)
    return np.where(magnitudes == 0, LOWEST_EXPONENT, covering)


def activation_candidates(
    largest_magnitude: float, count: int, largest_stored: int
) -> npt.NDArray[np.int64]:
    """Return the exponents worth trying for a tensor: the one that saturates nothing, and finer.

    The magnitude is not zero; a tensor of zeros has no exponent of its own.
    """
    covering = covering_exponent(np.array([largest_magnitude]), largest_stored)[0]
    return covering - np.arange(count)


def weight_exponents(
    weights: npt.NDArray[np.floating],
    bias: npt.NDArray[np.floating],
    input_exponent: int,
    output_exponent: int | None,
    smallest_shift: int,
) -> npt.NDArray[np.int64]:
    """Choose each filter's exponent for int8 weights.

    The finest that holds the filter's largest weight and its bias, and for which the requantizing
    shift `r = e_output - e_input - e_weight` is legal, with a margin for rounding to powers of two.

    Args:
        weights: `[M, ...]`.
        bias: `[M]`.
        input_exponent: of the layer's input.
        output_exponent: of the layer's output; None where raw accumulators are kept.
        smallest_shift: least legal `r`.
    """
    magnitudes = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    exponents = np.maximum(
        covering_exponent(magnitudes, fixed_point.INT8_MAX),
        covering_exponent(np.abs(bias), BIAS_LIMIT) - input_exponent,
    )
    if output_exponent is not None:
        difference = output_exponent - input_exponent
        exponents = np.clip(
            exponents,
            difference - fixed_point.REQUANTIZE_SHIFT + ROUNDING_MARGIN,
            difference - smallest_shift,
        )
    return _follow_others(exponents)


def _follow_others(exponents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Let filters without weights and bias, which constrain nothing, have the others' exponent."""
    constrained = exponents > LOWEST_EXPONENT // 2
    others = exponents[constrained].max() if constrained.any() else 0
    return np.where(constrained, exponents, others)


def smallest_output_exponent(
    weights: npt.NDArray[np.floating], input_exponent: int, smallest_shift: int
) -> int:
    """Return the least output exponent under which `weight_exponents` clips no weight."""
    magnitudes = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    finest = int(covering_exponent(magnitudes, fixed_point.INT8_MAX).max())
    if finest == LOWEST_EXPONENT:
        return LOWEST_EXPONENT
    return finest + input_exponent + smallest_shift


def saturation_loss(
    weights: npt.NDArray[np.floating],
    input_exponent: int,
    output_exponent: int,
    smallest_shift: int,
) -> float:
    """Return what part of their squares filters lose on average, where the output is too fine.

    Their weights saturate at `127 * 2**(e_output - e_input - smallest_shift)`.
    """
    rows = np.abs(weights).reshape(len(weights), -1).astype(np.float64)
    limit = np.ldexp(float(fixed_point.INT8_MAX), output_exponent - input_exponent - smallest_shift)
    lost = np.square(np.maximum(rows - limit, 0)).sum(axis=1)
    return float((lost / np.maximum(np.square(rows).sum(axis=1), np.finfo(float).tiny)).mean())


def pow2_exponents(
    weights: npt.NDArray[np.floating],
    lowest: npt.NDArray[np.int64],
    highest: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Choose each filter's exponent for power-of-two weights, by its largest weight.

    The window whose top level is nearest to the largest weight, which for two terms is also the
    finest that reaches it, moved into `lowest..highest`. (A finer window often has the smaller
    squared error, but shortens a filter's largest weights, which the next layers do not forgive.)

    Args:
        weights: `[M, ...]`, real numbers.
        lowest: `[M]`.
        highest: `[M]`.
    """
    largest = np.abs(weights.reshape(len(weights), -1)).max(axis=1).astype(np.float64)
    fraction, exponent = np.frexp(largest)
    # 96 = 0.75 * 2**7 is halfway between 64 and 128, and the largest sum of two terms.
    window = np.where(
        largest == 0,
        LOWEST_EXPONENT,
        exponent.astype(np.int64) - (fraction < 0.75) - pow2.LARGEST_SHIFT,
    )
    return np.clip(_follow_others(np.maximum(window, lowest)), lowest, highest)


def layer_pow2_exponent(weights: npt.NDArray[np.floating]) -> int:
    """Choose the exponent of a whole layer's power-of-two weights, by its largest weight.

    As Incremental Network Quantization does (Zhou et al., ICLR 2017, equation 2): the top level is
    `2**n1` with `n1 = floor(log2(4 * max|w| / 3))`, which is the level nearest to the largest
    weight. As every filter's largest weight is one of these levels once they are rounded,
    `pow2_exponents` finds windows that hold all of them exactly.

    Args:
        weights: of any shape, real numbers.

    Returns:
        `e = n1 - 6`; 0 for a layer of zeros.
    """
    unlimited = np.array([1 << 30])
    return int(pow2_exponents(weights.reshape(1, -1), -unlimited, unlimited)[0])
