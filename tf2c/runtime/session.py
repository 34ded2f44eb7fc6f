"""Real images in, real numbers out: one program on one device."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tf2c import feature_layout
from tf2c.errors import UserError
from tf2c.image_source import ImageSource
from tf2c.numerics import fixed_point, windows
from tf2c.program import Program
from tf2c.runtime.device import Device, Memories, expect_engine

IMAGES_AT_ONCE = 32
"""Images per execution: bounds memory, and what the watchdog waits for."""

Images = npt.NDArray[np.floating] | ImageSource
"""Real numbers `[N, C, H, W]`, or a source that yields them in batches."""

Progress = Callable[[int], None]
"""Told how many more images are done."""


@dataclass(frozen=True)
class RunResult:
    """What a network computed for a batch of images."""

    stored: npt.NDArray[np.integer]
    """`[N, ...]`: int32 accumulators, or int8."""
    values: npt.NDArray[np.float64]
    """`[N, ...]`: the real numbers that they stand for."""
    iterations: dict[str, int]
    """Loop iterations that each kernel counted; empty on the simulator."""
    loaded: "Loaded"
    """What loading the network took."""


@dataclass(frozen=True)
class Loaded:
    """A network's way to a device whose engine stays as it is: data, and nothing else."""

    bytes: int
    """Tables, parameters and weights."""
    seconds: float
    """Measured, on the host."""


@dataclass(frozen=True)
class Comparison:
    """A run on a device beside the simulator, over every stored element of every layer."""

    result: RunResult
    elements: int
    differences: int


class Session:
    """A program loaded on a device."""

    def __init__(self, device: Device, program: Program, weights: bytes, batch: int = 1) -> None:
        """Load the program.

        Args:
            device: stays open; several sessions may follow each other on it.
            program: the contents of `program.bin`, read.
            weights: the contents of `weights.bin`.
            batch: images side by side in the feature cache; weights come once for each batch.

        Raises:
            UserError: the cache has no room for so many images, or the device's engine was built
                for other programs.
        """
        expect_engine(device, program)
        if not 1 <= batch <= program.largest_batch:
            raise UserError(
                f"expected a batch of 1 to {program.largest_batch} images, got {batch}: the "
                f"feature cache holds {program.engine.cache_vectors} channel vectors, and an "
                f"image needs {program.cache_vectors}",
                hint="use a smaller batch, or an engine with a larger `cache_depth`",
            )
        self._device = device
        self._program = program
        self._batch = batch
        started = time.perf_counter()
        device.load(program, weights)
        seconds = time.perf_counter() - started
        self._loaded = Loaded(len(program.to_bytes()) + len(weights), seconds)

    def run(self, images: Images, progress: Progress | None = None) -> RunResult:
        """Run a network on images.

        Args:
            images: `[N, C, H, W]`, real numbers, at once or in batches.
            progress: told about each batch.

        Raises:
            UserError: images of another shape or kind.
            DeviceError: the device failed.
        """
        iterations: Counter[str] = Counter()
        stored = [
            self._output(self._executed(batch, iterations, traced=False))[: len(batch)]
            for batch in self._batches(images, progress)
        ]
        return self._result(stored, iterations)

    def compare(
        self,
        reference: "Session",
        images: Images,
        progress: Progress | None = None,
    ) -> Comparison:
        """Run on this device and on the reference's, and compare their memories."""
        iterations: Counter[str] = Counter()
        stored: list[npt.NDArray[np.integer]] = []
        elements = differences = 0
        for batch in self._batches(images, progress):
            memories = self._executed(batch, iterations, traced=True)
            expected = reference._executed(batch, Counter(), traced=True)
            elements += memories.elements()
            differences += memories.differences(expected)
            stored.append(self._output(memories)[: len(batch)])
        return Comparison(self._result(stored, iterations), elements, differences)

    def _batches(
        self, images: Images, progress: Progress | None
    ) -> Iterator[npt.NDArray[np.floating]]:
        """Yield the images in batches; one is done when the next is asked for."""
        shape = self._program.fold.shape
        if isinstance(images, np.ndarray):
            expect_images(images, shape)
            count = -(-IMAGES_AT_ONCE // self._batch) * self._batch
            batches = (images[first : first + count] for first in range(0, len(images), count))
        else:
            batches = images.batches(-(-IMAGES_AT_ONCE // self._batch) * self._batch)
        for batch in batches:
            expect_images(batch, shape)
            yield batch
            if progress is not None:
                progress(len(batch))

    def _executed(
        self, images: npt.NDArray[np.floating], iterations: Counter[str], *, traced: bool
    ) -> Memories:
        """Return the memories after some images; the last frame may have some of zeros."""
        frames = -(-len(images) // self._batch)
        memories = Memories.for_frames(self._program, self._batch, frames, traced=traced)
        port, vector = self._program.input, self._program.engine.channel_vector
        quantized = fixed_point.quantize(images, self._program.input_exponent)
        folded = windows.fold(quantized, *self._program.fold.window)
        missing = frames * self._batch - len(images)
        folded = np.concatenate([folded, np.zeros((missing, *folded.shape[1:]), np.int8)])
        for memory, frame in zip(memories.memory, np.split(folded, frames), strict=True):
            stored = feature_layout.store(frame, port.layout, vector)
            first = port.offset * self._batch
            memory[first : first + len(stored)] = stored
        iterations.update(self._device.execute(memories))
        return memories

    def _output(self, memories: Memories) -> npt.NDArray[np.integer]:
        port = self._program.output
        size = self._program.engine.feature_elements(port.channels, port.height, port.width)
        stored = self._program.engine.load_features(
            memories.output[:, port.offset : port.offset + size],
            port.channels,
            port.height,
            port.width,
        )
        numbers = stored.reshape(len(stored), *port.shape)
        return numbers if port.wide else numbers.astype(np.int8)

    def _result(self, stored: list[npt.NDArray[np.integer]], iterations: Counter[str]) -> RunResult:
        together = np.concatenate(stored)
        exponents = fixed_point.broadcast_over_channels(
            self._program.output_exponents, together.ndim, axis=1
        )
        values = fixed_point.dequantize(together, exponents)
        return RunResult(together, values, dict(iterations), self._loaded)


def expect_images(images: npt.NDArray[np.generic], shape: tuple[int, ...]) -> None:
    """Raise unless there are images of one shape, of finite real numbers.

    Raises:
        UserError: they differ.
    """
    expected = "x".join(("N", *map(str, shape)))
    if images.shape[1:] != shape or len(images) == 0:
        got = "x".join(map(str, images.shape))
        raise UserError(
            f"expected images of shape {expected}, got {got}",
            hint="one image needs a leading dimension of 1",
        )
    if images.dtype.kind != "f":
        raise UserError(
            f"expected images of real numbers, got {images.dtype}",
            hint="convert to float32 as the network was trained: often `pixels / 255`",
        )
    if not np.isfinite(images).all():
        raise UserError("expected finite images, got NaN or infinity")
