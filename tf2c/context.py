"""The compile-time environment of passes and parsers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from tf2c.image_source import ImageSource
from tf2c.numerics.term_mixture import Mixture

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it has been done, and of how much."""


@dataclass
class CompilerContext(Context):
    """xDSL's context, with what compiling a network needs beside its IR."""

    weights_folder: Path | None = field(default=None)
    """Where the blobs of parsed IR are."""
    calibration: ImageSource | None = field(default=None)
    """Images from which scales are chosen and weights are rounded."""
    float_network: ModuleOp | None = field(default=None)
    """What `convert-graph-to-int8` converted, for passes that round again to compare with."""

    mixture: Mixture | None = field(default=None)
    """What `choose-terms` found."""
    progress: Progress | None = field(default=None)
    """Told how far a long pass has come."""

    notes: list[str] = field(default_factory=list[str])
    """What passes found that people should know."""

    def report(self, what: str, done: int, total: int) -> None:
        """Tell whoever watches how far a pass has come."""
        if self.progress is not None:
            self.progress(what, done, total)

    def clone(self) -> "CompilerContext":
        """Return a context with its own tables and the same environment."""
        upstream = super().clone()
        return CompilerContext(
            **vars(upstream),
            weights_folder=self.weights_folder,
            calibration=self.calibration,
            float_network=self.float_network,
            mixture=self.mixture,
            progress=self.progress,
            notes=self.notes,
        )


def report_progress(context: Context, what: str, done: int, total: int) -> None:
    """Tell whoever watches how far a pass has come, if there is anybody."""
    if isinstance(context, CompilerContext):
        context.report(what, done, total)


def notes_of(context: Context) -> list[str]:
    """Return where a pass leaves what people should know; upstream's context forgets it."""
    return context.notes if isinstance(context, CompilerContext) else []
