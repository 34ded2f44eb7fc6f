"""What `import tf2c` offers: check and compile a network, open an artifact, measure, compare."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tf2c import artifact as artifacts
from tf2c.bisection import Bisection, bisect_sides
from tf2c.bisection_sides import open_side
from tf2c.boards import load_board
from tf2c.choices import (
    DEFAULT_CHOICES,
    DEFAULT_ENGINE,
    DEFAULT_TERMS_PER_MAC,
    FLOAT_STAGES,
    MIXED,
    STAGE_NAMES,
    Choices,
)
from tf2c.compiled import Artifact, load
from tf2c.compiler import (
    Compilation,
    artifact_files,
    background_notes,
    compile_module,
    expect_classes,
    manifest_facts,
)
from tf2c.dialects import tensors
from tf2c.engine import Engine
from tf2c.errors import UserError, naming
from tf2c.evaluation import Accuracy
from tf2c.frontends.calibration import load_calibration
from tf2c.frontends.images import FolderImages
from tf2c.frontends.labeled_images import load_labeled_images
from tf2c.frontends.preprocessing import (
    DEFAULT_PREPROCESSING,
    Preprocessing,
    chosen_preprocessing,
)
from tf2c.frontends.watched_images import ImageProgress, WatchedImages
from tf2c.gate import IMAGES as LOSS_IMAGES
from tf2c.gate import AccuracyError, Limits, layer_losses
from tf2c.image_source import HELD_OUT, ArrayImages, HeldOutImages, ImageSource
from tf2c.measurement import EVALUATION_BATCH, measure, measure_agreement
from tf2c.models import MODEL_SUFFIXES, load_model
from tf2c.numerics.term_mixture import CURVE
from tf2c.passes.pipeline import PassObserver
from tf2c.passes.rewriting import network_input
from tf2c.retraining import retrain
from tf2c.runtime.session import expect_images
from tf2c.scoring import EXECUTORS, FLOAT, assignment_facts, default_executor, open_scorer
from tf2c.survey import Survey, survey_model
from tf2c.trace import BATCH as TRACE_BATCH

__all__ = ["EXECUTORS", "Artifact", "bisect", "check", "compile", "evaluate", "load", "retrain"]

NO_PREPROCESSING_NOTE = (
    "the artifact states no preprocessing, so pixels are divided by 255: it was compiled without "
    "image files and without `--preprocess`"
)


def compile(
    model: str | Path,
    *,
    calib: str | Path | npt.NDArray[np.floating],
    board: str = "pac_a10",
    weights: str = DEFAULT_CHOICES.weights,
    method: str = DEFAULT_CHOICES.method,
    scales: str = DEFAULT_CHOICES.scales,
    channels: str | None = None,
    activations: str = DEFAULT_CHOICES.activations,
    leave_out: Sequence[str] = (),
    outputs: Sequence[str] = (),
    output: str | Path | None = None,
    to: str | None = None,
    engine: Engine = DEFAULT_ENGINE,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    preprocess: str | Path | Preprocessing | None = None,
    label_offset: int | None = None,
    terms_per_mac: float | None = None,
    max_loss: float | None = None,
    min_agreement: float | None = None,
    allow_loss: bool = False,
    check: bool = False,
    seed: int = 0,
    observer: PassObserver | None = None,
    progress: ImageProgress | None = None,
) -> Artifact:
    """Compile a trained network.

    Args:
        model: an .onnx file, or an .mlir file of stage `graph`, such as `retrain` writes.
        calib: calibration images: a folder, a .txt file that lists some (beside it, or in
            `images`), an .npy file, `random:N`, or an array `[N, C, H, W]`. Image files that cannot
            be used are skipped and noted.
        board: a board's name, or a .toml file that describes one.
        weights: their form: `shift1` is one signed power of two each, `shift2` the sum of two,
            `mixed` one or two by layer, `int8` is multiplied and stops before the engine.
        method: how weights are rounded: to the `nearest` number of their form, or `compensated`, so
            that the others make up for each one's error, or that and then `learned`, with
            PyTorch: moved where blocks of layers come closer to float.
        scales: how activation scales are chosen: `mse`, `minmax`, `percentile` or `entropy`.
        channels: whether channels get steps of their own, by factors that weights undo: `shared`,
            `mse` or `ceiling`; by default `shared` with `nearest` and `mse` otherwise.
        activations: `int8`, or `uint8` where they are never negative, which stops before the
            engine.
        leave_out: layers to leave out that exist in floating point only: `lrn`.
        outputs: where to cut the network: names of tensors or layers; at its own by default.
        output: the artifact's folder; by default a temporary one that goes with the result.
        to: the last stage to run; by default as far as weights and activations go.
        engine: the sizes of the engine to compile for.
        images: a folder of labeled images to measure accuracy on.
        labels: CSV with the columns `file` and `label`; goes with `images`.
        preprocess: how image files become inputs: a preset, a .toml file, or the thing itself;
            stored in the artifact.
        label_offset: added to labels, instead of what `preprocess` says.
        terms_per_mac: of mixed weights, on average: 1 to 2; by default as few as the limits below
            allow, or 1.3 without any.
        max_loss: percent points of top-1 that may be lost, on the labeled images.
        min_agreement: percent of images that must have the same best class as in float: of the
            labeled ones, or without any of a quarter of the calibration images, which is held out.
        allow_loss: compile although a limit is missed, and note it.
        check: check every pass's contract on seeded images.
        seed: of random calibration images and of the check.
        observer: told about every pass.
        progress: told about calibration and evaluation images.

    Raises:
        UserError: something given cannot be used; nothing is written.
        AccuracyError: a limit is missed; with each layer's part in it.
    """
    choices = Choices(
        weights,
        scales,
        activations,
        tuple(leave_out),
        method,
        channels,
        DEFAULT_TERMS_PER_MAC if terms_per_mac is None else terms_per_mac,
    )
    limits = Limits(max_loss, min_agreement)
    last_stage = choices.last_stage(to)
    _expect_measurable(limits, last_stage, labels)
    if (images is None) != (labels is None):
        raise UserError("expected images and labels together, got one of them")
    if output is not None:
        artifacts.expect_replaceable(Path(output))
    target = load_board(board)
    preprocessing = chosen_preprocessing(preprocess, label_offset, DEFAULT_PREPROCESSING)
    module = load_model(Path(model), outputs)
    shape = tensors.extents(network_input(module))
    beside = None if images is None else Path(images)
    calibration = _calibration(calib, shape, preprocessing, seed, beside)
    labeled, notes = None, list[str]()
    if images is not None and labels is not None:
        labeled = load_labeled_images(Path(images), Path(labels), shape, preprocessing)
        with naming(f"{model}, {labels}"):
            classes = expect_classes(module, labeled.labels, preprocessing.label_offset)
        notes += background_notes(classes, labeled.labels, preprocessing.label_offset)

    source: ImageSource = calibration
    if progress is not None:
        source = WatchedImages(calibration, "calibration", progress)
    held_out = None
    if min_agreement is not None and labeled is None:
        if len(calibration) < 2 * HELD_OUT:
            raise UserError(
                f"expected at least {2 * HELD_OUT} calibration images, a quarter of which measures "
                f"agreement, got {len(calibration)}",
                hint="give more, or labeled images",
            )
        held_out = HeldOutImages(calibration, held_out=True)
        source = HeldOutImages(source, held_out=False)
    compilation: Compilation | None = None
    measured: dict[str, Any] = {}
    for terms in _budgets(choices, limits, terms_per_mac):
        compilation = compile_module(
            module,
            board=target,
            calibration=source,
            to=last_stage,
            engine=engine,
            choices=replace(choices, terms_per_mac=terms),
            check=check,
            seed=seed,
            observer=observer,
            progress=progress,
            resume=compilation,
        )
        if labeled is not None:
            measured = measure(compilation, labeled, progress)
        elif held_out is not None:
            measured = {"held_out": measure_agreement(compilation, held_out, progress)}
        if limits.missed(measured) is None:
            break
    assert compilation is not None
    missed = limits.missed(measured)
    if missed is not None and not allow_loss:
        raise AccuracyError(missed, layer_losses(compilation, next(source.batches(LOSS_IMAGES))))
    if missed is not None:
        notes.append(missed)
    reads_files = isinstance(calibration, FolderImages)
    if reads_files:
        notes += calibration.notes()
    compilation.notes[:0] = notes
    is_stated = reads_files or labeled is not None
    is_stated = is_stated or preprocess is not None or label_offset is not None
    stated = preprocessing.as_dict() if is_stated else {}
    facts = manifest_facts(compilation, Path(model), measured, stated)
    files = artifact_files(compilation)
    if output is not None:
        return Artifact(artifacts.save_artifact(Path(output), files, **facts))
    temporary = tempfile.TemporaryDirectory(prefix="tf2c-")
    folder = artifacts.save_artifact(Path(temporary.name) / "network.tf2c", files, **facts)
    return Artifact(folder, temporary)


def check(
    model: str | Path,
    *,
    weights: str = DEFAULT_CHOICES.weights,
    activations: str = DEFAULT_CHOICES.activations,
    leave_out: Sequence[str] = (),
    outputs: Sequence[str] = (),
    to: str | None = None,
    engine: Engine = DEFAULT_ENGINE,
) -> Survey:
    """Say of every layer of a model whether it runs, is folded away, or is refused, and why.

    The arguments are those of `compile`, which raises where `check` reports.

    Raises:
        UserError: the file cannot be read, or an argument cannot be used.
    """
    choices = Choices(weights, activations=activations, leave_out=tuple(leave_out))
    return survey_model(Path(model), outputs=tuple(outputs), to=to, choices=choices, engine=engine)


def evaluate(
    network: str | Path,
    *,
    images: str | Path,
    labels: str | Path,
    executor: str | None = None,
    preprocess: str | Path | Preprocessing | None = None,
    label_offset: int | None = None,
    outputs: Sequence[str] = (),
    agreement: bool = False,
    trace: bool = False,
    limit: int | None = None,
    seed: int = 0,
    note: Callable[[str], None] | None = None,
    progress: ImageProgress | None = None,
) -> dict[str, Any]:
    """Measure the accuracy of an artifact or a model on labeled images.

    Args:
        network: an artifact, or a model as for `compile`.
        images: a folder.
        labels: CSV with the columns `file` and `label`.
        executor: `float` (the network before rounding; the only one for a model, and its default),
            `numpy`, `onnxruntime` or `openvino` (exact integers of stage `shift`, or `int8` if the
            artifact stops there; `numpy` is an artifact's default), `simulator` (the compiled
            program) or `emulator` (the generated OpenCL).
        preprocess: how image files become inputs: a preset, a .toml file, or the thing itself; by
            default what the artifact states.
        label_offset: added to labels, instead of what the preprocessing says.
        outputs: where to cut a model, as for `compile`.
        agreement: compare with the float network, too.
        trace: compare float, int8 and shift in what every layer leaves, too.
        limit: only the first images.
        seed: of the executor's self-test.
        note: told what people should know.
        progress: told about evaluated images.

    Returns:
        `{"top1": percent, "top5": percent, "n": images, "executor": name, "seconds": number}`, the
        seconds being those of the executor, without reading images. An executor that shares the
        steps of the network with others adds `"layers"`: how many there are, how many it runs, and
        who does each of the others and why. `agreement` adds `"agreement"`: the percentage of
        images for which the float network names the same class; `trace` adds `"trace"`
        (`docs/tracing.md`), whose time is then the executor's, too.

    Raises:
        UserError: something given cannot be used.
        ExecutorMismatchError: an executor computes other integers than the interpreter, which is
            found before the first image.
    """
    path = Path(network)
    is_model = path.suffix in MODEL_SUFFIXES
    if executor is not None and executor not in EXECUTORS:
        raise UserError(f"expected an executor of {', '.join(EXECUTORS)}, got `{executor}`")
    if is_model and executor not in (None, FLOAT):
        raise UserError(
            f"{path}: a model runs only with executor `{FLOAT}`, got `{executor}`",
            hint="compile it first: `tf2c compile`",
        )
    if is_model and trace:
        raise UserError(
            f"{path}: expected an artifact to trace, got a model, which has one stage",
            hint="compile it first: `tf2c compile`",
        )
    if outputs and not is_model:
        raise UserError(
            f"{path}: expected a model to cut at {', '.join(outputs)}, got an artifact",
            hint="an artifact is cut when it is compiled: `tf2c compile --outputs`",
        )
    artifact = None if is_model else load(path)
    executor = executor or default_executor(artifact)
    notes: list[str] = []
    if artifact is None:
        module, stated = load_model(path, outputs), DEFAULT_PREPROCESSING
    else:
        module, stated = artifact.stage(STAGE_NAMES[0]), artifact.preprocessing
        if preprocess is None and not artifact.manifest.preprocessing:
            notes.append(NO_PREPROCESSING_NOTE)
    preprocessing = chosen_preprocessing(preprocess, label_offset, stated)
    shape = tensors.extents(network_input(module))
    labeled = load_labeled_images(Path(images), Path(labels), shape, preprocessing, limit)
    with naming(f"{network}, {labels}"):
        classes = expect_classes(module, labeled.labels, preprocessing.label_offset)
    notes += background_notes(classes, labeled.labels, preprocessing.label_offset)
    if note is not None:
        for each in notes:
            note(each)

    counts, seconds = Accuracy(), 0.0
    batch_size = TRACE_BATCH if trace else EVALUATION_BATCH
    with open_scorer(artifact, module, executor, trace, seed) as (scorer, traced):
        for batch, batch_classes in labeled.batches(batch_size):
            started = time.perf_counter()
            scores = scorer.scores(batch)
            seconds += time.perf_counter() - started
            counts.add(scores, batch_classes, scorer.reference(batch) if agreement else None)
            if progress is not None:
                progress("evaluation", counts.images, len(labeled))
        assignments = scorer.assignments
    result: dict[str, Any] = {
        "top1": counts.top1,
        "top5": counts.top5,
        "n": counts.images,
        "executor": executor,
        "seconds": seconds,
    }
    if assignments:
        result["layers"] = assignment_facts(assignments, executor)
    if agreement:
        result["agreement"] = counts.agreement
    if traced is not None:
        result["trace"] = traced.as_dict()
    return result


def bisect(
    a: str,
    b: str,
    *,
    images: str = "random:2",
    calib: str | None = None,
    seed: int = 0,
    progress: ImageProgress | None = None,
) -> Bisection:
    """Find the first layer, and the first pass, where two stages or two executors differ.

    Args:
        a: `ARTIFACT[:STAGE][@EXECUTOR]` or `FILE.mlir[@EXECUTOR]`; by default the last stage, and
            `interpreter`, which is the definition; the others are `numpy`, `onnxruntime` and
            `openvino`.
        b: likewise. Where both are stages of one artifact and `a` is the earlier one, the passes
            between them run again, one by one.
        images: what to run both on: a folder, a .txt file, an .npy file, or `random:N`.
        calib: calibration images, as for `compile`; without them scales cannot be chosen again,
            and passes run from stage `int8` on.
        seed: of random images.
        progress: told about images; for each comparison anew.

    Raises:
        UserError: something given cannot be used, or there is nothing to compare.
        ExecutorMismatchError: an executor computes other integers than the interpreter.
    """
    one, other = open_side(a), open_side(b)
    shapes = [tensors.extents(network_input(side.module)) for side in (one, other)]
    if shapes[0] != shapes[1]:
        got = " and ".join("x".join(map(str, shape)) for shape in shapes)
        raise UserError(f"expected two networks for the same images, got {a} and {b} for {got}")
    stated = (one if one.artifact is not None else other).preprocessing
    source = load_calibration(images, shapes[0], stated, seed)
    if progress is not None:
        source = WatchedImages(source, "input", progress)
    calibration = None if calib is None else load_calibration(calib, shapes[0], stated, seed)
    return bisect_sides(one, other, source, calibration, seed)


def _expect_measurable(limits: Limits, last_stage: str, labels: str | Path | None) -> None:
    """Raise unless limits can be checked."""
    if limits.max_loss is not None and labels is None:
        raise UserError(
            "expected labeled images to measure a loss on, got none",
            hint="give images and labels, or `--min-agreement`, which needs none",
        )
    if limits.min_agreement is not None and not 0 <= limits.min_agreement <= 100:
        raise UserError(f"expected agreement of 0 to 100 %, got {limits.min_agreement:g}")
    if limits.are_set and last_stage in FLOAT_STAGES:
        raise UserError(
            f"expected a stage below float to measure, got `{last_stage}`", hint="leave out `--to`"
        )


def _budgets(choices: Choices, limits: Limits, given: float | None) -> Sequence[float]:
    """Return the terms per multiplication to try, the cheapest first."""
    if choices.weights != MIXED or not limits.are_set or given is not None:
        return [choices.terms_per_mac]
    return CURVE


def _calibration(
    calib: str | Path | npt.NDArray[np.floating],
    shape: tuple[int, ...],
    preprocessing: Preprocessing,
    seed: int,
    beside: Path | None,
) -> ImageSource:
    """Open calibration images, wherever they are."""
    if isinstance(calib, np.ndarray):
        expect_images(calib, shape)
        return ArrayImages(calib)
    return load_calibration(str(calib), shape, preprocessing, seed, beside)
