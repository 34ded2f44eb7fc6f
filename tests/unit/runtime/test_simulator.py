"""The simulator of emitted programs against the interpreter of `dataflow`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from unit.onnx_models import classifier_model, random_weights, save_model
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation

import tf2c
from tf2c.dialects import dataflow
from tf2c.dialects.layers import layer_name
from tf2c.interpreters import run
from tf2c.ir_files import read_module
from tf2c.job_table import traced_vectors
from tf2c.program import Program
from tf2c.runtime.device import Memories
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator


def memories_of(frames: int) -> Memories:
    return Memories(
        images=1,
        memory=np.zeros((frames, 2, 1), np.int8),
        output=np.zeros((frames, 4), np.int32),
        trace=np.zeros((frames, 3, 1), np.int8),
    )


class JobRecorder(Interpreter.Listener):
    """Keeps what each job stores."""

    def __init__(self) -> None:
        self.results: list[tuple[dataflow.JobOp, npt.NDArray[Any]]] = []

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        if isinstance(op, dataflow.JobOp):
            self.results.append((op, results[0]))
        if isinstance(op, dataflow.AverageOp):
            job, _ = self.results.pop()
            assert job.output is op.input
            self.results.append((job, results[0]))


class RecordingSimulator(Simulator):
    """Keeps the memories that it has executed on."""

    memories: Memories

    def execute(self, memories: Memories) -> dict[str, int]:
        self.memories = memories
        return super().execute(memories)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> tf2c.Artifact:
    """A network unlike the bundled one."""
    folder = tmp_path_factory.mktemp("classifier")
    model = save_model(folder / "net.onnx", classifier_model())
    return tf2c.compile(model, calib="random:8", output=folder / "net.tf2c")


def program_of(artifact: tf2c.Artifact) -> tuple[Program, bytes]:
    return (
        Program.from_bytes((artifact.path / "program.bin").read_bytes()),
        (artifact.path / "weights.bin").read_bytes(),
    )


def stored_by_rows(program: Program, memories: Memories) -> Iterator[npt.NDArray[np.integer[Any]]]:
    """What each row of the job table has stored, with the lanes that pad its channels."""
    traced = 0
    for job in program.jobs:
        channels = job.output_groups * program.engine.channel_vector
        extents = (channels, job.output_height, job.output_width)
        if job.returned:
            dense = memories.output
        else:
            vectors = traced_vectors(job)
            dense = memories.trace[:, traced : traced + vectors].reshape(len(memories.trace), -1)
            traced += vectors
        yield program.engine.load_features(dense, *extents)
    assert traced == program.trace_vectors


def assert_jobs_agree(program: Program, memories: Memories, recorder: JobRecorder) -> None:
    """Compare every element of every job with the interpreter's."""
    rows = stored_by_rows(program, memories)
    assert recorder.results
    for op, expected in recorder.results:
        found = np.concatenate([next(rows) for _ in op.shares(program.engine)], axis=1)
        channels = expected.shape[1]
        image = expected.reshape(len(expected), channels, *found.shape[2:])
        np.testing.assert_array_equal(found[:, :channels], image, layer_name(op))
    assert next(rows, None) is None


def assert_every_job_agrees(artifact: tf2c.Artifact, images: npt.NDArray[np.float32]) -> None:
    program, weights = program_of(artifact)
    simulator, recorder = RecordingSimulator(), JobRecorder()
    other = Session(Simulator(), program, weights)
    Session(simulator, program, weights).compare(other, images)
    run(read_module(artifact.path / "ir" / "dataflow.mlir"), images, recorder)
    assert_jobs_agree(program, simulator.memories, recorder)


def test_every_result_on_digits_equals_the_interpreters(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    interpreted = run(read_module(digits_artifact.path / "ir" / "dataflow.mlir"), heldout_images)
    stored = digits_artifact.execute(heldout_images).stored
    assert stored.dtype == interpreted.dtype
    np.testing.assert_array_equal(stored, interpreted)


def test_every_job_on_digits_equals_the_interpreters(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    assert_every_job_agrees(digits_artifact, heldout_images[:8])


def test_every_job_of_another_network_equals_the_interpreters(classifier: tf2c.Artifact) -> None:
    assert_every_job_agrees(classifier, random_weights(5, 4, 3, 11, 10))


def test_every_stage_from_shift_on_agrees(classifier: tf2c.Artifact) -> None:
    images = random_weights(5, 4, 3, 11, 10)
    results = [
        run(read_module(classifier.path / "ir" / f"{stage}.mlir"), images)
        for stage in ("shift", "dataflow")
    ]
    np.testing.assert_array_equal(results[0], results[1])


def test_executing_without_a_program_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="expected a loaded program"):
        Simulator().execute(memories_of(1))


def test_a_closed_simulator_has_no_program(digits_artifact: tf2c.Artifact) -> None:
    program, weights = program_of(digits_artifact)
    simulator = Simulator()
    simulator.load(program, weights)
    simulator.close()
    with pytest.raises(RuntimeError, match="expected a loaded program"):
        simulator.execute(Memories.for_frames(program, 1, 1, traced=False))


def test_the_batch_changes_no_result(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    together = digits_artifact.run(heldout_images)
    alone = [digits_artifact.run(image[None])[0] for image in heldout_images]
    np.testing.assert_array_equal(together, np.stack(alone))


@pytest.mark.parametrize("job", [0, 1, 2, 3])
def test_every_weight_byte_of_a_used_lane_matters(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32], job: int
) -> None:
    program, weights = program_of(digits_artifact)
    changed = bytearray(weights)
    changed[program.jobs[job].weight_offset * program.engine.weight_word_bytes] ^= 0b1011
    results = [
        Session(Simulator(), program, bytes(each)).run(heldout_images).stored
        for each in (weights, changed)
    ]
    assert (results[0] != results[1]).any()


def test_memories_count_every_difference() -> None:
    ours, theirs = memories_of(2), memories_of(2)
    theirs.trace[1, 2, 0] = 1
    theirs.output[:, 0] = -1
    theirs.memory[0, 0] = 1  # what the host and spilled tensors leave there is nobody's result
    assert (ours.elements(), ours.differences(theirs)) == (2 * 3 + 2 * 4, 3)


def test_opening_an_unknown_device_is_refused(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32], tmp_path: Path
) -> None:
    with pytest.raises(tf2c.UserError, match="expected a device, got `gpu`"):
        digits_artifact.run(heldout_images, device="gpu")
