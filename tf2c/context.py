"""The compile-time environment of passes and parsers."""

from dataclasses import dataclass, field
from pathlib import Path

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from tf2c.image_source import ImageSource


@dataclass
class CompilerContext(Context):
    """xDSL's context, with what compiling a network needs beside its IR."""

    weights_folder: Path | None = field(default=None)
    """Where the blobs of parsed IR are."""
    calibration: ImageSource | None = field(default=None)
    """Images from which scales are chosen and weights are rounded."""
    float_network: ModuleOp | None = field(default=None)
    """What `convert-graph-to-int8` converted, for passes that round again to compare with."""

    notes: list[str] = field(default_factory=list[str])
    """What passes found that people should know."""

    def clone(self) -> "CompilerContext":
        """Return a context with its own tables and the same environment."""
        upstream = super().clone()
        return CompilerContext(
            **vars(upstream),
            weights_folder=self.weights_folder,
            calibration=self.calibration,
            float_network=self.float_network,
            notes=self.notes,
        )


def notes_of(context: Context) -> list[str]:
    """Return where a pass leaves what people should know; upstream's context forgets it."""
    return context.notes if isinstance(context, CompilerContext) else []
