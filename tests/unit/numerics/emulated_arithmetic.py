"""The engine's scalar arithmetic on Intel's emulator: arrays of operands in, results out.

The text that the emulator's OpenCL compiler gets is the one in every engine
(`render_arithmetic`), followed by `arithmetic_on_arrays.cl`. This module is also the program of
the child process, which has the environment that the emulator wants.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tf2c.backends.opencl.render import render_arithmetic
from tf2c.runtime.emulator import PLATFORM, child_environment

KERNELS = Path(__file__).with_name("arithmetic_on_arrays.cl")

SECONDS = 120.0
"""How long a kernel may take, with starting the emulator and building."""

Operand = npt.NDArray[Any] | int


def compute(
    library: Path, kernel: str, operands: Sequence[Operand], shape: tuple[int, ...]
) -> npt.NDArray[np.int32]:
    """Run one kernel on the emulator.

    Args:
        library: the emulator's.
        kernel: a name in `arithmetic_on_arrays.cl`.
        operands: its arguments but the last: arrays, and integers for `int` arguments.
        shape: that of the results.
    """
    with tempfile.TemporaryDirectory(prefix="tf2c-arithmetic-") as name:
        folder = Path(name)
        (folder / "source.cl").write_text(f"{render_arithmetic()}\n{KERNELS.read_text()}")
        np.savez(folder / "operands.npz", *operands)
        np.save(folder / "results.npy", np.zeros(shape, np.int32))
        outcome = subprocess.run(
            [sys.executable, __file__, name, kernel],
            env=child_environment(library, folder),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert outcome.returncode == 0, outcome.stderr
        return np.load(folder / "results.npy")


def _compute_in_child(folder: Path, kernel: str) -> None:
    import pyopencl

    cl: Any = pyopencl
    (platform,) = (each for each in cl.get_platforms() if PLATFORM in each.name)
    context = cl.Context(platform.get_devices()[:1])
    queue = cl.CommandQueue(context)
    program = cl.Program(context, (folder / "source.cl").read_text()).build()
    results = np.load(folder / "results.npy")

    def argument(operand: npt.NDArray[Any]) -> Any:
        if operand.ndim == 0:
            return np.int32(operand)
        flags = cl.mem_flags.READ_ONLY | cl.mem_flags.COPY_HOST_PTR
        return cl.Buffer(context, flags, hostbuf=np.ascontiguousarray(operand))

    written = cl.Buffer(context, cl.mem_flags.WRITE_ONLY, results.nbytes)
    operands = np.load(folder / "operands.npz")
    arguments = [argument(operands[name]) for name in operands.files]
    started = cl.Kernel(program, kernel)
    started.set_args(*arguments, written)
    cl.enqueue_nd_range_kernel(queue, started, (1,), (1,)).wait()
    cl.enqueue_copy(queue, results, written).wait()
    np.save(folder / "results.npy", results)


if __name__ == "__main__":
    _compute_in_child(Path(sys.argv[1]), sys.argv[2])
