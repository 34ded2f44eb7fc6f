"""Accuracy and agreement, and where ties go."""

import numpy as np
import pytest

from tf2c.evaluation import Accuracy, agreement_percent, top_classes, top_percent


def test_top_classes_are_in_order_of_their_scores() -> None:
    assert top_classes(np.array([[1, 9, 5, 7]]), 3).tolist() == [[1, 3, 2]]


def test_ties_go_to_the_lowest_class() -> None:
    assert top_classes(np.array([[3, 8, 8, 3, 8]]), 5).tolist() == [[1, 2, 4, 0, 3]]


def test_many_ties_keep_the_order_of_the_classes() -> None:
    scores = np.random.default_rng(0).integers(0, 3, (1, 1000))
    expected = sorted(range(1000), key=lambda index: (-int(scores[0, index]), index))
    assert top_classes(scores, 1000).tolist() == [expected]


@pytest.mark.parametrize("dtype", [np.int8, np.int32])
def test_the_least_integer_comes_last(dtype: type[np.int8] | type[np.int32]) -> None:
    least = np.iinfo(dtype).min
    assert top_classes(np.array([[least, 0]], dtype), 2).tolist() == [[1, 0]]


def test_more_classes_than_there_are_is_all_of_them() -> None:
    assert top_classes(np.array([[1, 2]]), 5).tolist() == [[1, 0]]


@pytest.mark.parametrize(("count", "percent"), [(1, 50.0), (2, 75.0), (3, 100.0)])
def test_top_percent_counts_labels_among_the_best(count: int, percent: float) -> None:
    scores = np.array([[3, 2, 1], [3, 2, 1], [3, 2, 1], [1, 2, 3]])
    assert top_percent(scores, np.array([0, 1, 2, 2]), count) == percent


def test_top_percent_gives_a_tie_to_the_lowest_class() -> None:
    scores = np.array([[5, 5], [5, 5]])
    assert top_percent(scores, np.array([0, 1]), 1) == 50.0


def test_agreement_percent_compares_the_best_classes() -> None:
    ours = np.array([[1, 2], [2, 1], [1, 2], [1, 2]])
    theirs = np.array([[0.1, 0.9], [0.1, 0.9], [0.2, 0.3], [0.0, 0.5]])
    assert agreement_percent(ours, theirs) == 75.0


def test_agreement_percent_breaks_ties_in_both_alike() -> None:
    assert agreement_percent(np.array([[5, 5]]), np.array([[1, 0]])) == 100.0


def test_accuracy_over_batches_is_accuracy_at_once() -> None:
    random = np.random.default_rng(0)
    scores, reference = random.integers(0, 9, (2, 50, 12))
    labels = random.integers(0, 12, 50)
    counted = Accuracy()
    for first in range(0, 50, 7):
        batch = slice(first, first + 7)
        counted.add(scores[batch], labels[batch], reference[batch])
    assert counted.images == 50
    assert counted.top1 == pytest.approx(top_percent(scores, labels, 1))
    assert counted.top5 == pytest.approx(top_percent(scores, labels, 5))
    assert counted.agreement == pytest.approx(agreement_percent(scores, reference))


def test_fewer_than_five_classes_can_be_counted() -> None:
    counted = Accuracy()
    counted.add(np.array([[3, 1], [1, 3]]), np.array([0, 0]))
    assert (counted.top1, counted.top5) == (50.0, 100.0)
