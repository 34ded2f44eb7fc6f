"""What would become of each layer of a model: `tf2c check`.

Imports tolerantly, then lets the passes answer: the layer names that ops carry through every
lowering say which layers still compute at the end and which have joined others. Scales are chosen
from one random image, because which ops are left does not depend on them.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp

from tf2c.analysis.support import refused_below_graph, refused_on_engine
from tf2c.choices import DEFAULT_CHOICES, DEFAULT_ENGINE, Choices, stage_passes
from tf2c.dialects import dataflow, graph, int8, layout, shift, tensors
from tf2c.dialects.layers import layer_name
from tf2c.engine import Engine
from tf2c.errors import LayerError, UserError
from tf2c.frontends.onnx import Finding, survey_onnx
from tf2c.image_source import ArrayImages
from tf2c.ir_files import IR_SUFFIX, new_context
from tf2c.models import load_model
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline
from tf2c.passes.rewriting import network_function, network_input

ENGINE_STAGE = STAGES[-1].name
IMPORT = "import"

_NO_LAYERS = (graph.ConstantOp, ReturnOp)
"""Of IR of stage `graph`."""

_SILENT = (graph.ConstantOp, int8.ConstantOp, shift.ConstantOp, dataflow.EngineOp)
"""Ops that only hold numbers for the layer they are named after."""


_JOINS = "joins a neighboring layer"


@dataclass(frozen=True)
class LayerReport:
    """What would become of one layer."""

    layer: str
    op_type: str
    """In ONNX's words, or the op of an IR file."""
    verdict: str
    """`runs`, `folded`, `refused`, or `unknown` behind a refused layer whose shape is unknown."""
    runs_as: tuple[str, ...] = ()
    """The ops that it is at the last stage, where it runs."""
    reason: str | None = None
    remedy: str | None = None


@dataclass(frozen=True)
class Survey:
    """What would become of a model."""

    stage: str
    """How far it was lowered to find out: a stage, or `import` if not all of it was imported."""
    layers: tuple[LayerReport, ...]
    refusal: tuple[str, str | None] | None
    """Reason and remedy where the network is refused, but no layer by itself."""

    @property
    def is_supported(self) -> bool:
        """Whether the network compiles."""
        verdicts = {each.verdict for each in self.layers}
        return self.refusal is None and not verdicts & {"refused", "unknown"}


def survey_model(
    path: Path,
    *,
    outputs: tuple[str, ...] = (),
    to: str | None = None,
    choices: Choices = DEFAULT_CHOICES,
    engine: Engine = DEFAULT_ENGINE,
) -> Survey:
    """Say of every layer of a model whether it runs, joins another one, or is refused, and why.

    Args:
        path: a model, as `load_model` takes it.
        outputs: where to cut the network; at its own outputs by default.
        to: the last stage to look at; by default as far as the choices go.
        choices: about the network's arithmetic.
        engine: the sizes of the engine to compile for.

    Raises:
        UserError: the file cannot be read.
    """
    last = choices.last_stage(to)
    module, reports = _imported(path, outputs)
    if module is None:
        return Survey(IMPORT, tuple(reports), None)
    lowering = _Lowering(module, choices, engine)
    lowering.run(last)
    refused = {error.layer: error for error in lowering.refusals if isinstance(error, LayerError)}
    refusal = None
    for error in lowering.refusals:
        if not isinstance(error, LayerError):
            refusal = (str(error), error.hint)
    runs_as = lowering.ops_by_layer()
    final = tuple(_final_report(report, refused, runs_as, lowering.notes) for report in reports)
    return Survey(lowering.stage, final, refusal)


def _imported(path: Path, outputs: tuple[str, ...]) -> tuple[ModuleOp | None, list[LayerReport]]:
    """Return the network, unless a layer is refused, and its layers; all of IR are imported."""
    if path.suffix != IR_SUFFIX:
        found = survey_onnx(path, outputs)
        return found.module, [_imported_report(finding) for finding in found.findings]
    module = load_model(path, outputs)
    ops = [op for op in network_function(module).body.block.ops if not isinstance(op, _NO_LAYERS)]
    # Some layers are several ops.
    by_name = {layer_name(op): LayerReport(layer_name(op), op.name, "runs") for op in ops}
    return module, list(by_name.values())


def _imported_report(finding: Finding) -> LayerReport:
    verdict = {"imported": "runs"}.get(finding.verdict, finding.verdict)
    # How it would run is not known before everything else is imported.
    reason = "imported" if finding.verdict == "imported" else finding.reason
    return LayerReport(
        finding.layer, finding.op_type, verdict, reason=reason, remedy=finding.remedy
    )


def _final_report(
    report: LayerReport,
    refused: dict[str, LayerError],
    runs_as: dict[str, tuple[str, ...]],
    notes: list[str],
) -> LayerReport:
    if report.verdict != "runs":
        return report
    if report.layer in refused:
        error = refused[report.layer]
        return replace(report, verdict="refused", reason=error.reason, remedy=error.hint)
    if report.layer in runs_as:
        return replace(report, runs_as=runs_as[report.layer], reason=None)
    own = f"layer `{report.layer}`: "
    reasons = [note.removeprefix(own) for note in notes if note.startswith(own)]
    return replace(report, verdict="folded", reason="; ".join(reasons) or _JOINS)


class _Lowering:
    """A network on its way down, as far as it goes."""

    def __init__(self, module: ModuleOp, choices: Choices, engine: Engine) -> None:
        self._module = module
        self._choices = choices
        self._engine = engine
        self.refusals: list[UserError] = []
        self.stage = "graph"
        self.notes: list[str] = []

    def run(self, last: str) -> None:
        """Lower until `last`, or until something is refused; then find out what else would be."""
        context = new_context()
        self.notes = context.notes
        extents = tensors.extents(network_input(self._module))
        image = np.random.default_rng(0).normal(size=(1, *extents)).astype(np.float32)
        context.calibration = ArrayImages(image)
        for stage in STAGES:
            self._refuse(stage.name)
            if self.refusals:
                return
            try:
                passes = stage_passes(stage, self._engine, self._choices)
                PassPipeline(passes).run(self._module, context=context)
            except UserError as error:
                self.refusals.append(error)
                return
            self.stage = stage.name
            if stage.name == last:
                return

    def _refuse(self, stage: str) -> None:
        """Ask for every op, before a stage that would stop at the first it cannot do."""
        asking = {"prepare": refused_below_graph, ENGINE_STAGE: refused_on_engine}.get(stage)
        if asking is not None:
            answers = map(asking, network_function(self._module).body.block.ops)
            self.refusals += [answer for answer in answers if answer is not None]

    def ops_by_layer(self) -> dict[str, tuple[str, ...]]:
        """Return the ops that each layer is now, by its name."""
        found: dict[str, list[str]] = {}
        for op in network_function(self._module).body.block.ops:
            if isinstance(op, _SILENT) or (
                self.stage == ENGINE_STAGE and isinstance(op, layout.ReshapeOp)
            ):
                continue
            names = found.setdefault(layer_name(op), [])
            if op.name not in names:
                names.append(op.name)
        return {layer: tuple(names) for layer, names in found.items()}
