"""What `--calib` takes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf2c.errors import UserError
from tf2c.frontends.calibration import load_calibration
from tf2c.frontends.images import FolderImages
from tf2c.image_source import ArrayImages

SHAPE = (1, 3, 2)


def test_random_images_are_the_same_in_any_batches() -> None:
    images = load_calibration("random:7", SHAPE, seed=3)
    expected = np.random.default_rng(3).normal(size=(7, *SHAPE)).astype(np.float32)
    assert (len(images), images.shape) == (7, SHAPE)
    for size in (1, 3, 7, 9):
        batches = list(images.batches(size))
        assert all(len(batch) == size for batch in batches[:-1])
        np.testing.assert_array_equal(np.concatenate(batches), expected)


@pytest.mark.parametrize("count", ["", "0", "-1", "x", "1.5", "²", "9" * 5000])
def test_random_images_need_a_count(count: str) -> None:
    with pytest.raises(UserError, match="expected `random:N` with N >= 1, got `random:"):
        load_calibration(f"random:{count}", SHAPE)


def test_a_folder_skips_what_is_damaged(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((3, 2), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"")
    images = load_calibration(str(tmp_path), SHAPE)
    assert isinstance(images, FolderImages)
    assert sum(map(len, images.batches(9))) == 1
    assert len(images.notes()) == 1


def test_an_array_is_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((2, *SHAPE), np.float32))
    assert isinstance(load_calibration(str(tmp_path / "x.npy"), SHAPE), ArrayImages)
