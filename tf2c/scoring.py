"""Who can compute the class scores of a network, by the names that `tf2c eval --executor` takes.

- `float`: the network before rounding.
- `numpy`, `onnxruntime`, `openvino`: the integers of the last stage before the engine.
- `simulator`: the compiled program, exactly as the engine runs it.
- `emulator`: the generated OpenCL, on Intel's FPGA emulator.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from tf2c.capture import Array, Runner
from tf2c.choices import FLOAT_STAGES, STAGE_NAMES
from tf2c.compiled import Artifact
from tf2c.compiler import MEASURED_STAGES
from tf2c.errors import UserError
from tf2c.executors import ENGINES
from tf2c.executors.executor import Assignment
from tf2c.passes.check import real_result
from tf2c.runtime.devices import EMULATOR, SIMULATOR
from tf2c.runtime.session import Session
from tf2c.trace import Trace

FLOAT = MEASURED_STAGES[STAGE_NAMES[0]]

DEVICES = (SIMULATOR, EMULATOR)

EXECUTORS = (FLOAT, *ENGINES, *DEVICES)

EXECUTED_STAGES = ("shift", "int8")
"""What the engines of `ENGINES` run: the first of these that an artifact has."""

DEFAULT_ENGINE = next(iter(ENGINES))

Images = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]


class Scorer:
    """A network made ready, at the stages that are needed, for one batch after the other."""

    def __init__(
        self, stages: Mapping[str, Runner], own: str, session: Session | None, trace: Trace | None
    ) -> None:
        """Take the stages to run.

        Args:
            stages: by what people call them, `float` among them.
            own: the stage whose scores count.
            session: computes the scores instead, where it is a device that does.
            trace: of these stages, to be continued with every batch.
        """
        self._stages = stages
        self._own = own
        self._session = session
        self._trace = trace
        self._results: dict[str, Sequence[Array]] = {}

    @property
    def assignments(self) -> Sequence[Assignment]:
        """Who does each step, where an engine shares them with others."""
        return () if self._session is not None else self._stages[self._own].assignments

    def scores(self, images: Images) -> Scores:
        """Run the network on a batch; return `[N, classes]`."""
        self._results = {} if self._trace is None else self._trace.observe(images)
        self._results.pop(FLOAT, None)  # of the prepared network
        if self._session is not None:
            return self._session.run(images).values.reshape(len(images), -1)
        return self._scores(self._own, images)

    def reference(self, images: Images) -> Scores:
        """Return the float network's scores of the batch that `scores` has run on."""
        return self._scores(FLOAT, images)

    def _scores(self, name: str, images: Images) -> Scores:
        stage = self._stages[name]
        if name not in self._results:
            self._results[name] = stage.run(images)
        (result,) = self._results[name]
        return real_result(stage.module, result).reshape(len(images), -1)


@contextmanager
def open_scorer(
    artifact: Artifact | None, graph: ModuleOp, executor: str, trace: bool = False, seed: int = 0
) -> Generator[tuple[Scorer, Trace | None]]:
    """Prepare a network for a while.

    Args:
        artifact: the network; None for a model.
        graph: the network in floating point.
        executor: one of `EXECUTORS`.
        trace: compare all stages layer by layer, too.
        seed: of self-tests.

    Raises:
        UserError: the network has not got so far, or the executor is not installed.
        ExecutorMismatchError: the executor computes other integers than the interpreter.
    """
    stages = {FLOAT: Runner(graph)}
    own = FLOAT
    if artifact is not None and (trace or executor in ENGINES):
        last = executed_stage(artifact, "a trace" if trace else f"executor `{executor}`")
        first = len(FLOAT_STAGES) if trace else STAGE_NAMES.index(last)
        for stage in STAGE_NAMES[first : STAGE_NAMES.index(last) + 1]:
            engine = executor if executor in ENGINES else DEFAULT_ENGINE
            stages[MEASURED_STAGES[stage]] = Runner(artifact.stage(stage), engine, seed)
        own = MEASURED_STAGES[last] if executor in ENGINES else FLOAT
    traced = None
    if trace:
        # Layers are compared in the units that they are stored in.
        prepared = graph if artifact is None else artifact.stage(FLOAT_STAGES[-1])
        traced = Trace({**stages, FLOAT: Runner(prepared)})
    if artifact is None or executor not in DEVICES:
        yield Scorer(stages, own, None, traced), traced
        return
    with artifact.opened(executor) as device:
        yield Scorer(stages, own, artifact.session(device), traced), traced


def default_executor(artifact: Artifact | None) -> str:
    """Return the executor of a model (None), or of an artifact."""
    is_float = artifact is None or artifact.stages == STAGE_NAMES[:1]
    return FLOAT if is_float else DEFAULT_ENGINE


def executed_stage(artifact: Artifact, what: str) -> str:
    """Return the last stage of an artifact before the engine, below float.

    Raises:
        UserError: it stops before, which `what` needs.
    """
    for stage in EXECUTED_STAGES:
        if stage in artifact.stages:
            return stage
    raise UserError(
        f"{artifact.path}: {what} needs stage `int8`, got an artifact that stops at stage "
        f"`{artifact.manifest.stage}`",
        hint="compile it further: `--to int8`, or without `--to`",
    )


def assignment_facts(assignments: Sequence[Assignment], executor: str) -> dict[str, Any]:
    """Return how many steps an executor runs, and which others do for what reason, for JSON."""
    others = [asdict(each) for each in assignments if each.executor != executor]
    return {
        "steps": len(assignments),
        "run": len(assignments) - len(others),
        "others": others,
    }
