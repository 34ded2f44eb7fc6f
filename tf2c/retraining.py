"""Retraining a network until its weights are powers of two: what `tf2c retrain` does.

TF2's way to 4-bit weights. Everything that needs PyTorch is in `learning/` and imported when it is
needed; here a model is read, simplified as the compiler does, trained and written as IR.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from tf2c.choices import DEFAULT_ENGINE, stage_passes
from tf2c.compiler import expect_classes
from tf2c.dialects import tensors
from tf2c.errors import UserError, naming
from tf2c.frontends.images import FolderImages, expect_folder, folder_images
from tf2c.frontends.labeled_images import LabeledImages, load_labeled_images
from tf2c.frontends.preprocessing import (
    DEFAULT_PREPROCESSING,
    Preprocessing,
    chosen_preprocessing,
)
from tf2c.frontends.watched_images import ImageProgress
from tf2c.ir_files import IR_SUFFIX, write_module
from tf2c.learning import expect_torch
from tf2c.learning.settings import DEFAULT_SETTINGS, Settings
from tf2c.models import load_model
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline, expect_legal
from tf2c.passes.rewriting import network_input
from tf2c.whole_files import expect_writable

if TYPE_CHECKING:
    from tf2c.learning.batches import Batch, Batches
    from tf2c.learning.inq import Outcome


@dataclass(frozen=True)
class Retrained:
    """A network whose weights are powers of two, and how training went."""

    module: ModuleOp
    """IR of stage `graph`."""
    outcome: "Outcome"


def retrain(
    model: str | Path,
    *,
    images: "str | Path | Batches",
    labels: str | Path | None = None,
    output: str | Path | None = None,
    preprocess: str | Path | Preprocessing | None = None,
    label_offset: int | None = None,
    outputs: Sequence[str] = (),
    epochs: int = DEFAULT_SETTINGS.epochs,
    batch: int = DEFAULT_SETTINGS.batch,
    learning_rate: float = DEFAULT_SETTINGS.learning_rate,
    momentum: float = DEFAULT_SETTINGS.momentum,
    weight_decay: float = DEFAULT_SETTINGS.weight_decay,
    checkpoint: str | Path | None = None,
    seed: int = DEFAULT_SETTINGS.seed,
    threads: int | None = None,
    progress: ImageProgress | None = None,
) -> Retrained:
    """Retrain a network by Incremental Network Quantization (`docs/retraining.md`).

    What is written compiles with `method="nearest"`, `weights="shift1"` without any rounding error
    in the weights, except where a note says that a layer's largest ones saturate.

    Args:
        model: an .onnx file, or an .mlir file of stage `graph`.
        images: a folder of training images, or a loader: a function that returns the batches of an
            epoch, which are counted from 0, each float32 images `[n, C, H, W]` with int64 labels
            `[n]`, or with None (`tf2c.learning.batches`).
        labels: CSV with the columns `file` and `label`, of images in the folder. Without labels the
            float network's own predictions are what is trained for.
        output: the .mlir file to write; blobs go beside it.
        preprocess: how image files become inputs: a preset, a .toml file, or the thing itself.
        label_offset: added to labels, instead of what `preprocess` says.
        outputs: where to cut an .onnx model.
        epochs: after each of the five roundings.
        batch: images per step, where a folder is read.
        learning_rate: of the first epoch after each rounding.
        momentum: of stochastic gradient descent.
        weight_decay: of stochastic gradient descent.
        checkpoint: a file that is written after each epoch, and from which training resumes if it
            is there.
        seed: of the order of images.
        threads: PyTorch's, as many as it takes by itself by default. Equal numbers come out of
            equal threads only.
        progress: told about images.

    Raises:
        UserError: PyTorch is not installed, something given cannot be used, or the training
            diverges; nothing is written but the checkpoint.
    """
    settings = Settings(epochs, batch, learning_rate, momentum, weight_decay, seed)
    for path, suffix in ((output, IR_SUFFIX), (checkpoint, None)):
        if path is not None:
            expect_writable(Path(path), suffix)
    expect_torch("retraining")
    module = load_model(model, outputs)
    _simplify(module)
    if callable(images):
        if labels is not None:
            raise UserError("expected labels from the loader of the images, got a file of labels")
        batches, count = images, None
    else:
        preprocessing = chosen_preprocessing(preprocess, label_offset, DEFAULT_PREPROCESSING)
        source = _open(module, Path(images), labels, preprocessing)
        with naming(f"{model}, {images if labels is None else labels}"):
            found = source.labels if isinstance(source, LabeledImages) else np.zeros(1, np.int64)
            expect_classes(module, found, preprocessing.label_offset)
        batches, count = _folder_batches(source, settings), len(source)

    from tf2c.learning import inq
    from tf2c.learning.reproducibility import limited_threads
    from tf2c.learning.torch_network import TorchNetwork

    def watch(what: str, done: int) -> None:
        if progress is not None:
            progress(what, done, done if count is None else count)

    with naming(str(model)):
        network = TorchNetwork(module)
    with limited_threads(threads):
        path = None if checkpoint is None else Path(checkpoint)
        outcome = inq.retrain(network, batches, settings, path, watch)
    network.write_back()
    if output is not None:
        write_module(module, Path(output))
    return Retrained(module, outcome)


def _simplify(module: ModuleOp) -> None:
    """Run stage `graph`, so that weights are trained as they will be compiled."""
    stage = STAGES[0]
    PassPipeline(stage_passes(stage, DEFAULT_ENGINE)).run(module)
    expect_legal(module, stage)


def _open(
    module: ModuleOp, folder: Path, labels: str | Path | None, preprocessing: Preprocessing
) -> LabeledImages | FolderImages:
    shape = tensors.extents(network_input(module))
    if labels is not None:
        return load_labeled_images(folder, Path(labels), shape, preprocessing)
    expect_folder(folder)
    return FolderImages(folder, folder_images(folder), shape, preprocessing)


def _folder_batches(source: LabeledImages | FolderImages, settings: Settings) -> "Batches":
    """Return a loader that draws another order of the images for each epoch."""

    def batches(epoch: int) -> "Iterator[Batch]":
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(source))
        reordered = source.reordered(order)
        if isinstance(reordered, LabeledImages):
            yield from reordered.batches(settings.batch)
        else:
            for images in reordered.batches(settings.batch):
                yield images, None

    return batches
