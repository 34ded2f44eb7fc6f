"""Images in memory and in .npy files, in batches."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tf2c.errors import UserError
from tf2c.image_source import ArrayImages, load_array_images

SHAPE = (1, 3, 2)


def test_batches_are_the_images_in_order() -> None:
    array = np.random.default_rng(0).normal(size=(7, *SHAPE))
    batches = list(ArrayImages(array).batches(3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert {batch.dtype for batch in batches} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(np.concatenate(batches), array.astype(np.float32))


def test_a_source_can_be_read_again() -> None:
    images = ArrayImages(np.ones((4, *SHAPE)))
    assert (len(images), images.shape) == (4, SHAPE)
    assert len(list(images.batches(2))) == len(list(images.batches(2))) == 2


def test_an_array_is_taken_as_it_is(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
    np.save(tmp_path / "x.npy", array)
    (batch,) = load_array_images(tmp_path / "x.npy", SHAPE).batches(4)
    np.testing.assert_array_equal(batch, array)


@pytest.mark.parametrize("kind", ["f2", "f8"])
def test_an_array_of_other_precision_becomes_single(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "x.npy", np.ones((1, *SHAPE), kind))
    (batch,) = load_array_images(tmp_path / "x.npy", SHAPE).batches(1)
    assert batch.dtype == np.float32


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(SHAPE, np.float32), "expected images of shape Nx1x3x2, got 1x3x2"),
        (np.ones((0, *SHAPE), np.float32), "got 0x1x3x2"),
        (np.ones((1, 2, 3, 2), np.float32), "got 1x2x3x2"),
        (np.ones((1, 1, 2, 3), np.float32), "got 1x1x2x3"),
        (np.float32(1), "expected images of shape"),
        (np.ones((1, *SHAPE), np.uint8), "expected images of real numbers, got uint8"),
        (np.ones((1, *SHAPE), np.int64), "got int64"),
        (np.ones((1, *SHAPE), np.complex64), "got complex64"),
        (np.full((1, *SHAPE), np.nan, np.float32), "expected finite images"),
        (np.full((1, *SHAPE), -np.inf, np.float32), "expected finite images"),
        (np.full((1, *SHAPE), 1e300), "expected finite images"),
    ],
    ids=[
        "no batch",
        "empty batch",
        "channels",
        "transposed",
        "scalar",
        "bytes",
        "integers",
        "complex",
        "NaN",
        "infinity",
        "too large for single precision",
    ],
)
@pytest.mark.filterwarnings("error")
def test_an_array_that_cannot_be_used_is_refused(
    tmp_path: Path, array: npt.NDArray[np.generic], message: str
) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(UserError, match=message) as refusal:
        load_array_images(tmp_path / "x.npy", SHAPE)
    assert str(refusal.value).startswith(f"{tmp_path / 'x.npy'}: ")


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}, []], object), allow_pickle=True)
    with pytest.raises(UserError, match=r"x\.npy: expected a \.npy file"):
        load_array_images(tmp_path / "x.npy", SHAPE)


@pytest.mark.parametrize("size", [0, 3, 20, 130])
def test_a_cut_off_array_is_refused(tmp_path: Path, size: int) -> None:
    np.save(tmp_path / "x.npy", np.ones((1, *SHAPE), np.float32))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:size])
    with pytest.raises(UserError, match=r"x\.npy: expected a \.npy file, got damaged contents"):
        load_array_images(tmp_path / "x.npy", SHAPE)


def test_an_archive_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.ones(3))
    (tmp_path / "x.npz").rename(tmp_path / "x.npy")
    with pytest.raises(UserError, match="expected one array, got an archive"):
        load_array_images(tmp_path / "x.npy", SHAPE)


def test_a_folder_called_npy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npy").mkdir()
    with pytest.raises(UserError, match=r"x\.npy: expected a \.npy file, got Is a directory"):
        load_array_images(tmp_path / "x.npy", SHAPE)
