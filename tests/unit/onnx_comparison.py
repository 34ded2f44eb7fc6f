"""Imported ONNX models against ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from unit.onnx_models import IMAGE, random_weights
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation

from tf2c.dialects import graph
from tf2c.frontends.onnx import load_onnx
from tf2c.interpreters import run_all

TOLERANCE = 1e-5
"""Relative to the largest result: float sums may be in another order."""

Arrays = tuple[npt.NDArray[np.float32], ...]


def run_onnxruntime(
    path: Path, images: npt.NDArray[np.float32], outputs: Sequence[str] = ()
) -> Arrays:
    """Return a model's outputs, or other tensors of it."""
    model: Any = path
    if outputs:
        loaded = onnx.load_model(path)  # pyright: ignore[reportUnknownMemberType]
        del loaded.graph.output[:]
        loaded.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
        model = loaded.SerializeToString()
    runtime: Any = ort
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    if entry.shape[0] == 1:
        # A model for one image is asked image by image.
        each = [session.run(None, {entry.name: image[None]}) for image in images]
        return tuple(np.concatenate(parts) for parts in zip(*each, strict=True))
    return tuple(cast(list[npt.NDArray[np.float32]], session.run(None, {entry.name: images})))


def relative_error(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """Return the largest difference, relative to the largest expected number."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == np.float32
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))


def relative_errors(
    path: Path, images: npt.NDArray[np.float32], outputs: Sequence[str] = ()
) -> list[float]:
    """Return `relative_error` of each output of a network."""
    expected = run_onnxruntime(path, images, outputs)
    found = run_all(load_onnx(path, outputs), images)
    return [relative_error(*pair) for pair in zip(found, expected, strict=True)]


def assert_equals_onnxruntime(
    path: Path,
    extents: tuple[int, ...] = IMAGE,
    images: npt.NDArray[np.float32] | None = None,
    outputs: Sequence[str] = (),
) -> None:
    """Compare every element of every output."""
    images = random_weights(7, 3, *extents) if images is None else images
    assert max(relative_errors(path, images, outputs)) <= TOLERANCE


def operations(module: ModuleOp) -> list[Operation]:
    """Return a network's ops, without constants and the return."""
    (function,) = (op for op in module.ops if isinstance(op, FuncOp))
    return [op for op in function.body.block.ops if not isinstance(op, graph.ConstantOp | ReturnOp)]
