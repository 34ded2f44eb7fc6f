"""Host code for an engine's OpenCL kernels: the same for a card and for Intel's emulator."""

import contextlib
import time
from collections.abc import Generator
from dataclasses import fields
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from tf2c.engine import Engine
from tf2c.engine_structure import KERNELS
from tf2c.errors import DeviceError, UserError
from tf2c.interlock import Interlock, interlock
from tf2c.program import Program
from tf2c.runtime.device import DEFAULT_TIMEOUT_SECONDS, Closeable, Memories

COUNTERS: dict[str, tuple[str, ...]] = {
    "scheduler": (
        "scheduler",
        "features_awaited",
        "transfers_awaited",
        "weights_awaited",
        "room_awaited",
    ),
    "weight_reader": ("weight_reader",),
    "pe": ("pe",),
    "requantizer": ("requantizer",),
    "window": ("window",),
}
"""What each kernel counts: iterations of its loop, and in which of them `scheduler` issued nothing.
Kernels are started in this order; all run at once, connected by channels."""

IDENTITY_NUMBERS = 1 + len(fields(Engine))
"""The version of programs, and the engine's sizes."""

IDENTITY_ROOM = 1024
"""Numbers, for an engine of another version that has more to say."""

ELF_MAGIC = b"\x7fELF"
"""An .aocx begins with it, source does not."""

POLL_SECONDS = 0.001


class Lanes(Enum):
    """How the kernels' lanes are written; both compute the same integers."""

    VECTORS = ("-DEMULATION",)
    """For processors."""
    UNROLLED = ()
    """As `aoc` builds them."""


def source_of(kernels: bytes) -> bytes | None:
    """Return the source of kernels; None for an .aocx, in which it cannot be seen."""
    return None if kernels.startswith(ELF_MAGIC) else kernels


