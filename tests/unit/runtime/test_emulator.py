"""Intel's FPGA emulator: the same bits as the simulator, and what happens when it fails."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import pytest
from unit.mixed_network import emitted, mixed_network
from unit.onnx_models import classifier_model, random_weights, save_model

import tf2c
from tf2c.artifact import sha256
from tf2c.backends.opencl.render import render_engine
from tf2c.choices import DEFAULT_ENGINE
from tf2c.engine_structure import KERNELS
from tf2c.errors import DeviceError, UserError
from tf2c.program import VERSION
from tf2c.runtime.emulator import EmulatorDevice, library_path
from tf2c.runtime.opencl import COUNTERS, Lanes
from tf2c.runtime.session import Session

WATCHDOG_SECONDS = 5.0


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> tf2c.Artifact:
    """A network unlike the bundled one, for the same engine."""
    folder = tmp_path_factory.mktemp("classifier")
    model = save_model(folder / "net.onnx", classifier_model())
    return tf2c.compile(model, calib="random:8", output=folder / "net.tf2c")


@pytest.fixture
def copied_artifact(digits_artifact: tf2c.Artifact, tmp_path: Path) -> Path:
    """A copy of the bundled network whose files may be changed."""
    return Path(shutil.copytree(digits_artifact.path, tmp_path / "digits.tf2c"))


@pytest.fixture
def own_emulator(
    emulator_library: Path, digits_artifact: tf2c.Artifact
) -> Iterator[EmulatorDevice]:
    """An emulator of the test's own, which it may break."""
    with EmulatorDevice(digits_artifact.kernels) as device:
        yield device


def children() -> set[int]:
    """The processes that this one has started and that still run."""
    return {
        child.pid
        for child in psutil.Process().children(recursive=True)
        if child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    }


def flip_a_weight(artifact: Path) -> None:
    """Negate the first weight of the first layer."""
    weights = bytearray((artifact / "weights.bin").read_bytes())
    weights[0] ^= 0b1000
    (artifact / "weights.bin").write_bytes(weights)


def redo_checksum(artifact: Path, name: str) -> None:
    manifest = json.loads((artifact / "manifest.json").read_text())
    manifest["files"][name] = sha256((artifact / name).read_bytes())
    (artifact / "manifest.json").write_text(json.dumps(manifest))


def replaced(kernels: bytes, old: str, new: str) -> bytes:
    source = kernels.decode()
    assert source.count(old) == 1
    return source.replace(old, new).encode()


