"""Calibration images and weights that give rounding little to go by, or too much."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from onnx import helper
from unit.onnx_models import build_model, random_weights, save_model

import tf2c
from tf2c.choices import LEARNED, ROUNDING
from tf2c.errors import UserError

Images = npt.NDArray[np.float32]

IMAGE = (3, 7, 7)
COUNT = 16


def network(folder: Path, first: npt.NDArray[np.float32]) -> Path:
    """Write a network of a convolution with given weights `[4, 3, 3, 3]` and another behind it."""
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="first"),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu"),
        helper.make_node("Conv", ["r1", "w2"], ["y"], name="second"),
    ]
    weights = {"w1": first, "b1": random_weights(1, 4), "w2": random_weights(2, 5, 4, 5, 5)}
    return save_model(
        folder / "net.onnx", build_model(nodes, weights, inputs=[("x", ("batch", *IMAGE))])
    )


def random_images(count: int, seed: int = 3) -> Images:
    return np.random.default_rng(seed).normal(size=(count, *IMAGE)).astype(np.float32)


def noise(model: Path, artifact: tf2c.Artifact, images: Images) -> float:
    """Return the results' squared error, relative to the squared results."""
    from tf2c.interpreters import run

    expected = run(tf2c.load_onnx(model), images).reshape(len(images), -1)
    found = artifact.run(images).reshape(len(images), -1)
    return float(np.square(found - expected).sum() / np.square(expected).sum())


@pytest.mark.parametrize(
    ("method", "most"), [("compensated", 1e-3), (LEARNED, 1e-3), ("nearest", 0.2)]
)
@pytest.mark.parametrize("weights", ["shift1", "shift2"])
def test_constant_images_come_out_right(
    method: str, most: float, weights: str, tmp_path: Path
) -> None:
    """Nothing tells weights apart: they are rounded by themselves, and biases make up for it."""
    model = network(tmp_path, random_weights(0, 4, 3, 3, 3))
    images = np.ones((COUNT, *IMAGE), np.float32)
    artifact = tf2c.compile(model, calib=images, method=method, weights=weights)
    assert noise(model, artifact, images) < most


@pytest.mark.parametrize("method", ROUNDING)
def test_one_image_is_enough_to_compile(method: str, tmp_path: Path) -> None:
    model = network(tmp_path, random_weights(0, 4, 3, 3, 3))
    artifact = tf2c.compile(model, calib=random_images(1), method=method, weights="shift2")
    assert noise(model, artifact, random_images(8, seed=4)) < 0.2


def test_a_layer_of_zeros_is_refused_by_name(tmp_path: Path) -> None:
    model = network(tmp_path, np.zeros((4, 3, 3, 3), np.float32))
    with pytest.raises(UserError, match="layer `first`: expected weights in `w1`, got only zeros"):
        tf2c.compile(model, calib=random_images(COUNT))


@pytest.mark.parametrize("method", ROUNDING)
def test_a_filter_of_zeros_leaves_its_bias(method: str, tmp_path: Path) -> None:
    weights = random_weights(0, 4, 3, 3, 3)
    weights[2] = 0
    model = network(tmp_path, weights)
    images = random_images(COUNT)
    artifact = tf2c.compile(model, calib=images, method=method, weights="shift2")
    assert noise(model, artifact, images) < 0.02


@pytest.mark.parametrize("method", ROUNDING)
@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_the_size_of_all_weights_does_not_matter(
    method: str, factor: float, tmp_path: Path
) -> None:
    """Scales follow them, of this layer and of those behind."""
    weights = random_weights(0, 4, 3, 3, 3) * np.float32(factor)
    nodes = [helper.make_node("Conv", ["x", "w1"], ["y"], name="first")]
    path = tmp_path / "net.onnx"
    model = save_model(path, build_model(nodes, {"w1": weights}, inputs=[("x", ("batch", *IMAGE))]))
    images = random_images(COUNT)
    artifact = tf2c.compile(model, calib=images, method=method, weights="shift2")
    assert noise(model, artifact, images) < 0.01


@pytest.mark.parametrize("method", [each for each in ROUNDING if each != LEARNED])
def test_a_filter_that_the_engine_cannot_hold_is_noted(method: str, tmp_path: Path) -> None:
    """Its weights saturate, or the tensor's steps become coarser, and the note says so."""
    weights = random_weights(0, 4, 3, 3, 3)
    weights[0, 0, 0, 0] = 3e4
    weights[0, 1, 0, 0] = -3e4  # so that the results stay small on images of equal channels
    model = network(tmp_path, weights)
    images = np.repeat(random_images(COUNT)[:, :1], 3, axis=1)
    artifact = tf2c.compile(model, calib=images, method=method, channels="shared")
    assert any("`first`" in note for note in artifact.manifest.notes)
