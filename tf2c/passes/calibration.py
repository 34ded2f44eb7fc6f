"""Where passes that look at activations get their images from."""

from pathlib import Path

from xdsl.context import Context

from tf2c.context import CompilerContext
from tf2c.errors import UserError
from tf2c.image_source import ImageSource, load_array_images


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
