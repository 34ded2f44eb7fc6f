"""A network that trains in milliseconds, and images whose classes it can learn."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import helper
from unit.onnx_models import build_model, random_weights, save_model
from xdsl.dialects.builtin import ModuleOp

import tf2c
from tf2c.learning.settings import Settings

CLASSES = 3
IMAGES = 48
SETTINGS = Settings(epochs=2, batch=16, learning_rate=0.02, seed=1)


def write_model(path: Path, seed: int = 0) -> Path:
    """Write a convolution, a ReLU and a fully connected layer, of images 1x6x6."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Flatten", ["r"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "v"], ["y"], name="scores"),
    ]
    weights = {
        "w": random_weights(seed, 4, 1, 3, 3) / 3,
        "b": random_weights(seed + 1, 4) / 3,
        "v": random_weights(seed + 2, 64, CLASSES) / 8,
    }
    return save_model(path, build_model(nodes, weights, inputs=[("x", ("batch", 1, 6, 6))]))


def small_network(folder: Path, seed: int = 0) -> ModuleOp:
    """Return that network as stage `graph` leaves it."""
    module = tf2c.load_onnx(write_model(folder / "small.onnx", seed))
    tf2c.PassPipeline("fuse-activation").run(module)
    return module


def labeled_images() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return images of noise, in which one third is brighter, which is the class."""
    random = np.random.default_rng(5)
    labels = random.integers(0, CLASSES, IMAGES)
    images = random.normal(size=(IMAGES, 1, 6, 6)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 * label : 2 * label + 2] += 1
    return images, labels
