"""Trained networks as files: `.onnx` models, and `.mlir` files of stage `graph`."""

from collections.abc import Sequence
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from tf2c.dialects.layers import layer_name
from tf2c.errors import UserError, naming
from tf2c.frontends.onnx import load_onnx
from tf2c.ir_files import IR_SUFFIX, read_module
from tf2c.passes import STAGES
from tf2c.passes.pipeline import LEGAL_EVERYWHERE
from tf2c.passes.rewriting import network_input

MODEL_SUFFIXES = (".onnx", IR_SUFFIX)
"""By which models are told from artifacts."""


def load_model(path: str | Path, outputs: Sequence[str] = ()) -> ModuleOp:
    """Read a trained network, in whichever of the forms its suffix says.

    Args:
        path: an .onnx model, or an .mlir file of stage `graph` with its blobs beside it, such as
            `tf2c retrain` writes.
        outputs: where to cut an .onnx model; names of tensors or layers.

    Returns:
        a verified module of `graph` and `layout`.

    Raises:
        UserError: the file cannot be read, is of another stage, or has a layer that is not
            supported.
    """
    path = Path(path)
    if path.suffix != IR_SUFFIX:
        return load_onnx(path, outputs)
    if outputs:
        raise UserError(
            f"{path}: expected an .onnx model to cut at {', '.join(outputs)}, got IR",
            hint="leave out `--outputs`: IR has been cut when it was made",
        )
    module = read_module(path)
    with naming(str(path)):
        _expect_float(module)
        network_input(module)  # raises where it is no network
    return module


def _expect_float(module: ModuleOp) -> None:
    """Raise unless a module is in floating point, as stage `graph` takes and leaves it."""
    stage = STAGES[0]
    for op in module.walk():
        if op.name.split(".")[0] not in stage.legal_dialects | LEGAL_EVERYWHERE:
            raise UserError(
                f"layer `{layer_name(op)}`: expected IR of stage `{stage.name}`, got `{op.name}`",
                hint=f"an artifact keeps it in ir/{stage.name}{IR_SUFFIX}",
            )
