"""A compiled network: an artifact that runs on devices, and whose stages can be read."""

import tempfile
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from tf2c import artifact as artifacts
from tf2c.artifact import ArtifactFolder, Manifest
from tf2c.choices import STAGE_NAMES
from tf2c.errors import UserError
from tf2c.frontends.images import load_images
from tf2c.frontends.preprocessing import Preprocessing, preprocessing_of
from tf2c.image_source import ImageSource
from tf2c.ir_files import read_module
from tf2c.program import Program
from tf2c.runtime.device import Device
from tf2c.runtime.devices import SIMULATOR, open_device
from tf2c.runtime.session import Comparison, Images, Progress, RunResult, Session


class Artifact:
    """A compiled network."""

    def __init__(
        self,
        folder: ArtifactFolder,
        temporary: "tempfile.TemporaryDirectory[str] | None" = None,
    ) -> None:
        """Wrap a checked folder, and keep the temporary one that holds it, if any."""
        self._folder = folder
        if temporary is not None:
            # By hand, because what collects garbage warns of a temporary folder that is left to it.
            weakref.finalize(self, temporary.cleanup)

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

    @property
    def preprocessing(self) -> Preprocessing:
        """How image files become its inputs.

        Raises:
            UserError: the manifest's is damaged.
        """
        try:
            return preprocessing_of(self.manifest.preprocessing)
        except UserError as error:
            raise UserError(
                f"{self.path}: `{artifacts.MANIFEST}` has a damaged `preprocessing`: {error}",
                hint=artifacts.REBUILD_HINT,
            ) from error

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that were run, in order.

        Raises:
            UserError: the manifest's last one is not a stage.
        """
        last = self.manifest.stage
        if last not in STAGE_NAMES:
            raise UserError(
                f"{self.path}: `{artifacts.MANIFEST}` has a damaged `stage`: expected one of "
                f"{', '.join(STAGE_NAMES)}, got `{last}`",
                hint=artifacts.REBUILD_HINT,
            )
        return STAGE_NAMES[: STAGE_NAMES.index(last) + 1]

    def stage(self, name: str) -> ModuleOp:
        """Read the IR as a stage left it.

        Raises:
            UserError: no such stage, or compilation stopped before it.
        """
        if name not in STAGE_NAMES:
            raise UserError(f"expected a stage of {', '.join(STAGE_NAMES)}, got `{name}`")
        if name not in self.stages:
            raise UserError(
                f"{self.path}: expected stage `{name}`, got an artifact that stops at stage "
                f"`{self.manifest.stage}`",
                hint=f"stages there are {', '.join(self.stages)}",
            )
        return read_module(self.path / artifacts.IR_FOLDER / f"{name}.mlir")

    def images(self, path: str | Path) -> ImageSource:
        """Open a folder of images, a .txt list, or an .npy file, as the network takes them.

        Raises:
            UserError: nothing there, or no images; those that are damaged are found when read.
        """
        return load_images(Path(path), tuple(self.manifest.input_shape), self.preprocessing)

    def run(self, images: Images, device: str | Device = SIMULATOR) -> npt.NDArray[np.float64]:
        """Run the network in exact integers and return the real numbers that they stand for.

        Args:
            images: real numbers `[N, C, H, W]`, prepared as for training, or a source of them
                such as `images()` returns.
            device: a name (`simulator`, `emulator`, `opencl:PLATFORM`), or an open device whose
                engine was built from the same kernels.

        Raises:
            UserError: images of another shape or kind, or no such device.
            DeviceError: the device failed.
        """
        return self.execute(images, device).values

    def execute(
        self,
        images: Images,
        device: str | Device = SIMULATOR,
        progress: Progress | None = None,
        batch: int = 1,
    ) -> RunResult:
        """Run the network; return stored integers, real numbers and loop iterations.

        Args:
            images: as for `run`.
            device: as for `run`.
            progress: told about each batch.
            batch: images side by side in the engine's feature cache, which get weights together.
        """
        with self.opened(device) as opened:
            return self.session(opened, batch).run(images, progress)

    def compare(
        self,
        images: Images,
        device: str | Device,
        progress: Progress | None = None,
        batch: int = 1,
    ) -> Comparison:
        """Run on a device and on the simulator; compare every element of every layer.

        The arguments are those of `execute`.

        Raises:
            UserError: the device is the simulator, which agrees with itself.
        """
        name = device if isinstance(device, str) else device.name
        if name == SIMULATOR:
            raise UserError(
                "expected a device to compare with the simulator, got the simulator",
                hint="use `emulator` or `opencl:PLATFORM`",
            )
        with self.opened(device) as opened, self.opened(SIMULATOR) as reference:
            session, expected = self.session(opened, batch), self.session(reference, batch)
            return session.compare(expected, images, progress)

    def session(self, device: Device, batch: int = 1) -> Session:
        """Load the network on an open device, whose engine is not built again.

        Args:
            device: to load it on.
            batch: images side by side in the feature cache.

        Raises:
            UserError: the device's engine was built from other kernels, the artifact's program does
                not fit its weights, or the cache does not hold the batch.
        """
        weights = self._folder.read(artifacts.WEIGHTS)
        try:
            program = Program.from_bytes(self._folder.read(artifacts.PROGRAM))
            program.expect_fits(weights)
        except ValueError as error:
            raise UserError(
                f"{self.path}: `{artifacts.PROGRAM}` is damaged: {error}",
                hint=artifacts.REBUILD_HINT,
            ) from error
        session = Session(device, program, weights, batch)
        if device.kernels is not None and device.kernels != self.kernels:
            raise UserError(
                f"{self.path}: the engine of device `{device.name}` was built from other kernels",
                hint="networks share an engine if compiled by the same version",
            )
        return session

    @contextmanager
    def opened(self, device: str | Device) -> Generator[Device]:
        """Open a device by name for a while, with the network's engine, or lend an open one."""
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
