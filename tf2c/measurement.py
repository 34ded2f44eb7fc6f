"""How good the stages of a compiled network are: accuracy, and agreement with float."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from tf2c.choices import FLOAT_STAGES
from tf2c.compiler import MEASURED_STAGES, Compilation
from tf2c.evaluation import Accuracy
from tf2c.executors import ENGINES, open_executor
from tf2c.frontends.labeled_images import LabeledImages
from tf2c.frontends.watched_images import ImageProgress
from tf2c.image_source import ImageSource
from tf2c.interpreters import run
from tf2c.passes.check import real_result

EVALUATION_BATCH = 16
"""Images that are in memory at once, and their activations."""


def measure(
    compilation: Compilation, labeled: LabeledImages, progress: ImageProgress | None = None
) -> dict[str, Any]:
    """Measure accuracy and agreement with float at each stage where results may change.

    Args:
        compilation: whose stages to run; `graph` is the float network.
        labeled: images with classes of the network, read once.
        progress: told about each batch.

    Returns:
        by `float`, `int8`, `shift`: top-1, top-5 and agreement in percent; and the image count.
    """
    stages = {
        name: _scorer(compilation, stage)
        for stage, name in MEASURED_STAGES.items()
        if stage in compilation.modules
    }
    counts = {name: Accuracy() for name in stages}
    done = 0
    for images, labels in labeled.batches(EVALUATION_BATCH):
        scores = {name: scorer(images) for name, scorer in stages.items()}
        for name, count in counts.items():
            count.add(scores[name], labels, reference=scores["float"])
        done += len(images)
        if progress is not None:
            progress("evaluation", done, len(labeled))
    measured: dict[str, Any] = {"images": done}
    for name, count in counts.items():
        measured[name] = {"top1": count.top1, "top5": count.top5, "agreement": count.agreement}
    return measured


def measure_agreement(
    compilation: Compilation, images: ImageSource, progress: ImageProgress | None = None
) -> dict[str, Any]:
    """Measure how often the last stage and float name the same class on images without labels.

    Args:
        compilation: whose `graph` is the float network.
        images: that had no part in calibration.
        progress: told about each batch.

    Returns:
        how many images, and the agreement in percent.
    """
    last = [stage for stage in MEASURED_STAGES if stage in compilation.modules][-1]
    real, rounded = compilation.modules["graph"], _scorer(compilation, last)
    count = Accuracy()
    for batch in images.batches(EVALUATION_BATCH):
        reference = class_scores(real, batch)
        best = reference.argmax(axis=1)
        count.add(rounded(batch), best, reference)
        if progress is not None:
            progress("evaluation", count.images, len(images))
    return {"images": count.images, "agreement": count.agreement}


def _scorer(
    compilation: Compilation, stage: str
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]:
    """Return what computes a stage's class scores: integers by an executor, which is faster."""
    module = compilation.modules[stage]
    if stage in FLOAT_STAGES:
        return lambda images: class_scores(module, images)
    executor = open_executor(next(iter(ENGINES)), module, EVALUATION_BATCH)

    def score(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        (results,) = executor.run(images)
        return real_result(module, results).reshape(len(images), -1)

    return score


def class_scores(module: ModuleOp, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Run any stage's IR on images `[N, C, H, W]`; return the real scores `[N, classes]`."""
    return real_result(module, run(module, images)).reshape(len(images), -1)
