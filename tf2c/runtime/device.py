"""What a device is to the runtime."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from tf2c.engine import Engine
from tf2c.errors import UserError
from tf2c.program import Program, identity

DEFAULT_TIMEOUT_SECONDS = 120.0
"""How long a batch may take before the watchdog says which kernels wait."""


@dataclass(frozen=True)
class Memories:
    """What a device reads and writes for some images: frames of a batch each."""

    images: int
    """Side by side in a frame."""
    memory: npt.NDArray[np.int8]
    """`[frames, images * memory_vectors, channel_vector]`: the card's memory."""
    output: npt.NDArray[np.int32]
    """`[frames * images, output_words]`: what the network returns."""
    trace: npt.NDArray[np.int8]
    """`[frames * images, trace_vectors, channel_vector]`: all that jobs store in the cache, in the
    order of jobs; `[frames * images, 0, channel_vector]` if nobody wants to know."""

    @staticmethod
    def for_frames(program: Program, images: int, frames: int, *, traced: bool) -> "Memories":
        """Return zeroed memories for frames of so many images each."""
        vector = program.engine.channel_vector
        trace_vectors = program.trace_vectors if traced else 0
        return Memories(
            images,
            np.zeros((frames, images * program.memory_vectors, vector), np.int8),
            np.zeros((frames * images, program.output_words), np.int32),
            np.zeros((frames * images, trace_vectors, vector), np.int8),
        )

    @property
    def frames(self) -> int:
        """How many batches."""
        return len(self.memory)

    def elements(self) -> int:
        """Return how many stored elements a comparison of two memories covers."""
        return self.trace.size + self.output.size

    def differences(self, other: "Memories") -> int:
        """Return how many stored elements differ from `other`."""
        return int(
            np.count_nonzero(self.trace != other.trace)
            + np.count_nonzero(self.output != other.output)
        )


_VERSION = "version of programs"
_EQUAL_SIZES = (_VERSION, "filter_vector", "channel_vector", "pixel_vector")
_LEAST_SIZES = ("largest_split", "weight_depth", "cache_depth")


class HasEngine(Protocol):
    """Something with an engine, or without if it needs none."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def identity(self) -> tuple[int, ...] | None:
        """What its engine says that it was built for (`program.identity`); None without one."""
        ...


def expect_engine(device: HasEngine, program: Program) -> None:
    """Check that a device's engine was built for programs like this one.

    Vectors have to be as long, and memories as large or larger. Other sizes are a matter of speed.

    Raises:
        UserError: it was not; which size differs, what is needed and what there is.
    """
    if device.identity is None:
        return
    names = (_VERSION, *(each.name for each in fields(Engine)))
    needed = dict(zip(names, identity(program.engine), strict=True))
    built = dict(zip(names, device.identity, strict=True))
    differing = [
        f"`{name}` {needed[name]} (it has {built[name]})"
        for name in _EQUAL_SIZES
        if built[name] != needed[name]
    ] + [
        f"`{name}` {needed[name]} or more (it has {built[name]})"
        for name in _LEAST_SIZES
        if built[name] < needed[name]
    ]
    if not differing:
        return
    raise UserError(
        f"expected an engine of {', '.join(differing)} on device `{device.name}`",
        hint="build the kernels in the artifact, or compile the network for that engine "
        "(`--engine`)",
    )


class Closeable(ABC):
    """What `with` closes."""

    @abstractmethod
    def close(self) -> None:
        """Release what it holds."""

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


class Device(HasEngine, Protocol):
    """Something that executes programs: the simulator, the emulator or a card."""

    @property
    def kernels(self) -> bytes | None:
        """What its engine was built from; None where nothing is built."""
        ...

    @property
    def built(self) -> bytes | None:
        """The engine as it has been built, from which devices open at once; None without one."""
        ...

    @property
    def job_times(self) -> Sequence[int]:
        """When the last execution began its jobs, one after the other, and when it ended the last.

        Nanoseconds of the monotonic clock; empty where the device does not tell.
        """
        ...

    def load(self, program: Program, weights: bytes) -> None:
        """Take the network to run: a program and the contents of `weights.bin`.

        The engine stays as it is; only data changes.
        """
        ...

    def execute(self, memories: Memories) -> dict[str, int]:
        """Run all jobs on all frames in place; return the loop iterations of each kernel.

        A device that does not count returns an empty dictionary.

        Raises:
            DeviceError: the device failed or a kernel did not finish.
        """
        ...

    def close(self) -> None:
        """Release the device."""
        ...
