"""What a device is to the runtime."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tf2c.program import Program

DEFAULT_TIMEOUT_SECONDS = 120.0
"""How long a batch may take before the watchdog says which kernels wait."""


@dataclass(frozen=True)
class Memories:
    """A batch of images side by side in the two memories that jobs read and write."""

    features: npt.NDArray[np.int8]
    """`[N, feature_bytes]`."""
    output: npt.NDArray[np.int32]
    """`[N, output_words]`: raw accumulators."""

    @staticmethod
    def for_batch(program: Program, images: int) -> "Memories":
        """Return zeroed memories for a batch of `images`."""
        return Memories(
            np.zeros((images, program.feature_bytes), np.int8),
            np.zeros((images, program.output_words), np.int32),
        )

    def elements(self) -> int:
        """Return how many stored elements a comparison of two memories covers."""
        return self.features.size + self.output.size

    def differences(self, other: "Memories") -> int:
        """Return how many stored elements differ from `other`."""
        return int(
            np.count_nonzero(self.features != other.features)
            + np.count_nonzero(self.output != other.output)
        )


class Device(Protocol):
    """Something that executes programs: the simulator, the emulator or a card."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def kernels(self) -> bytes | None:
        """What its engine was built from; None where nothing is built."""
        ...

    def load(self, program: Program, weights: bytes) -> None:
        """Take the network to run: a program and the contents of `weights.bin`.

        The engine stays as it is; only data changes.
        """
        ...

    def execute(self, memories: Memories) -> dict[str, int]:
        """Run all jobs on a batch in place; return the loop iterations of each kernel.

        A device that does not count returns an empty dictionary.

        Raises:
            DeviceError: the device failed or a kernel did not finish.
        """
        ...

    def close(self) -> None:
        """Release the device."""
        ...
