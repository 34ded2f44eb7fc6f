"""Where two stages of a network, or two executors, first differ: in which layer, and which pass.

Both run on the same images, and what each layer leaves (`analysis.layer_tensors`) is compared, as
real numbers. Between two stages of one artifact, the passes that lie between them run again, one
by one, and the network is compared before and after each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from tf2c.analysis.layer_tensors import INPUT, matching_layers
from tf2c.bisection_sides import Side
from tf2c.capture import Array, Runner
from tf2c.choices import FLOAT_STAGES, STAGE_NAMES
from tf2c.compiled import Artifact
from tf2c.dialects import tensors
from tf2c.dialects.scales import real_numbers
from tf2c.errors import UserError, naming
from tf2c.image_source import ImageSource
from tf2c.ir_files import new_context, print_module
from tf2c.passes.contract import EQUIVALENT_TOLERANCE, CompilerPass, Contract
from tf2c.passes.pipeline import parse_passes
from tf2c.passes.rewriting import network_function

BATCH = 4
"""Images at once: of a batch, every tensor of both sides is in memory."""

RESULT = "(result)"
"""Stands behind the layers: what the network returns."""


@dataclass
class LayerDifference:
    """How far apart a layer's two tensors are."""

    layer: str
    elements: int = 0
    differences: int = 0
    """Elements that differ."""
    largest: float = 0.0
    """Largest difference, of real numbers."""
    relative: float = 0.0
    """The same, relative to the batch's largest number."""
    index: list[int] | None = None
    """Of the first element that differs: image, channel and so on, as side A has it."""
    a: float | None = None
    """That element, a real number."""
    b: float | None = None

    def observe(self, first: Array, second: Array, images: int) -> None:
        """Compare a batch's real numbers, before which there were so many images."""
        others = second.reshape(first.shape)
        different = first != others
        self.elements += first.size
        count = int(np.count_nonzero(different))
        if count == 0:
            return
        largest = float(np.abs(first - others).max())
        self.largest = max(self.largest, largest)
        greatest = max(float(np.abs(first).max()), float(np.finfo(np.float32).tiny))
        self.relative = max(self.relative, largest / greatest)
        if self.differences == 0:
            place = tuple(map(int, np.argwhere(different)[0]))
            self.a, self.b = float(first[place]), float(others[place])
            self.index = [images + place[0], *place[1:]]
        self.differences += count


@dataclass
class PassDifference:
    """What one pass changed."""

    name: str
    contract: str
    first: LayerDifference | None
    """The first layer that differs behind the pass; None if none does."""
    is_allowed: bool
    """Whether the pass may do that, by its contract."""


@dataclass
class Bisection:
    """What was found."""

    a: str
    b: str
    images: int
    layers: list[LayerDifference]
    """In running order, those that both sides have; what the network returns at the end."""
    passes: list[PassDifference] = field(default_factory=list[PassDifference])
    """Those between the sides, where these are stages of one artifact."""
    notes: list[str] = field(default_factory=list[str])

    @property
    def first(self) -> LayerDifference | None:
        """The first layer that differs."""
        return first_difference(self.layers)

    @property
    def is_identical(self) -> bool:
        """Whether every element is the same."""
        return self.first is None

    @property
    def first_pass(self) -> PassDifference | None:
        """The first pass behind which something differs."""
        return next((each for each in self.passes if each.first is not None), None)

    @property
    def first_broken_pass(self) -> PassDifference | None:
        """The first pass that changed what its contract does not allow: a bug of tf2c."""
        return next((each for each in self.passes if not each.is_allowed), None)


def first_difference(layers: Sequence[LayerDifference]) -> LayerDifference | None:
    """Return the first layer that differs, if any."""
    return next((each for each in layers if each.differences), None)


def bisect_sides(
    a: Side, b: Side, images: ImageSource, calibration: ImageSource | None, seed: int
) -> Bisection:
    """Compare two networks, and the passes between them where they are stages of one artifact.

    Args:
        a: a network and who runs it.
        b: another stage of it, or another executor.
        images: to run both on.
        calibration: to choose scales from, if passes of stage int8 are to run again.
        seed: of executors' self-tests.

    Raises:
        UserError: they have nothing to compare.
    """
    one, other = _opened(a, seed), _opened(b, seed)
    layers = compare(one, other, images)
    if not [each for each in layers if not each.layer.startswith((INPUT, RESULT))]:
        raise UserError(
            f"expected layers of the same names and sizes in {a} and {b}, got none",
            hint="compare stages of one network",
        )
    found = Bisection(str(a), str(b), len(images), layers)
    if a.artifact is not None and a.is_before(b):
        first = a.stage
        if calibration is None:
            pipeline = a.artifact.manifest.pipeline
            steps = STAGE_NAMES[STAGE_NAMES.index(first) : STAGE_NAMES.index(b.stage)]
            with naming(str(a.artifact.path)):
                looking = [
                    stage
                    for stage in steps
                    if any(
                        map(_looks_at_images, passes_between(pipeline, stage, _next_stage(stage)))
                    )
                ]
            if looking:
                first = _next_stage(looking[-1])
                found.notes.append(
                    "scales and weights were chosen from images that are not in the artifact, so "
                    f"passes run again from stage `{first}` on only; `--calib` gives the images"
                )
        _run_passes_again(a.artifact, first, b.stage, images, calibration, found)
    return found


