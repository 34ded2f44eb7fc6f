"""What `tf2c bisect` compares: `ARTIFACT[:STAGE][@EXECUTOR]` or `FILE.mlir[@EXECUTOR]`.

Without a stage it is the last one that the executor runs, without an executor the interpreters.
A path that has a `:` or an `@` itself is taken as it is where it exists.
"""

from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from tf2c.capture import INTERPRETER, RUNNERS
from tf2c.choices import STAGE_NAMES
from tf2c.compiled import Artifact, load
from tf2c.errors import UserError, naming
from tf2c.frontends.preprocessing import DEFAULT_PREPROCESSING, Preprocessing
from tf2c.ir_files import IR_SUFFIX, read_module
from tf2c.passes.rewriting import network_input
from tf2c.scoring import executed_stage

FORM = "ARTIFACT[:STAGE][@EXECUTOR] or FILE.mlir[@EXECUTOR]"


@dataclass(frozen=True)
class Side:
    """A network at some stage, and who is to run it."""

    text: str
    module: ModuleOp
    executor: str
    artifact: Artifact | None = None
    """None for an IR file."""
    stage: str = ""
    """Of the artifact."""

    def __str__(self) -> str:
        """Return the text, with what it leaves open."""
        where = self.text if self.artifact is None else f"{self.artifact.path}:{self.stage}"
        return f"{where}@{self.executor}"

    @property
    def preprocessing(self) -> Preprocessing:
        """How image files become inputs."""
        return DEFAULT_PREPROCESSING if self.artifact is None else self.artifact.preprocessing

    def is_before(self, other: "Side") -> bool:
        """Whether both are stages of one artifact, and the other's comes later."""
        if self.artifact is None or other.artifact is None:
            return False
        is_one = self.artifact.path.resolve() == other.artifact.path.resolve()
        return is_one and STAGE_NAMES.index(self.stage) < STAGE_NAMES.index(other.stage)


def open_side(text: str) -> Side:
    """Read what one side's text names.

    Raises:
        UserError: not of the form, or there is no such thing.
    """
    place, executor = _split(text, "@")
    executor = INTERPRETER if executor is None else executor
    if executor not in RUNNERS:
        raise UserError(
            f"`{text}`: expected an executor of {', '.join(RUNNERS)}, got `{executor}`",
            hint=f"the form is {FORM}",
        )
    path, stage = _split(place, ":")
    if Path(path).suffix == IR_SUFFIX:
        if stage is not None:
            raise UserError(f"`{text}`: expected no stage of an IR file, got `{stage}`")
        module = read_module(Path(path))
        with naming(path):
            network_input(module)  # raises where it is no network
        return Side(path, module, executor)
    if stage is not None and stage not in STAGE_NAMES:
        raise UserError(
            f"`{text}`: expected a stage of {', '.join(STAGE_NAMES)}, got `{stage}`",
            hint=f"the form is {FORM}",
        )
    artifact = load(Path(path))
    if stage is None:
        stage = artifact.stages[-1]
        if executor != INTERPRETER:
            stage = executed_stage(artifact, f"executor `{executor}`")
    return Side(path, artifact.stage(stage), executor, artifact, stage)


def _split(text: str, mark: str) -> tuple[str, str | None]:
    before, found, behind = text.rpartition(mark)
    if not found or Path(text).exists():
        return text, None
    return before, behind
