"""INQ retraining of ResNet-20: accuracy with one power of two per weight, before and after.

    TF2C_DATA=... python benchmarks/retraining.py

The network and the images are those of `accuracy.py`. Training sees 1024 images without labels and
aims at the float network's own predictions: once with the images as they are, and once with a
loader that flips and shifts them, as is usual in training on CIFAR-10. Evaluated are 510 labeled
images that training has not seen, in exact integers: int8 activations and `shift1` weights,
compiled with `nearest`. Takes about six minutes. Prints tables and writes results/retraining.json.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from accuracy import NETWORKS, ImageSet, cifar10, input_shape, write_images
from report import write_results
from rich.console import Console
from rich.table import Table

import tf2c
from tf2c.artifact import sha256
from tf2c.cli import tables
from tf2c.frontends.images import load_images

NETWORK = NETWORKS["ResNet-20"]

BATCH = 32

PAD = 4
"""Pixels by which images are shifted at most; what comes in is zero, the mean color."""

SETTINGS: dict[str, Any] = {"epochs": 2, "batch": BATCH, "learning_rate": 0.001, "seed": 0}
"""The paper's learning rate; none of these was chosen by the images that are evaluated."""

THREADS = 1
"""More wait for each other where a machine is shared, and other sums come of other numbers."""


def integers(model: Path, images: ImageSet) -> dict[str, Any]:
    """Return the accuracy of a model in floating point and in exact integers."""
    artifact = tf2c.compile(
        model,
        calib=images.calibration,
        weights="shift1",
        method="nearest",
        images=images.folder,
        labels=images.labels,
        preprocess=NETWORK.preprocessing,
        to="shift",
    )
    return artifact.manifest.measured


def varied_images(images: npt.NDArray[np.float32]) -> Callable[[int], Iterator[Any]]:
    """Return a loader of images `[N, C, H, W]` that flips half of them and shifts all a little."""

    def batches(epoch: int) -> Iterator[Any]:
        random = np.random.default_rng([SETTINGS["seed"], epoch])
        padded = np.pad(images, [(0, 0), (0, 0), (PAD, PAD), (PAD, PAD)])
        height, width = images.shape[2:]
        for chosen in np.array_split(random.permutation(len(images)), len(images) // BATCH):
            batch: list[npt.NDArray[np.float32]] = []
            for index in chosen:
                top, left = random.integers(0, 2 * PAD + 1, 2)
                image = padded[index, :, top : top + height, left : left + width]
                batch.append(image[:, :, ::-1] if random.random() < 0.5 else image)
            yield np.stack(batch), None

    return batches


def main() -> None:
    """Train, measure, print, write."""
    root = Path(__file__).parent.parent
    source = Path(os.environ.get("TF2C_DATA", root.parent / "shared" / "data"))
    if not source.is_dir():
        raise SystemExit(f"{source}: no such folder; TF2C_DATA names the one with the networks")
    model = source / "models" / NETWORK.model
    console = Console(width=100)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        evaluated = cifar10(source / "images", folder)
        training = np.load(source / "images" / "cifar10.npz")["calib"]
        write_images(folder / "training", training)
        prepared = load_images(folder / "training", input_shape(model), NETWORK.preprocessing)
        sources: dict[str, Any] = {
            "as they are": folder / "training",
            "flipped and shifted": varied_images(next(prepared.batches(len(training)))),
        }
        before = integers(model, evaluated)
        forms = {"float": before["float"], "shift1 weights, nearest": before["shift"]}
        trainings: dict[str, Any] = {}
        for images, batches in sources.items():
            retrained = folder / "retrained.mlir"
            started = time.perf_counter()
            outcome = tf2c.retrain(
                model,
                images=batches,
                output=retrained,
                preprocess=NETWORK.preprocessing,
                threads=THREADS,
                **SETTINGS,
            ).outcome
            seconds = time.perf_counter() - started
            console.print(f"images {images}, {seconds:.0f} s")
            console.print(tables.retraining(outcome, "agrees with float"))
            trainings[images] = {**asdict(outcome), "seconds": round(seconds, 1)}
            after = integers(retrained, evaluated)
            forms[f"shift1 weights, retrained on images {images}"] = after["shift"]
            forms[f"the same with float activations, images {images}"] = after["float"]

    table = Table(title=f"ResNet-20, {before['images']} images that were not trained on")
    for column in ("form", "top-1 %", "loss"):
        table.add_column(column, justify="left" if column == "form" else "right")
    for form, figures in forms.items():
        figures.pop("agreement", None)  # with another float network in each file
        figures["loss"] = forms["float"]["top1"] - figures["top1"]
        table.add_row(form, f"{figures['top1']:.2f}", f"{figures['loss']:+.2f}")
    console.print(table)
    content = {
        "model_sha256": sha256(model.read_bytes()),
        "settings": {**SETTINGS, "threads": THREADS},
        "training_images": len(training),
        "trainings": trainings,
        "evaluated_images": before["images"],
        "forms": forms,
    }
    packages = ("tf2c", "xdsl", "numpy", "torch", "onnx", "pillow")
    write_results("retraining", "python benchmarks/retraining.py", packages, content)


if __name__ == "__main__":
    main()
