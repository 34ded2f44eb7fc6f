"""ONNX model to `graph`, or a list of what stands in the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xdsl.dialects.builtin import ModuleOp

from tf2c.frontends.onnx.file import OPSETS
from tf2c.frontends.onnx.importer import Importer
from tf2c.frontends.onnx.node import DependsOnRefusedLayerError, Layer, LayerRefusedError

__all__ = ["OPSETS", "Finding", "Survey", "Verdict", "load_onnx", "survey_onnx"]

Verdict = Literal["imported", "folded", "refused", "unknown"]
"""`folded` layers vanish at import: constants, shape arithmetic, what does nothing at inference.

`unknown` are layers that would be imported but for an input of unknown shape.
"""


@dataclass(frozen=True)
class Finding:
    """What becomes of a layer."""

    layer: str
    op_type: str
    verdict: Verdict
    reason: str | None = None
    """Why it is refused, or which refused layer it depends on."""
    remedy: str | None = None


@dataclass(frozen=True)
class Survey:
    """What becomes of all layers of a model."""

    module: ModuleOp | None
    """The network, unless a layer is refused."""
    findings: tuple[Finding, ...]
    """One per layer that the outputs need, in the model's order."""


def load_onnx(path: str | Path, outputs: Sequence[str] = ()) -> ModuleOp:
    """Read an ONNX model into `graph` and `layout`.

    Args:
        path: the `.onnx` file.
        outputs: where the network ends: names of tensors, or of layers with one output. Only what
            they need is imported, so post-processing can be left out. The model's own outputs by
            default.

    Returns:
        a verified module with one function, whose ops carry the layer names as locations, and
        which returns the outputs in their order.

    Raises:
        UserError: the file cannot be read, or a layer is not supported.
    """
    importer = Importer(Path(path), outputs)
    for layer in importer.layers():
        importer.convert(layer)
    return importer.finish()


def survey_onnx(path: str | Path, outputs: Sequence[str] = ()) -> Survey:
    """Look at every layer of an ONNX model, also behind those that cannot be imported.

    Args:
        path: the `.onnx` file.
        outputs: where the network ends, as for `load_onnx`.

    Returns:
        the findings, and what `load_onnx` returns if it returns.

    Raises:
        UserError: what stands in the way is not a single layer, but the file, input or outputs.
    """
    importer = Importer(Path(path), outputs)
    findings = tuple(_find(importer, layer) for layer in importer.layers())
    stopped = any(finding.verdict in ("refused", "unknown") for finding in findings)
    return Survey(None if stopped else importer.finish(), findings)


def _find(importer: Importer, layer: Layer) -> Finding:
    try:
        importer.convert(layer)
    except LayerRefusedError as refusal:
        importer.replace(layer, layer.name)
        return Finding(layer.name, layer.op_type, "refused", refusal.reason, refusal.hint)
    except DependsOnRefusedLayerError as unknown:
        importer.replace(layer, unknown.layer)
        return Finding(layer.name, layer.op_type, "unknown", str(unknown))
    return Finding(layer.name, layer.op_type, "folded" if layer.is_empty else "imported")
