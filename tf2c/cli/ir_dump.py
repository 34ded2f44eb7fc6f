"""`--dump-ir DIR`: the IR after every pass, numbered, blobs beside it."""

from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from tf2c.dialects.blob import SIDECAR_FOLDER, saved_blobs
from tf2c.errors import UserError
from tf2c.ir_files import print_module


class IrDump:
    """A folder that fills up as passes run."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            UserError: it cannot be made.
        """
        self._folder = folder
        self._count = 0
        try:
            (folder / SIDECAR_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{folder}: cannot be written: {error.strerror}") from error

    def write(self, pass_name: str, module: ModuleOp) -> None:
        """Write the module as a pass left it, such as `02-fuse-residual-add.mlir`."""
        self._count += 1
        path = self._folder / f"{self._count:02d}-{pass_name}.mlir"
        path.write_text(print_module(module))
        for name, contents in saved_blobs(module):
            (self._folder / SIDECAR_FOLDER / name).write_bytes(contents)
