"""The whole way from a trained network to an artifact."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from tf2c.analysis.cost.layers import job_costs
from tf2c.analysis.ranges import accumulator_bits
from tf2c.artifact import IR_FOLDER, KERNELS, PROGRAM, WEIGHTS, sha256
from tf2c.backends.opencl.render import render_engine
from tf2c.backends.program import EmittedProgram, emit_program
from tf2c.boards import Board
from tf2c.choices import (
    DEFAULT_CHOICES,
    DEFAULT_ENGINE,
    FLOAT_STAGES,
    STAGE_NAMES,
    Choices,
    stage_passes,
)
from tf2c.dialects import dataflow, tensors
from tf2c.dialects.blob import SIDECAR_FOLDER, saved_blobs
from tf2c.dialects.layers import layer_name
from tf2c.engine import Engine
from tf2c.errors import UserError
from tf2c.frontends.watched_images import ImageProgress
from tf2c.image_source import ImageSource
from tf2c.ir_files import new_context, print_module
from tf2c.numerics.term_mixture import Mixture
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassObserver, PassPipeline, expect_legal
from tf2c.passes.rewriting import network_function, network_input

MEASURED_STAGES = {"graph": "float", "int8": "int8", "shift": "shift"}
"""Stages whose accuracy differs, by what people call them; below `shift` all is exact."""

FIRST_OF_TERMS = "shift"
"""The first stage on which the terms of weights have an influence."""

BACKGROUND_CLASSES = 1001
"""Classes of a network for ImageNet whose first one is the background."""


@dataclass
class Compilation:
    """A network on its way through the stages."""

    board: Board
    modules: dict[str, ModuleOp] = field(default_factory=dict[str, ModuleOp])
    """The IR as each stage left it."""
    passes: dict[str, Sequence[ModulePass]] = field(default_factory=dict[str, Sequence[ModulePass]])
    """What ran in each stage."""
    notes: list[str] = field(default_factory=list[str])
    """What passes found that people should know."""
    mixture: Mixture | None = None
    """Which layers have two terms, where that was chosen."""
    emitted: EmittedProgram | None = None
    """None where compilation stopped before the engine."""

    @property
    def stage(self) -> str:
        """The last stage that ran."""
        return list(self.modules)[-1]


def compile_module(
    module: ModuleOp,
    *,
    board: Board,
    calibration: ImageSource,
    to: str = STAGE_NAMES[-1],
    engine: Engine = DEFAULT_ENGINE,
    choices: Choices = DEFAULT_CHOICES,
    check: bool = False,
    seed: int = 0,
    observer: PassObserver | None = None,
    progress: ImageProgress | None = None,
    resume: Compilation | None = None,
) -> Compilation:
    """Run the stages on a network.

    Args:
        module: a frontend's `graph` module; changed in place.
        board: the card to compile for.
        calibration: images that the network may meet, from which scales are chosen.
        to: the last stage to run.
        engine: the sizes of the engine to compile for.
        choices: what the passes are told.
        check: check every pass's contract.
        seed: of the check's images.
        observer: told about every pass.
        progress: told how far long passes have come.
        resume: the same network with other terms per multiplication, whose stages up to `int8` are
            taken over, and its layers' needs.

    Raises:
        UserError: the network cannot be compiled.
    """
    context = new_context()
    compilation = Compilation(board, notes=context.notes)
    context.calibration = calibration
    context.progress = progress
    stages = list(STAGES)
    if resume is not None:
        for stage in STAGES[: STAGE_NAMES.index(FIRST_OF_TERMS)]:
            compilation.modules[stage.name] = resume.modules[stage.name]
            compilation.passes[stage.name] = resume.passes[stage.name]
            stages.remove(stage)
        compilation.notes += resume.notes
        context.mixture = resume.mixture
        context.float_network = resume.modules[FLOAT_STAGES[-1]]
        module = resume.modules[compilation.stage].clone()
    for stage in stages:
        pipeline = PassPipeline(stage_passes(stage, engine, choices))
        pipeline.run(module, context=context, check=check, seed=seed, observer=observer)
        expect_legal(module, stage)
        compilation.passes[stage.name] = pipeline.passes
        compilation.modules[stage.name] = module.clone()
        if stage.name == to:
            break
    compilation.mixture = context.mixture
    if compilation.stage == STAGE_NAMES[-1]:
        compilation.emitted = emit_program(module)
    return compilation


def artifact_files(compilation: Compilation) -> dict[str, bytes]:
    """Return the contents of an artifact's files, by their paths in its folder."""
    files: dict[str, bytes] = {}
    for stage, module in compilation.modules.items():
        files[f"{IR_FOLDER}/{stage}.mlir"] = print_module(module).encode()
        for name, contents in saved_blobs(module):
            files[f"{IR_FOLDER}/{SIDECAR_FOLDER}/{name}"] = contents
    if compilation.emitted is not None:
        program, weights, _ = compilation.emitted
        # Nothing of the board or the network: whatever has the same sizes shares an engine.
        banner = f"tf2c {version('tf2c')}"
        files[KERNELS] = render_engine(program.engine, banner).encode()
        files[PROGRAM] = program.to_bytes()
        files[WEIGHTS] = weights
    return files