def _opened(side: Side, seed: int) -> Runner:
    with naming(side.text):
        return Runner(side.module, side.executor, seed)


def _run_passes_again(
    artifact: Artifact,
    first: str,
    last: str,
    images: ImageSource,
    calibration: ImageSource | None,
    found: Bisection,
) -> None:
    """Find what each pass behind stage `first` changes, up to stage `last`."""
    context = new_context()
    context.calibration = calibration
    if first not in FLOAT_STAGES:
        context.float_network = artifact.stage(FLOAT_STAGES[-1])
    module = artifact.stage(first)
    with naming(str(artifact.path)):
        passes = passes_between(artifact.manifest.pipeline, first, last)
    before = Runner(module.clone())
    for each in passes:
        each.apply(context, module)
        module.verify()
        after = Runner(module.clone())
        found.passes.append(_pass_difference(each, compare(before, after, images)))
        before = after
    if print_module(module) != print_module(artifact.stage(last)):
        found.notes.append(
            f"stage `{last}` in the artifact is not what these passes make of stage `{first}`: it "
            "was changed, or came from other images or another version of tf2c"
        )


def _next_stage(stage: str) -> str:
    return STAGE_NAMES[STAGE_NAMES.index(stage) + 1]


def _looks_at_images(each: ModulePass) -> bool:
    return isinstance(each, CompilerPass) and each.looks_at_images


def passes_between(pipeline: Mapping[str, str], first: str, last: str) -> Sequence[ModulePass]:
    """Return the passes that lie behind a stage, up to another.

    Args:
        pipeline: of a manifest, by stage.
        first: the stage that the passes start from; not the one behind `last`.
        last: the stage that they end with.

    Raises:
        UserError: a stage's pipeline is none.
    """
    stages = STAGE_NAMES[STAGE_NAMES.index(first) + 1 : STAGE_NAMES.index(last) + 1]
    return [each for stage in stages for each in parse_passes(pipeline.get(stage, ""))]


def _pass_difference(applied: ModulePass, layers: Sequence[LayerDifference]) -> PassDifference:
    contract = applied.contract if isinstance(applied, CompilerPass) else Contract.EXACT
    first = first_difference(layers)
    if contract is Contract.APPROXIMATE:
        is_allowed = True
    elif contract is Contract.EQUIVALENT:
        # Of the network's results; what is in between may be in other units.
        results = [each for each in layers if each.layer.startswith(RESULT)]
        is_allowed = all(each.relative <= EQUIVALENT_TOLERANCE for each in results)
    else:
        is_allowed = first is None
    return PassDifference(applied.name, str(contract), first, is_allowed)


def compare(one: Runner, other: Runner, images: ImageSource) -> list[LayerDifference]:
    """Run two networks on images; return how far apart the layers are that match.

    Raises:
        UserError: what they return has not the same size.
    """
    pairs = matching_layers(one.layers, other.layers)
    found = {tensor.layer: LayerDifference(tensor.layer) for tensor, _ in pairs}
    kinds = _result_kinds(one.module), _result_kinds(other.module)
    results = [
        LayerDifference(RESULT if len(kinds[0]) == 1 else f"{RESULT} {index + 1}")
        for index in range(len(kinds[0]))
    ]
    sizes = [[prod(tensors.tensor_type(kind).get_shape()[1:]) for kind in side] for side in kinds]
    if sizes[0] != sizes[1]:
        texts = map(_extents_text, kinds)
        raise UserError(f"expected results of one size, got {' beside '.join(texts)}")
    done = 0
    for batch in images.batches(BATCH):
        own_results, own = one.captured(batch)
        others_results, others = other.captured(batch)
        for tensor, matching in pairs:
            found[tensor.layer].observe(
                real_numbers(tensor.value, own[tensor.layer]),
                real_numbers(matching.value, others[matching.layer]),
                done,
            )
        for index, result in enumerate(results):
            result.observe(
                real_numbers(kinds[0][index], own_results[index]),
                real_numbers(kinds[1][index], others_results[index]),
                done,
            )
        done += len(batch)
    return [*found.values(), *results]


def _result_kinds(module: ModuleOp) -> Sequence[Attribute]:
    return network_function(module).function_type.outputs.data


def _extents_text(kinds: Sequence[Attribute]) -> str:
    shapes = (tensors.tensor_type(kind).get_shape() for kind in kinds)
    return " and ".join(map(tensors.dimension_text, shapes))
