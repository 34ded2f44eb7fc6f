"""What `import tf2c` offers: compile a network, open an artifact, run it."""

import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tf2c import artifact as artifacts
from tf2c.artifact import ArtifactFolder, Manifest
from tf2c.boards import load_board
from tf2c.compiler import (
    DEFAULT_ENGINE,
    STAGE_NAMES,
    artifact_files,
    compile_module,
    evaluate_module,
    expect_labels,
    manifest_facts,
    measure,
)
from tf2c.dialects import tensors
from tf2c.engine import Engine
from tf2c.errors import UserError, naming
from tf2c.evaluation import top_percent
from tf2c.frontends.images import load_images, load_labeled_images
from tf2c.frontends.onnx import load_onnx
from tf2c.ir_files import read_module
from tf2c.passes.pipeline import PassObserver
from tf2c.passes.rewriting import network_input
from tf2c.program import Program
from tf2c.runtime.device import Device
from tf2c.runtime.devices import EMULATOR, SIMULATOR, open_device
from tf2c.runtime.session import Comparison, Progress, RunResult, Session, expect_images

WEIGHTS = ("shift1",)
"""Forms of weights that can be compiled: one signed power of two each."""

EXECUTOR_DEVICES = {"numpy": SIMULATOR, "emulator": EMULATOR}
"""Executors that run the compiled program, by the device they run it on."""

EXECUTORS = ("float", *EXECUTOR_DEVICES)

RANDOM_PREFIX = "random:"
"""Calibration on N random images, for networks without any: scales fit noise, not photographs."""


class Artifact:
    """A compiled network."""

    def __init__(
        self,
        folder: ArtifactFolder,
        temporary: "tempfile.TemporaryDirectory[str] | None" = None,
    ) -> None:
        """Wrap a checked folder, and keep the temporary one that holds it, if any."""
        self._folder = folder
        self._temporary = temporary

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._folder.path

    @property
    def manifest(self) -> Manifest:
        """What it is and how it came about."""
        return self._folder.manifest

    @property
    def kernels(self) -> bytes:
        """The engine's OpenCL source."""
        return self._folder.read(artifacts.KERNELS)

    def run(
        self, images: npt.NDArray[np.floating], device: str | Device = SIMULATOR
    ) -> npt.NDArray[np.float64]:
        """Run the network in exact integers and return the real numbers that they stand for.

        Args:
            images: real numbers `[N, C, H, W]`, prepared as for training.
            device: a name (`simulator`, `emulator`, `opencl:PLATFORM`), or an open device whose
                engine was built from the same kernels.

        Raises:
            UserError: images of another shape or kind, or no such device.
            DeviceError: the device failed.
        """
        return self.execute(images, device).values

    def execute(
        self,
        images: npt.NDArray[np.floating],
        device: str | Device = SIMULATOR,
        progress: Progress | None = None,
    ) -> RunResult:
        """Run the network; return stored integers, real numbers and loop iterations."""
        with self._opened(device) as opened:
            return self.session(opened).run(images, progress)

    def compare(
        self,
        images: npt.NDArray[np.floating],
        device: str | Device,
        progress: Progress | None = None,
    ) -> Comparison:
        """Run on a device and on the simulator; compare every element of every layer.

        Raises:
            UserError: the device is the simulator, which agrees with itself.
        """
        name = device if isinstance(device, str) else device.name
        if name == SIMULATOR:
            raise UserError(
                "expected a device to compare with the simulator, got the simulator",
                hint="use `emulator` or `opencl:PLATFORM`",
            )
        with self._opened(device) as opened, self._opened(SIMULATOR) as reference:
            return self.session(opened).compare(self.session(reference), images, progress)

    def session(self, device: Device) -> Session:
        """Load the network on an open device, whose engine is not built again.

        Raises:
            UserError: the device's engine was built from other kernels, or the artifact's program
                does not fit its weights.
        """
        if device.kernels is not None and device.kernels != self.kernels:
            raise UserError(
                f"{self.path}: the engine of device `{device.name}` was built from other kernels",
                hint="networks share an engine if compiled for the same sizes by the same version",
            )
        weights = self._folder.read(artifacts.WEIGHTS)
        try:
            program = Program.from_bytes(self._folder.read(artifacts.PROGRAM))
            program.expect_fits(weights)
        except ValueError as error:
            raise UserError(
                f"{self.path}: `{artifacts.PROGRAM}` is damaged: {error}",
                hint=artifacts.REBUILD_HINT,
            ) from error
        return Session(device, program, weights)

    @contextmanager
    def _opened(self, device: str | Device) -> Generator[Device]:
        """Open a device by name for a while, or lend an open one."""
        if not isinstance(device, str):
            yield device
            return
        opened = open_device(device, self.kernels)
        try:
            yield opened
        finally:
            opened.close()


def load(path: str | Path) -> Artifact:
    """Open an artifact and check every file of it.

    Raises:
        UserError: not an artifact, of another format version, or damaged.
    """
    return Artifact(artifacts.load_artifact(Path(path)))


