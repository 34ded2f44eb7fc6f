"""How good a network is on labeled images, and how much two networks agree."""

from dataclasses import dataclass

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


@dataclass
class Accuracy:
    """Counts over batches of images, which need not fit into memory at once."""

    images: int = 0
    top1_hits: int = 0
    top5_hits: int = 0
    agreements: int = 0

    def add(
        self,
        scores: npt.NDArray[np.number],
        labels: npt.NDArray[np.integer],
        reference: npt.NDArray[np.number] | None = None,
    ) -> None:
        """Count a batch.

        Args:
            scores: `[N, classes]`.
            labels: `[N]`.
            reference: another network's scores of the same images, to agree with.
        """
        best = top_classes(scores, 5)
        hits = best == labels[:, None]
        self.images += len(labels)
        self.top1_hits += int(hits[:, :1].sum())
        self.top5_hits += int(hits.sum())
        if reference is not None:
            self.agreements += int((best[:, :1] == top_classes(reference, 1)).sum())

    @property
    def top1(self) -> float:
        """Percentage of images whose label is the best class."""
        return self._percent(self.top1_hits)

    @property
    def top5(self) -> float:
        """Percentage of images whose label is among the five best classes."""
        return self._percent(self.top5_hits)

    @property
    def agreement(self) -> float:
        """Percentage of images for which the reference names the same best class."""
        return self._percent(self.agreements)

    def _percent(self, count: int) -> float:
        return 100 * count / self.images