def manifest_facts(
    compilation: Compilation,
    model: Path,
    measured: Mapping[str, Any],
    preprocessing: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the manifest's fields, without the files."""
    last = compilation.modules[compilation.stage]
    argument = network_input(last)
    emitted = compilation.emitted
    jobs = [op for op in last.walk() if isinstance(op, dataflow.JobOp)]
    costs = job_costs(jobs, emitted.program) if emitted is not None else []
    return {
        "tf2c_version": version("tf2c"),
        "model": model.name,
        "model_sha256": sha256(model.read_bytes()),
        "pipeline": {
            stage: str(PassPipeline(passes)) for stage, passes in compilation.passes.items()
        },
        "stage": compilation.stage,
        "board": compilation.board.name,
        "engine": asdict(emitted.program.engine) if emitted is not None else {},
        "input_shape": list(tensors.extents(argument)),
        "preprocessing": dict(preprocessing),
        "layers": [
            {"layer": layer_name(job), "accumulator_bits": accumulator_bits(job), **cost.as_dict()}
            for job, cost in zip(jobs, costs, strict=True)
        ],
        "mixture": {} if compilation.mixture is None else compilation.mixture.as_dict(),
        "notes": compilation.notes,
        "measured": dict(measured),
    }


def expect_classes(module: ModuleOp, labels: npt.NDArray[np.int64], label_offset: int = 0) -> int:
    """Return how many classes a network has; raise unless the labels are among them.

    Args:
        module: any stage's IR.
        labels: of images, the offset added.
        label_offset: what was added, for messages.

    Raises:
        UserError: the network is no classifier, or has fewer classes.
    """
    kinds = network_function(module).function_type.outputs.data
    if len(kinds) != 1:
        raise UserError(
            f"expected a network with one result to compare with labels, got {len(kinds)}",
            hint="choose one with `--outputs`",
        )
    _, classes, *others = tensors.tensor_type(kinds[0]).get_shape()
    if any(extent != 1 for extent in others):
        raise UserError(
            f"expected a network with one score per class, got results of shape "
            f"{(classes, *others)}"
        )
    hint = f"{label_offset} was added, the label offset" if label_offset else None
    if labels.max() >= classes:
        raise UserError(
            f"expected labels below {classes}, the network's classes, got {labels.max()}", hint
        )
    if labels.min() < 0:
        raise UserError(f"expected labels of at least 0, got {labels.min()}", hint)
    return classes


def background_notes(classes: int, labels: npt.NDArray[np.int64], label_offset: int) -> list[str]:
    """Return a note if the labels look as if they did not count the background class."""
    if classes != BACKGROUND_CLASSES or label_offset != 0 or labels.max() >= classes - 1:
        return []
    return [
        f"the network has {classes} classes and no label is {classes - 1}: if its first class is "
        "the background, use `--label-offset 1`"
    ]