def compile(
    model: str | Path,
    *,
    calib: str | Path | npt.NDArray[np.floating],
    board: str = "pac_a10",
    weights: str = "shift1",
    output: str | Path | None = None,
    to: str = STAGE_NAMES[-1],
    engine: Engine = DEFAULT_ENGINE,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    check: bool = False,
    seed: int = 0,
    observer: PassObserver | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Compile a trained network.

    Args:
        model: an .onnx file.
        calib: calibration images: a folder, an .npy file, `random:N`, or an array `[N, C, H, W]`.
        board: a board's name, or a .toml file that describes one.
        weights: their form; `shift1` is one signed power of two each.
        output: the artifact's folder; by default a temporary one that goes with the result.
        to: the last stage to run.
        engine: the sizes of the engine to compile for.
        images: a folder of labeled images to measure accuracy on.
        labels: CSV with the columns `file` and `label`; goes with `images`.
        check: check every pass's contract on seeded images.
        seed: of random calibration images and of the check.
        observer: told about every pass.
        progress: told about evaluated images.

    Raises:
        UserError: something given cannot be used; nothing is written.
    """
    if weights not in WEIGHTS:
        raise UserError(f"expected weights of {', '.join(WEIGHTS)}, got `{weights}`")
    if to not in STAGE_NAMES:
        raise UserError(f"expected a stage of {', '.join(STAGE_NAMES)}, got `{to}`")
    if (images is None) != (labels is None):
        raise UserError("expected images and labels together, got one of them")
    if output is not None:
        artifacts.expect_replaceable(Path(output))
    target = load_board(board)
    module = load_onnx(Path(model))
    argument = network_input(module)
    shape = tensors.extents(argument)
    calibration = _calibration(calib, shape, seed)
    labeled = None
    if images is not None and labels is not None:
        labeled = load_labeled_images(Path(images), Path(labels), shape)

    compilation = compile_module(
        module,
        board=target,
        calibration=calibration,
        to=to,
        engine=engine,
        check=check,
        seed=seed,
        observer=observer,
    )
    measured: dict[str, Any] = {}
    if labeled is not None:
        with naming(f"{model}, {labels}"):
            measured = measure(compilation, *labeled, progress=progress)
    facts = manifest_facts(compilation, Path(model), measured)
    files = artifact_files(compilation)
    if output is not None:
        return Artifact(artifacts.save_artifact(Path(output), files, **facts))
    temporary = tempfile.TemporaryDirectory(prefix="tf2c-")
    folder = artifacts.save_artifact(Path(temporary.name) / "network.tf2c", files, **facts)
    return Artifact(folder, temporary)


def evaluate(
    network: str | Path,
    *,
    images: str | Path,
    labels: str | Path,
    executor: str = "numpy",
    limit: int | None = None,
    total: Progress | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure the accuracy of an artifact or a model on labeled images.

    Args:
        network: an artifact, or an .onnx file (executor `float` only).
        images: a folder.
        labels: CSV with the columns `file` and `label`.
        executor: `float` (the network before rounding), `numpy` (the bit-exact simulator) or
            `emulator` (the generated OpenCL).
        limit: only the first images.
        total: told how many images there are.
        progress: told about evaluated images.

    Returns:
        `{"top1": percent, "top5": percent, "n": images, "executor": name, "seconds": wall clock}`.

    Raises:
        UserError: something given cannot be used.
    """
    if executor not in EXECUTORS:
        raise UserError(f"expected an executor of {', '.join(EXECUTORS)}, got `{executor}`")
    path = Path(network)
    if path.suffix == ".onnx":
        if executor != "float":
            raise UserError(
                f"{path}: a model runs only with executor `float`, got `{executor}`",
                hint="compile it first: `tf2c compile`",
            )
        artifact, module = None, load_onnx(path)
    else:
        artifact = load(path)
        module = read_module(artifact.path / artifacts.IR_FOLDER / "graph.mlir")
    argument = network_input(module)
    batch, classes = load_labeled_images(Path(images), Path(labels), tensors.extents(argument))
    batch, classes = batch[:limit], classes[:limit]
    if total is not None:
        total(len(batch))
    started = time.perf_counter()
    if artifact is None or executor == "float":
        scores = evaluate_module(module, batch, progress)
    else:
        scores = artifact.execute(batch, EXECUTOR_DEVICES[executor], progress).values
    seconds = time.perf_counter() - started
    with naming(f"{network}, {labels}"):
        expect_labels(classes, scores)
    return {
        "top1": top_percent(scores, classes, 1),
        "top5": top_percent(scores, classes, 5),
        "n": len(batch),
        "executor": executor,
        "seconds": seconds,
    }


def _calibration(
    calib: str | Path | npt.NDArray[np.floating], shape: tuple[int, ...], seed: int
) -> npt.NDArray[np.float32]:
    """Return calibration images from whatever names them."""
    if isinstance(calib, np.ndarray):
        expect_images(calib, shape)
        return calib.astype(np.float32)
    name = str(calib)
    if name.startswith(RANDOM_PREFIX):
        count = name.removeprefix(RANDOM_PREFIX)
        if not (count.isascii() and count.isdecimal()) or int(count) == 0:
            raise UserError(f"expected `{RANDOM_PREFIX}N` with N >= 1, got `{name}`")
        generator = np.random.default_rng(seed)
        return generator.normal(size=(int(count), *shape)).astype(np.float32)
    return load_images(Path(name), shape)
