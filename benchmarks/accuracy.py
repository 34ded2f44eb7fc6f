"""Accuracy of trained networks in exact integers on real images, beside float and ONNX Runtime.

    TF2C_DATA=... python benchmarks/accuracy.py [NETWORK...]

The networks and images are those of the data folder (its README says what they are; default:
`../shared/data` beside the checkout). Each network is compiled with int8 weights and power-of-two
scales, and with one, two and a mixture of power-of-two terms per weight, two also with unsigned
activations; calibration images are never evaluated. ONNX Runtime quantizes the same model from the
same images (QDQ, per channel, any scale). Prints a table and writes results/accuracy.json.
"""

import csv
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from peers.onnxruntime_int8 import int8_classifier
from PIL import Image
from report import write_results
from rich.console import Console
from rich.table import Table

import tf2c
from tf2c.artifact import sha256
from tf2c.dialects import tensors
from tf2c.evaluation import Accuracy
from tf2c.executors import open_executor
from tf2c.frontends.images import load_images
from tf2c.frontends.labeled_images import load_labeled_images
from tf2c.frontends.preprocessing import PRESETS, Preprocessing
from tf2c.measurement import class_scores
from tf2c.passes.check import real_result
from tf2c.passes.rewriting import network_input

BATCH = 32

EXECUTOR = "numpy"
"""Who computes the integers; all executors and the simulator give the same."""

MUSTS = {
    ("ResNet-20", "shift1 weights, compensated"): (0.8, 0.2),
    ("SqueezeNet 1.1", "shift1 weights, compensated"): (4.0, 2.0),
    ("SqueezeNet 1.1", "mixed weights, compensated"): (2.0, 1.0),
    ("SqueezeNet 1.1", "shift2 weights, compensated"): (0.7, 0.3),
    ("SqueezeNet 1.1", "int8 weights, compensated"): (0.7, None),
    ("MobileNet-v2", "shift2 weights, compensated"): (1.5, 0.5),
}
"""What top-1 may be lost, and what is aimed at; None: what ONNX Runtime's int8 loses."""

CIFAR_CALIBRATION = 256

FORMS = (
    ("int8", "int8", "compensated"),
    ("shift1", "int8", "compensated"),
    ("mixed", "int8", "compensated"),
    ("shift2", "int8", "compensated"),
    ("shift2", "uint8", "compensated"),
)
"""Weights, activations, and how weights are rounded."""


class Network(NamedTuple):
    """A trained network, and how its images are prepared."""

    model: str
    images: str
    """`imagenet` or `cifar10`."""
    preprocessing: Preprocessing


NETWORKS = {
    "SqueezeNet 1.1": Network(
        "squeezenet1.1_onnxzoo/squeezenet1.1_onnxzoo.onnx", "imagenet", PRESETS["imagenet"]
    ),
    "MobileNet-v2": Network(
        "mobilenet_tflite/mobilenet_v2_1.0_224_quant_deq.onnx",
        "imagenet",
        # The first of its 1001 classes is the background.
        replace(PRESETS["tensorflow"], label_offset=1),
    ),
    "ResNet-20": Network(
        "resnet_cifar_torch/resnet20_cifar10.onnx", "cifar10", PRESETS["imagenet"]
    ),
    "MobileNet-v1 0.25": Network(
        "mobilenet_tflite/mobilenet_v1_0.25_128_quant_deq.onnx",
        "imagenet",
        replace(PRESETS["tensorflow"], label_offset=1),
    ),
    "ResNet-8": Network("mlperf_tiny_resnet8/pretrainedResnet.onnx", "cifar10", PRESETS["none"]),
}


class ImageSet(NamedTuple):
    """Images in a folder: those to calibrate on and those to evaluate."""

    folder: Path
    calibration: Path
    labels: Path


def imagenet(source: Path, folder: Path) -> ImageSet:
    """Leave the images that are for calibration out of the labels."""
    listed = (source / "imagenet_calib100.txt").read_text().split()
    with (source / "imagenet_labels.csv").open(newline="") as file:
        rows = [(row["file"], row["label"]) for row in csv.DictReader(file)]
    images = (source / "imagenet").absolute()
    calibration = folder / "imagenet.txt"
    calibration.write_text("\n".join(str(images / name) for name in listed))
    kept = [row for row in rows if row[0] not in set(listed)]
    return ImageSet(images, calibration, write_labels(folder / "imagenet.csv", kept))


def cifar10(source: Path, folder: Path) -> ImageSet:
    """Write the arrays as lossless image files, which is how users have them."""
    archive = np.load(source / "cifar10.npz")
    names = write_images(folder / "cifar10", archive["x"])
    write_images(folder / "cifar10-calibration", archive["calib"][:CIFAR_CALIBRATION])
    rows = [(name, str(label)) for name, label in zip(names, archive["y"], strict=True)]
    labels = write_labels(folder / "cifar10.csv", rows)
    return ImageSet(folder / "cifar10", folder / "cifar10-calibration", labels)


def write_images(folder: Path, images: npt.NDArray[np.uint8]) -> list[str]:
    """Write `[N, C, H, W]` as PNG files; return their names."""
    folder.mkdir()
    names = [f"{index:05}.png" for index in range(len(images))]
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / name)
    return names


