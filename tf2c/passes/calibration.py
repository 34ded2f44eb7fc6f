"""Where passes that look at activations get their images from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation

from tf2c.analysis.support import refused_below_graph
from tf2c.context import CompilerContext
from tf2c.dialects.layers import layer_name
from tf2c.errors import LayerError, UserError
from tf2c.image_source import ImageSource, load_array_images
from tf2c.interpreters import run_all
from tf2c.passes.rewriting import network_function

BATCH = 8
"""Images per run: bounds the memory that activations take."""


def run_on_images(
    module: ModuleOp, images: ImageSource, observe: Callable[[Operation, PythonValues], None]
) -> None:
    """Run a float network on all images, in batches.

    Args:
        module: of stage `graph`.
        images: to run it on.
        observe: told every op's results.

    Raises:
        LayerError: a layer has no form below `graph`, or a result is not finite.
    """
    for op in network_function(module).body.block.ops:
        refusal = refused_below_graph(op)
        if refusal is not None:
            raise refusal
    for batch in images.batches(BATCH):
        # Overflow is refused by the listener, by the layer that overflows.
        with np.errstate(over="ignore", invalid="ignore"):
            run_all(module, batch, listener=_Listener(observe))


class _Listener(Interpreter.Listener):
    """Passes finite results on."""

    def __init__(self, observe: Callable[[Operation, PythonValues], None]) -> None:
        self._observe = observe

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        for values in results:
            if not np.isfinite(values).all():
                raise LayerError(
                    layer_name(op),
                    "expected finite activations on the calibration images, got NaN or infinity",
                    "check the images and their preprocessing",
                )
        self._observe(op, results)


def calibration_images(ctx: Context, path: str | None, extents: tuple[int, ...]) -> ImageSource:
    """Return the images of the option or of the context.

    Raises:
        UserError: there are none, or not of the network's shape and kind.
    """
    if path is not None:
        return load_array_images(Path(path), extents)
    if isinstance(ctx, CompilerContext) and ctx.calibration is not None:
        return ctx.calibration
    raise UserError(
        "expected calibration images, got none",
        hint="give `images=FILE.npy` to the pass, or `--calib` to `tf2c compile`",
    )
