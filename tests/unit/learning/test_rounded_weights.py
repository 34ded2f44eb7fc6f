"""Which weights are rounded, to what, and that they stay there."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn

from tf2c.learning.inq import SHARES
from tf2c.learning.rounded_weights import RoundedWeights
from tf2c.learning.torch_ops import tensor_of

WEIGHTS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 7)),
    elements=st.floats(-8, 8, width=32).filter(lambda each: each == 0 or abs(each) > 1e-6),
)


def parameter(values: npt.NDArray[np.float32]) -> nn.Parameter:
    return nn.Parameter(tensor_of(values.copy()))


def paper_levels(largest: float) -> list[Fraction]:
    """Levels of a layer by the paper's formula, in exact numbers: n1 = floor(log2(4 s / 3))."""
    bound = Fraction(largest) * 4 / 3
    n1 = -200
    while Fraction(2) ** (n1 + 1) <= bound:
        n1 += 1
    return [Fraction(0), *(Fraction(2) ** (n1 - step) for step in range(7))]


def paper_rounding(weight: float, levels: list[Fraction]) -> Fraction:
    """Equation 4: the level beta with (alpha + beta) / 2 <= |w| < 3 beta / 2, alpha below it."""
    ordered = sorted(levels)
    chosen = ordered[0]
    for alpha, beta in pairwise(ordered):
        if abs(Fraction(weight)) >= (alpha + beta) / 2:
            chosen = beta
    return -chosen if weight < 0 else chosen


@given(WEIGHTS.filter(lambda weights: bool(weights.any())))
def test_all_rounded_are_the_papers_levels(weights: npt.NDArray[np.float32]) -> None:
    rounded = RoundedWeights(parameter(weights))
    rounded.round_largest(1.0)
    levels = paper_levels(float(np.abs(weights).max()))
    expected = [paper_rounding(float(weight), levels) for weight in weights.flat]
    found = rounded.weight.detach().numpy()
    assert [Fraction(float(each)) for each in found.flat] == expected


@given(WEIGHTS)
def test_partitions_are_cumulative_and_largest_first(weights: npt.NDArray[np.float32]) -> None:
    rounded = RoundedWeights(parameter(weights))
    before = np.zeros(weights.shape, bool)
    for share in SHARES:
        rounded.round_largest(share)
        frozen = rounded.frozen.numpy()
        assert frozen.sum() == round(share * weights.size)
        assert not (before & ~frozen).any()
        new = np.abs(weights)[frozen & ~before]
        left = np.abs(weights)[~frozen]
        assert not new.size or not left.size or new.min() >= left.max()
        found = rounded.weight.detach().numpy()
        np.testing.assert_array_equal(found[~frozen], weights[~frozen])
        before = frozen.copy()


def test_what_is_largest_is_asked_anew_in_each_round() -> None:
    rounded = RoundedWeights(parameter(np.array([[4.0, 3.0, 2.0, 1.0]], np.float32)))
    rounded.round_largest(0.25)
    with torch.no_grad():
        rounded.weight[0, 3] = 3.5
    rounded.round_largest(0.5)
    assert torch.equal(rounded.frozen, torch.tensor([[True, False, False, True]]))


@pytest.mark.parametrize("largest", [95.9, 96.0, 48.0, 47.9])
def test_levels_are_those_of_the_trained_network(largest: float) -> None:
    rounded = RoundedWeights(parameter(np.array([[largest, 1.0]], np.float32)))
    exponent = rounded.exponent
    with torch.no_grad():
        rounded.weight[0, 0] = 1000.0
    rounded.round_largest(1.0)
    assert rounded.weight[0, 0].item() == 64 * 2.0**exponent


def test_a_layer_of_zeros_stays_one() -> None:
    rounded = RoundedWeights(parameter(np.zeros((2, 3), np.float32)))
    rounded.round_largest(1.0)
    assert not rounded.weight.any()


def test_momentum_and_weight_decay_move_no_frozen_weight() -> None:
    random = np.random.default_rng(0)
    rounded = RoundedWeights(parameter(random.normal(size=(6, 10)).astype(np.float32)))
    # PyTorch annotates its optimizers only partially.
    optimizer: Any = torch.optim.SGD([rounded.weight], lr=0.1, momentum=0.9, weight_decay=0.1)
    rounded.weight.grad = torch.ones_like(rounded.weight)
    optimizer.step()  # momentum from before the weights are frozen
    rounded.round_largest(0.6)
    frozen, before = rounded.frozen.clone(), rounded.weight.detach().clone()
    for _ in range(3):
        optimizer.step()
        rounded.restore()
    after = rounded.weight.detach()
    assert torch.equal(after[frozen], before[frozen])
    assert (after[~frozen] != before[~frozen]).all()