def test_digits_on_the_emulator_equal_the_simulator_in_every_element(
    digits_artifact: tf2c.Artifact,
    emulator: EmulatorDevice,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    comparison = digits_artifact.compare(heldout_images, emulator)
    assert comparison.elements > 0
    assert comparison.differences == 0


def test_the_emulator_computes_the_simulators_results(
    digits_artifact: tf2c.Artifact,
    emulator: EmulatorDevice,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    found = digits_artifact.execute(heldout_images[:3], emulator).stored
    assert found.tolist() == digits_artifact.execute(heldout_images[:3]).stored.tolist()


def test_every_kernel_counts_its_iterations(
    digits_artifact: tf2c.Artifact,
    emulator: EmulatorDevice,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    counted = digits_artifact.execute(heldout_images[:2], emulator).iterations
    assert list(counted) == list(chain.from_iterable(COUNTERS.values()))
    assert counted["scheduler"] > counted["pe"] > counted["weight_reader"] > 0


def test_another_network_runs_on_the_same_open_device(
    digits_artifact: tf2c.Artifact,
    classifier: tf2c.Artifact,
    emulator: EmulatorDevice,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    before = children()
    differences = [
        artifact.compare(images, emulator).differences
        for artifact, images in (
            (digits_artifact, heldout_images[:2]),
            (classifier, random_weights(5, 2, 3, 11, 10)),
            (digits_artifact, heldout_images[:2]),
        )
    ]
    assert differences == [0, 0, 0]
    assert children() == before


def test_a_flipped_weight_is_refused_by_its_checksum(copied_artifact: Path) -> None:
    flip_a_weight(copied_artifact)
    with pytest.raises(UserError, match=r"`weights\.bin` does not match its checksum"):
        tf2c.load(copied_artifact)


def test_a_flipped_weight_with_its_checksum_redone_changes_both_devices_alike(
    digits_artifact: tf2c.Artifact,
    copied_artifact: Path,
    emulator: EmulatorDevice,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    flip_a_weight(copied_artifact)
    redo_checksum(copied_artifact, "weights.bin")
    comparison = tf2c.load(copied_artifact).compare(heldout_images[:4], emulator)
    before = digits_artifact.execute(heldout_images[:4]).stored
    assert comparison.differences == 0
    assert (comparison.result.stored != before).any()


def test_kernels_that_wait_for_ever_are_named_by_the_watchdog(
    emulator_library: Path,
    digits_artifact: tf2c.Artifact,
    copied_artifact: Path,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    kernels = replaced(
        digits_artifact.kernels,
        "word < word_count; word++) {\n      weight_t",
        "word < word_count - 1; word++) {\n      weight_t",
    )
    (copied_artifact / "kernels" / "engine.cl").write_bytes(kernels)
    redo_checksum(copied_artifact, "kernels/engine.cl")
    starving = tf2c.load(copied_artifact)
    before = children()
    with EmulatorDevice(kernels, timeout_seconds=WATCHDOG_SECONDS) as device:
        started = children() - before
        with pytest.raises(DeviceError) as failure:
            starving.execute(heldout_images[:1], device)
    message = str(failure.value)
    assert "kernels still waiting" in message
    assert f"after {WATCHDOG_SECONDS:g} s" in message
    assert {name for name in KERNELS if name in message} == {*KERNELS} - {"weight_reader"}
    assert started
    assert not started & children()


@pytest.mark.parametrize("lanes", Lanes)
def test_wrong_lanes_are_found_by_comparing(
    emulator_library: Path,
    digits_artifact: tf2c.Artifact,
    copied_artifact: Path,
    heldout_images: npt.NDArray[np.float32],
    lanes: Lanes,
) -> None:
    # Biases make up for one's complements, and these are two's.
    complement = "((((operand) << (shift)) & (mask)) ^ (sign))"
    kernels = replaced(digits_artifact.kernels, complement, f"({complement} - (sign))")
    (copied_artifact / "kernels" / "engine.cl").write_bytes(kernels)
    redo_checksum(copied_artifact, "kernels/engine.cl")
    with EmulatorDevice(kernels, lanes=lanes) as device:
        compared = tf2c.load(copied_artifact).compare(heldout_images[:1], device)
    assert compared.differences > 0


def test_lanes_as_aoc_builds_them_compute_and_count_the_same(
    emulator_library: Path,
    digits_artifact: tf2c.Artifact,
    emulator: EmulatorDevice,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    with EmulatorDevice(digits_artifact.kernels, lanes=Lanes.UNROLLED) as device:
        unrolled = digits_artifact.compare(heldout_images[:3], device)
    assert unrolled.differences == 0
    vectors = digits_artifact.execute(heldout_images[:3], emulator)
    assert unrolled.result.iterations == vectors.iterations


def test_a_device_built_from_other_kernels_is_refused(
    copied_artifact: Path, emulator: EmulatorDevice, heldout_images: npt.NDArray[np.float32]
) -> None:
    kernels = copied_artifact / "kernels" / "engine.cl"
    kernels.write_bytes(kernels.read_bytes() + b"// another\n")
    redo_checksum(copied_artifact, "kernels/engine.cl")
    with pytest.raises(UserError, match="device `emulator` was built from other kernels"):
        tf2c.load(copied_artifact).execute(heldout_images[:1], emulator)


def test_a_program_of_another_engine_is_refused_with_what_differs(
    emulator: EmulatorDevice,
) -> None:
    """The engine says itself what it was built for, as one in an .aocx does."""
    engine = replace(DEFAULT_ENGINE, pixel_vector=7, latency=300, cache_depth=20000)
    program, weights, _ = emitted(mixed_network(), "shift1", engine)
    message = (
        r"expected an engine of `pixel_vector` 7 \(it has 14\), `cache_depth` 20000 or more "
        r"\(it has 16384\) on device `emulator`"
    )
    with pytest.raises(UserError, match=message):
        Session(emulator, program, weights)


def test_an_engine_opens_again_from_what_was_built(
    emulator: EmulatorDevice,
    digits_artifact: tf2c.Artifact,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    """As an .aocx does: nothing is built again, and what it is for comes from the engine alone."""
    with EmulatorDevice(emulator.built) as device:
        assert device.kernels is None
        assert device.identity == emulator.identity
        comparison = digits_artifact.compare(heldout_images[:4], device)
        assert comparison.differences == 0
        engine = replace(DEFAULT_ENGINE, pixel_vector=7)
        program, weights, _ = emitted(mixed_network(), "shift1", engine)
        with pytest.raises(UserError, match=r"an engine of `pixel_vector` 7 \(it has 14\)"):
            Session(device, program, weights)


def test_an_engine_of_another_version_is_refused(emulator_library: Path) -> None:
    program, weights, _ = emitted(mixed_network(), "shift1")
    kernels = render_engine(DEFAULT_ENGINE, "another version").encode()
    older = replaced(kernels, f"numbers[0] = {VERSION};", f"numbers[0] = {VERSION - 1};")
    with EmulatorDevice(older) as device:
        message = f"version of programs` {VERSION} .it has {VERSION - 1}."
        with pytest.raises(UserError, match=message):
            Session(device, program, weights)


def test_a_killed_emulator_is_an_error_of_the_device(
    own_emulator: EmulatorDevice,
    digits_artifact: tf2c.Artifact,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    session = digits_artifact.session(own_emulator)
    own_emulator._child.kill()  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(DeviceError, match="the emulator ended during `execute`: SIGKILL"):
        session.run(heldout_images[:1])


def test_a_closed_emulator_is_an_error_of_the_device(
    own_emulator: EmulatorDevice,
    digits_artifact: tf2c.Artifact,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    session = digits_artifact.session(own_emulator)
    own_emulator.close()
    with pytest.raises(DeviceError, match="the emulator ended"):
        session.run(heldout_images[:1])


def test_kernels_that_do_not_build_are_an_error_of_the_device(
    emulator_library: Path, digits_artifact: tf2c.Artifact
) -> None:
    before = children()
    with pytest.raises(DeviceError, match="the kernels do not build"):
        EmulatorDevice(
            replaced(digits_artifact.kernels, "kernel void window(", "kernel void window((")
        )
    assert children() == before


def test_kernels_without_one_that_is_needed_are_an_error_of_the_device(
    emulator_library: Path, digits_artifact: tf2c.Artifact
) -> None:
    with pytest.raises(DeviceError, match="the kernels do not build"):
        EmulatorDevice(
            replaced(digits_artifact.kernels, "kernel void window(", "kernel void widow(")
        )


def test_closing_leaves_no_process_and_no_folder(
    emulator_library: Path, digits_artifact: tf2c.Artifact
) -> None:
    before = children()
    device = EmulatorDevice(digits_artifact.kernels)
    folder = Path(device._folder.name)  # pyright: ignore[reportPrivateUsage]
    assert children() > before
    device.close()
    assert children() == before
    assert not folder.exists()


def test_the_emulator_leaves_the_environment_alone(
    emulator_library: Path, digits_artifact: tf2c.Artifact
) -> None:
    before = dict(os.environ)
    with EmulatorDevice(digits_artifact.kernels):
        assert dict(os.environ) == before


def test_a_missing_installation_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("tf2c.runtime.emulator.files", nothing)
    with pytest.raises(UserError, match="expected Intel's FPGA emulator") as refusal:
        library_path()
    assert refusal.value.hint == "run `pip install 'tf2c[emulator]'` (x86-64 Linux)"


def test_an_installation_without_its_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tf2c.runtime.emulator.files", lambda name: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    with pytest.raises(UserError, match="expected Intel's FPGA emulator"):
        library_path()


def test_a_child_that_cannot_start_is_quoted(
    emulator_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('no numpy for the child')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(DeviceError, match=r"ended during `build`: exit code 1 .*no numpy for"):
        EmulatorDevice(b"")
