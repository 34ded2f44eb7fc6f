"""Progress over a source that passes read."""

import numpy as np

from tf2c.frontends.watched_images import WatchedImages
from tf2c.image_source import ArrayImages


def test_every_reading_is_reported() -> None:
    reports: list[tuple[str, int, int]] = []
    array = np.random.default_rng(0).normal(size=(5, 1, 2, 2)).astype(np.float32)

    def report(purpose: str, done: int, total: int) -> None:
        reports.append((purpose, done, total))

    images = WatchedImages(ArrayImages(array), "calibration", report)
    assert (len(images), images.shape) == (5, (1, 2, 2))
    np.testing.assert_array_equal(np.concatenate(list(images.batches(2))), array)
    assert reports == [("calibration", done, 5) for done in (0, 2, 4, 5)]
    next(images.batches(2))
    assert reports[4:] == [("calibration", 0, 5)]