class OpenCLDevice(Closeable):
    """One device of one OpenCL platform, with one engine built for it.

    Networks are loaded and run without building again. pyopencl is imported here, where it is
    used, because finding the platforms starts their drivers.
    """

    job_times = ()

    def __init__(
        self,
        platform: str,
        kernels: bytes,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        lanes: Lanes = Lanes.VECTORS,
        place: int = 0,
    ) -> None:
        """Build the engine.

        Args:
            platform: part of the platform's name.
            kernels: OpenCL C source as rendered by tf2c, or an .aocx file made from it.
            timeout_seconds: how long one batch may take before the watchdog gives up.
            lanes: how those of a source are written; an .aocx has been built from one of them.
            place: which of the platform's devices, from 0.

        Raises:
            UserError: no such platform, or it has fewer devices.
            DeviceError: the kernels do not build.
        """
        import pyopencl as cl

        self._cl: Any = cl
        self.name = f"opencl:{platform}:{place}"
        self.kernels = source_of(kernels)
        self._timeout_seconds = timeout_seconds
        device = _find_device(cl, platform, place)
        try:
            self._context = cl.Context([device])
            if kernels.startswith(ELF_MAGIC):
                built = cl.Program(self._context, [device], [kernels]).build()
            else:
                built = cl.Program(self._context, kernels.decode()).build(list(lanes.value))
            self._kernels = {name: cl.Kernel(built, name) for name in KERNELS}
            self._queues = {name: cl.CommandQueue(self._context) for name in KERNELS}
            binaries: Any = built.get_info(cl.program_info.BINARIES)
            self.built: bytes | None = binaries[0]
            self.identity = self._identity(cl.Kernel(built, "identity"))
        except cl.Error as error:
            raise DeviceError(f"the kernels do not build on `{device.name}`: {error}") from error
        self._program: Program | None = None
        self._interlocks: dict[int, Interlock] = {}  # by the number of images in a batch

    def _identity(self, kernel: Any) -> tuple[int, ...]:
        """Ask the engine what it was built for."""
        numbers = np.zeros(IDENTITY_ROOM, np.int32)
        buffer, queue = self._copy(numbers), self._queues["scheduler"]
        kernel.set_args(buffer)
        self._cl.enqueue_nd_range_kernel(queue, kernel, (1,), (1,)).wait()
        self._cl.enqueue_copy(queue, numbers, buffer).wait()
        return tuple(numbers[:IDENTITY_NUMBERS].tolist())

    def load(self, program: Program, weights: bytes) -> None:
        """Copy the job table, the parameters and the weights to the device."""
        with self._failing():
            self._load(program, weights)

    @contextlib.contextmanager
    def _failing(self) -> Generator[None]:
        """Say that the device failed where the driver says anything."""
        try:
            yield
        except self._cl.Error as error:
            raise DeviceError(f"`{self.name}` failed: {error}") from error

    def _load(self, program: Program, weights: bytes) -> None:
        self._program = program
        self._interlocks = {}
        self._jobs = self._copy(program.job_table())
        self._parameters = self._copy(program.parameters)
        self._places = self._copy(program.places)
        self._weights = self._copy(np.frombuffer(weights, np.uint8))

    def execute(self, memories: Memories) -> dict[str, int]:
        """Run all jobs on all frames in place; return the loop iterations of each kernel."""
        with self._failing():
            return self._execute(memories)

    def _execute(self, memories: Memories) -> dict[str, int]:
        if self._program is None:
            raise RuntimeError("expected a loaded program")
        memory = self._copy(memories.memory)
        output = self._copy(memories.output)
        trace = self._copy(memories.trace)
        counts = {name: np.zeros(len(what), np.int64) for name, what in COUNTERS.items()}
        counters = {name: self._copy(zeros) for name, zeros in counts.items()}
        awaited = self._interlock(memories.images)
        transfers = self._program.transfer_table()
        images, frames = np.int32(memories.images), np.int32(memories.frames)
        jobs = np.int32(len(self._program.jobs))
        arguments: dict[str, tuple[Any, ...]] = {
            "scheduler": (
                self._jobs,
                jobs,
                self._copy(awaited.table()),
                np.int32(awaited.results),
                self._copy(np.concatenate([transfers, awaited.transfers[:, None]], axis=1)),
                np.int32(len(transfers)),
                self._places,
                memory,
                np.int32(self._program.memory_vectors),
                output,
                np.int32(memories.output.shape[1]),
                trace,
                np.int32(memories.trace.shape[1]),
                images,
                frames,
            ),
            "weight_reader": (self._jobs, jobs, frames, self._weights),
            "pe": (self._jobs, jobs, images, frames),
            "requantizer": (self._jobs, jobs, images, frames, self._parameters),
            "window": (self._jobs, jobs, images, frames),
        }
        events: dict[str, Any] = {}
        for name in KERNELS:
            self._kernels[name].set_args(*arguments[name], counters[name])
            events[name] = self._cl.enqueue_nd_range_kernel(
                self._queues[name], self._kernels[name], (1,), (1,)
            )
            self._queues[name].flush()
        self._wait(events)
        queue = self._queues["scheduler"]
        for results, buffer in (
            (memories.memory, memory),
            (memories.output, output),
            (memories.trace, trace),
        ):
            if results.size:
                self._cl.enqueue_copy(queue, results, buffer).wait()
        counted: dict[str, int] = {}
        for name, what in COUNTERS.items():
            self._cl.enqueue_copy(queue, counts[name], counters[name]).wait()
            counted |= zip(what, counts[name].tolist(), strict=True)
        return counted

    def close(self) -> None:
        """Forget the loaded program; the driver releases the rest with this object."""
        self._program = None

    def _interlock(self, images: int) -> Interlock:
        """Return what the loaded program waits for, with so many images in a batch."""
        assert self._program is not None
        if images not in self._interlocks:
            self._interlocks[images] = interlock(self._program, images)
        return self._interlocks[images]

    def _copy(self, array: npt.NDArray[Any]) -> Any:
        flags = self._cl.mem_flags
        # OpenCL refuses empty buffers; a program without raw outputs has no output memory.
        contents = np.ascontiguousarray(array) if array.size else np.zeros(1, array.dtype)
        return self._cl.Buffer(
            self._context, flags.READ_WRITE | flags.COPY_HOST_PTR, hostbuf=contents
        )

    def _wait(self, events: dict[str, Any]) -> None:
        """Wait for all kernels; say which are waiting when time is up."""
        complete = self._cl.command_execution_status.COMPLETE
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            states = {name: event.command_execution_status for name, event in events.items()}
            failed = [name for name, state in states.items() if state < complete]
            if failed:
                raise DeviceError(f"kernels failed on `{self.name}`: {', '.join(failed)}")
            waiting = [name for name, state in states.items() if state != complete]
            if not waiting:
                return
            if time.monotonic() > deadline:
                raise DeviceError(
                    f"kernels still waiting on `{self.name}` after {self._timeout_seconds:g} s: "
                    f"{', '.join(waiting)}"
                )
            time.sleep(POLL_SECONDS)


def _find_device(cl: Any, platform: str, place: int) -> Any:
    platforms: list[Any] = []
    with contextlib.suppress(cl.Error):  # raised where the ICD loader finds no platform at all
        platforms = cl.get_platforms()
    for candidate in platforms:
        if platform.lower() in candidate.name.lower():
            devices = candidate.get_devices()
            if place < len(devices):
                return devices[place]
            raise UserError(
                f"expected {place + 1} or more devices of `{candidate.name}`, got {len(devices)}",
                hint="they are counted from 0",
            )
    names = ", ".join(f"`{candidate.name}`" for candidate in platforms) or "none"
    raise UserError(
        f"expected an OpenCL platform named like `{platform}`, got {names}",
        hint="use `--device emulator` or `--device simulator` without a card",
    )
