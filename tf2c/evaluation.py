"""How good a network is on labeled images, and how much two networks agree."""

import numpy as np
import numpy.typing as npt


def top_classes(scores: npt.NDArray[np.number], count: int) -> npt.NDArray[np.int64]:
    """Return the `count` best classes per image, `[N, count]`; ties go to the lowest class."""
    return np.argsort(-scores.astype(np.float64), axis=1, kind="stable")[:, :count]


def top_percent(
    scores: npt.NDArray[np.number], labels: npt.NDArray[np.integer], count: int
) -> float:
    """Return the percentage of images whose label is among the `count` best classes."""
    hits = (top_classes(scores, count) == labels[:, None]).any(axis=1)
    return 100 * float(hits.mean())


def agreement_percent(scores: npt.NDArray[np.number], reference: npt.NDArray[np.number]) -> float:
    """Return the percentage of images for which two networks name the same best class."""
    same = top_classes(scores, 1) == top_classes(reference, 1)
    return 100 * float(same.mean())