def write_labels(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    """Write a labels file."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *rows])
    return path


class Evaluation(NamedTuple):
    """Prepared images, and what the float network makes of them."""

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    reference: npt.NDArray[np.float64]

    def figures(self, scores: npt.NDArray[np.number]) -> dict[str, float]:
        """Return the accuracy of scores, and their agreement with float."""
        counts = Accuracy()
        counts.add(scores, self.labels, self.reference)
        return {"top1": counts.top1, "top5": counts.top5, "agreement": counts.agreement}


def input_shape(model: Path) -> tuple[int, ...]:
    """Return `(C, H, W)` of a model's input."""
    return tensors.extents(network_input(tf2c.load_onnx(model)))


def evaluation(model: Path, images: ImageSet, network: Network) -> Evaluation:
    """Prepare the images to evaluate, and run the float network on them."""
    module, shape = tf2c.load_onnx(model), input_shape(model)
    labeled = load_labeled_images(images.folder, images.labels, shape, network.preprocessing)
    batches, labels = zip(*labeled.batches(BATCH), strict=True)
    scores = [class_scores(module, batch) for batch in batches]
    return Evaluation(np.concatenate(batches), np.concatenate(labels), np.concatenate(scores))


def peer_scores(
    model: Path, images: ImageSet, network: Network, measured: Evaluation
) -> npt.NDArray[np.floating]:
    """Return the scores of ONNX Runtime's int8 network."""
    shape = measured.images.shape[1:]
    prepared = load_images(images.calibration, shape, network.preprocessing)
    classify = int8_classifier(model, prepared.batches(1))
    batches = range(0, len(measured.images), BATCH)
    return np.concatenate([classify(measured.images[first : first + BATCH]) for first in batches])


def measured_forms(
    model: Path, images: ImageSet, network: Network, measured: Evaluation
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each form's name and figures; the integers are those of the bit-exact executor."""
    for weights, activations, method in FORMS:
        stage = "int8" if weights == "int8" else "shift"
        begun = time.perf_counter()
        artifact = tf2c.compile(
            model,
            calib=images.calibration,
            weights=weights,
            activations=activations,
            method=method,
            preprocess=network.preprocessing,
            to=stage,
        )
        seconds = time.perf_counter() - begun
        module = artifact.stage(stage)
        (results,) = open_executor(EXECUTOR, module, BATCH).run(measured.images)
        figures = measured.figures(real_result(module, results).reshape(len(results), -1))
        figures["compile_seconds"] = round(seconds, 1)
        if artifact.manifest.mixture:
            figures["terms_per_mac"] = artifact.manifest.mixture["terms_per_mac"]
        unsigned = ", unsigned activations" if activations == "uint8" else ""
        name = f"{weights} weights{unsigned}{'' if method == 'nearest' else f', {method}'}"
        print(name, figures, file=sys.stderr)
        yield name, figures


def main() -> None:
    """Measure, print, write."""
    root = Path(__file__).parent.parent
    source = Path(os.environ.get("TF2C_DATA", root.parent / "shared" / "data"))
    if not source.is_dir():
        raise SystemExit(f"{source}: no such folder; TF2C_DATA names the one with the networks")
    asked = sys.argv[1:] or list(NETWORKS)
    table = Table(title="accuracy, every layer quantized")
    for column in ("network", "form", "top-1 %", "loss", "top-5 %", "agrees %"):
        table.add_column(column, justify="left" if column in ("network", "form") else "right")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets = {
            "imagenet": imagenet(source / "images", folder),
            "cifar10": cifar10(source / "images", folder),
        }
        for each in asked:
            network = NETWORKS[each]
            model = source / "models" / network.model
            images = sets[network.images]
            measured = evaluation(model, images, network)
            forms = {"float": measured.figures(measured.reference)}
            forms |= measured_forms(model, images, network, measured)
            peer = peer_scores(model, images, network, measured)
            forms["ONNX Runtime int8"] = measured.figures(peer)
            reference = forms["float"]["top1"]
            for form, figure in forms.items():
                figure["loss"] = reference - figure["top1"]
                table.add_row(
                    each,
                    form,
                    f"{figure['top1']:.2f}",
                    f"{figure['loss']:+.2f}",
                    f"{figure['top5']:.2f}",
                    f"{figure['agreement']:.2f}",
                )
            figures[each] = {"model_sha256": sha256(model.read_bytes()), "forms": forms}
    Console(width=100).print(table)
    for (each, form), (must, goal) in MUSTS.items():
        if each not in figures:
            continue
        forms = figures[each]["forms"]
        loss = forms[form]["loss"]
        aim = forms["ONNX Runtime int8"]["loss"] if goal is None else goal
        verdict = "GOAL" if loss <= aim else "ok  " if loss <= must else "MISS"
        print(f"{verdict} {each}, {form}: loss {loss:.2f} (must {must}, goal {aim:.2f})")
    packages = ("tf2c", "xdsl", "numpy", "onnx", "onnxruntime", "pillow")
    command = " ".join(["python benchmarks/accuracy.py", *sys.argv[1:]])
    write_results("accuracy", command, packages, {"networks": figures})


if __name__ == "__main__":
    main()
