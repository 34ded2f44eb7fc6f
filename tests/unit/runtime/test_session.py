"""Images in, numbers out: what a session refuses, and what it returns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import helper
from unit.onnx_models import build_model, random_weights, save_model

import tf2c
from tf2c.errors import UserError
from tf2c.image_source import ArrayImages
from tf2c.numerics import fixed_point
from tf2c.program import Program
from tf2c.runtime.device import Memories
from tf2c.runtime.session import IMAGES_AT_ONCE, Session
from tf2c.runtime.simulator import Simulator


@pytest.fixture
def session(digits_artifact: tf2c.Artifact) -> Session:
    """The bundled network on the simulator."""
    return digits_artifact.session(Simulator())


def refused_image(kind: str, value: float) -> npt.NDArray[Any]:
    image = np.zeros((1, 1, 8, 8), kind)
    image[0, 0, 3, 4] = value
    return image


@pytest.mark.parametrize(
    "shape",
    [(1, 8, 8), (8, 8), (), (2, 1, 8, 9), (2, 1, 9, 8), (2, 3, 8, 8), (1, 1, 1, 8, 8), (1, 64)],
    ids=str,
)
def test_images_of_another_shape_are_refused(session: Session, shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="expected images of shape Nx1x8x8, got"):
        session.run(np.zeros(shape, np.float32))


def test_a_refused_shape_is_named(session: Session) -> None:
    with pytest.raises(UserError, match=r"got 2x3x8x8$"):
        session.run(np.zeros((2, 3, 8, 8), np.float32))


def test_no_images_are_refused(session: Session) -> None:
    with pytest.raises(UserError, match=r"got 0x1x8x8$"):
        session.run(np.zeros((0, 1, 8, 8), np.float32))


@pytest.mark.parametrize("kind", ["u1", "i1", "i8", "?", "c8"])
def test_images_of_other_than_real_numbers_are_refused(session: Session, kind: str) -> None:
    with pytest.raises(UserError, match="expected images of real numbers, got"):
        session.run(refused_image(kind, 1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_images_that_are_not_finite_are_refused(session: Session, value: float) -> None:
    with pytest.raises(UserError, match="expected finite images"):
        session.run(refused_image("f4", value))


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_real_numbers_of_any_precision_are_accepted(session: Session, kind: str) -> None:
    image = np.random.default_rng(0).random((1, 1, 8, 8)).astype(np.float16)
    expected = session.run(image.astype(np.float32)).stored
    assert session.run(image.astype(kind)).stored.tolist() == expected.tolist()


def test_values_are_what_the_stored_integers_stand_for(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    program = Program.from_bytes((digits_artifact.path / "program.bin").read_bytes())
    result = digits_artifact.execute(heldout_images)
    expected = fixed_point.dequantize(result.stored, program.output_exponents)
    np.testing.assert_array_equal(result.values, expected)
    assert result.values.dtype == np.float64


def test_the_simulator_counts_no_iterations(
    session: Session, heldout_images: npt.NDArray[np.float32]
) -> None:
    assert session.run(heldout_images).iterations == {}


def test_progress_counts_every_image(
    session: Session, heldout_images: npt.NDArray[np.float32]
) -> None:
    counts: list[int] = []
    session.run(heldout_images, counts.append)
    assert counts == [IMAGES_AT_ONCE, len(heldout_images) - IMAGES_AT_ONCE]


def test_images_may_come_in_batches(
    session: Session, heldout_images: npt.NDArray[np.float32]
) -> None:
    counts: list[int] = []
    result = session.run(ArrayImages(heldout_images), counts.append)
    np.testing.assert_array_equal(result.stored, session.run(heldout_images).stored)
    assert counts == [IMAGES_AT_ONCE, len(heldout_images) - IMAGES_AT_ONCE]


def test_batches_of_another_shape_are_refused(session: Session) -> None:
    with pytest.raises(UserError, match="expected images of shape Nx1x8x8, got 2x1x8x9"):
        session.run(ArrayImages(np.zeros((2, 1, 8, 9))))


def test_a_batch_is_not_read_before_the_last_one_has_run(session: Session) -> None:
    events: list[str] = []

    class Images(ArrayImages):
        def batches(self, size: int) -> Iterator[npt.NDArray[np.float32]]:
            for batch in super().batches(size):
                events.append("read")
                yield batch

    session.run(
        Images(np.ones((IMAGES_AT_ONCE + 1, 1, 8, 8))), lambda count: events.append(f"ran {count}")
    )
    assert events == ["read", f"ran {IMAGES_AT_ONCE}", "read", "ran 1"]


class OtherSimulator(Simulator):
    """A device that is not called the simulator, but is as right."""

    name = "other"


def test_the_simulator_is_not_compared_with_itself(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    for device in ("simulator", Simulator()):
        with pytest.raises(tf2c.UserError, match="got the simulator"):
            digits_artifact.compare(heldout_images, device)


def test_comparing_covers_every_stored_element(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    program = Program.from_bytes((digits_artifact.path / "program.bin").read_bytes())
    comparison = digits_artifact.compare(heldout_images, OtherSimulator())
    traced = program.trace_vectors * program.engine.channel_vector
    stored = traced + program.output_words
    assert comparison.elements == stored * len(heldout_images)
    assert comparison.differences == 0


class WrongSimulator(Simulator):
    """Gets one element of one image wrong."""

    name = "wrong"

    def execute(self, memories: Memories) -> dict[str, int]:
        super().execute(memories)
        memories.trace[-1, -1, -1] ^= 1
        return {}


def test_comparing_finds_one_wrong_element_of_a_batch(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    assert digits_artifact.compare(heldout_images[:5], WrongSimulator()).differences == 1


@pytest.mark.parametrize("batch", [2, 3])
def test_images_side_by_side_give_the_same_results(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32], batch: int
) -> None:
    program = Program.from_bytes((digits_artifact.path / "program.bin").read_bytes())
    weights = (digits_artifact.path / "weights.bin").read_bytes()
    together = Session(Simulator(), program, weights, batch).run(heldout_images[:7])
    alone = Session(Simulator(), program, weights).run(heldout_images[:7])
    np.testing.assert_array_equal(together.stored, alone.stored)


@pytest.mark.parametrize("more", [0, 1])
def test_a_batch_that_the_cache_does_not_hold_is_refused(
    digits_artifact: tf2c.Artifact, more: int
) -> None:
    program = Program.from_bytes((digits_artifact.path / "program.bin").read_bytes())
    batch = (program.largest_batch + 1) * more
    with pytest.raises(UserError, match=f"expected a batch of 1 to {program.largest_batch} images"):
        Session(Simulator(), program, b"", batch)


def test_a_network_that_returns_an_image_keeps_its_shape(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    model = build_model(nodes, {"w": random_weights(0, 3, 2, 3, 3)})
    artifact = tf2c.compile(save_model(tmp_path / "net.onnx", model), calib="random:4")
    result = artifact.execute(random_weights(1, 5, 2, 6, 6))
    assert result.stored.shape == (5, 3, 4, 4)
    assert result.stored.dtype == np.int8
