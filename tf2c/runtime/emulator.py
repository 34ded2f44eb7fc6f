"""Intel's FPGA emulator as a device, in a process of its own.

The emulator (`pip install 'tf2c[emulator]'`) wants environment variables before it starts, may
hang for ever when kernels wait for each other, and brings its own threads. A child process gives
it the variables without touching the user's, and can be killed. The child is this module run as a
program; the two talk through a `multiprocessing` connection (`docs/adr/0004`).
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from importlib.metadata import PackageNotFoundError, files
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tf2c.errors import DeviceError, UserError
from tf2c.program import Program
from tf2c.runtime.device import DEFAULT_TIMEOUT_SECONDS, Closeable, Memories
from tf2c.runtime.opencl import Lanes, source_of

PACKAGE = "intel-opencl-rt"
LIBRARY = "libintelocl_emu.so"
PLATFORM = "Intel(R) FPGA Emulation Platform"

WORKER_THREADS = 32
"""At least as many as kernels that run at once, or channel-connected kernels never finish."""

GRACE_SECONDS = 10.0
"""How long after the child's own deadline the parent gives up on it."""

START_SECONDS = 120.0
"""How long starting the emulator and building an engine may take."""


def library_path() -> Path:
    """Return where the emulator's library is installed.

    Raises:
        UserError: it is not installed.
    """
    try:
        installed = files(PACKAGE) or []
    except PackageNotFoundError:
        installed = []
    for file in installed:
        if file.name == LIBRARY and (path := Path(str(file.locate())).resolve()).is_file():
            return path
    raise UserError(
        "expected Intel's FPGA emulator, got no installation of it",
        hint="run `pip install 'tf2c[emulator]'` (x86-64 Linux)",
    )


def child_environment(library: Path, folder: Path) -> dict[str, str]:
    """Return the environment of a process in which pyopencl finds the emulator, and only that.

    Args:
        library: what `library_path` returns.
        folder: exists as long as the process; a file that names the library is written there.
    """
    (folder / "emulator.icd").write_text(f"{library}\n")
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path),
        "OCL_ICD_VENDORS": str(folder),
        "LD_LIBRARY_PATH": os.pathsep.join(
            (str(library.parent), os.environ.get("LD_LIBRARY_PATH", ""))
        ).rstrip(os.pathsep),
        "CL_CONFIG_CPU_TBB_NUM_WORKERS": str(WORKER_THREADS),
        "CL_CONFIG_CPU_FORCE_LOCAL_MEM_SIZE": "64MB",
        "PYOPENCL_NO_CACHE": "1",
    }


class EmulatorDevice(Closeable):
    """The emulator with one engine built for it."""

    name = "emulator"
    job_times = ()

    def __init__(
        self,
        kernels: bytes,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        lanes: Lanes = Lanes.VECTORS,
    ) -> None:
        """Start the emulator and build the engine.

        Args:
            kernels: OpenCL C source, or what another emulator has `built` from it.
            timeout_seconds: how long one batch may take before the watchdog ends the emulator.
            lanes: how the lanes are written.

        Raises:
            UserError: the emulator is not installed.
            DeviceError: the kernels do not build.
        """
        library = library_path()
        self.kernels = source_of(kernels)
        self._timeout_seconds = timeout_seconds
        self._folder = tempfile.TemporaryDirectory(prefix="tf2c-emulator-")
        # Open as long as the child is; `close` closes it.
        self._errors = Path(self._folder.name, "errors.txt").open("w+")  # noqa: SIM115
        ours, theirs = socket.socketpair()
        self._child = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the emulator prints build logs there
            stderr=self._errors,
            env=child_environment(library, Path(self._folder.name)),
        )
        theirs.close()
        self._connection: Connection[Any, Any] = Connection(ours.detach())
        try:
            build = ("build", kernels, timeout_seconds, lanes)
            answer: tuple[tuple[int, ...], bytes] = self._ask(build, START_SECONDS)
            self.identity, self.built = answer
        except BaseException:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether its process still runs."""
        return self._child.poll() is None

    @property
    def process_id(self) -> int:
        """Of the process that the emulator is in."""
        return self._child.pid

    def load(self, program: Program, weights: bytes) -> None:
        """Take the network to run; the engine is not built again."""
        self._ask(("load", program, weights), START_SECONDS)

    def execute(self, memories: Memories) -> dict[str, int]:
        """Run all jobs on all frames in place; return the loop iterations of each kernel."""
        message = ("execute", memories)
        iterations, results = self._ask(message, self._timeout_seconds + GRACE_SECONDS)
        memories.memory[:] = results.memory
        memories.output[:] = results.output
        memories.trace[:] = results.trace
        return iterations

    def close(self) -> None:
        """End the emulator's process."""
        self._connection.close()
        self._child.kill()
        self._child.wait()
        self._errors.close()
        self._folder.cleanup()

    def _last_words(self) -> list[str]:
        """Return the last line that the child wrote on its stderr, if any."""
        if self._errors.closed:
            return []
        self._errors.seek(0)
        return self._errors.read().strip().splitlines()[-1:]

    def _ask(self, message: tuple[Any, ...], seconds: float) -> Any:
        """Send a request and return the answer, or raise what the child raised."""
        try:
            self._connection.send(message)
            if not self._connection.poll(seconds):
                self.close()
                raise DeviceError(f"the emulator did not answer `{message[0]}` in {seconds:g} s")
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            code = self._child.wait()
            reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            reason = " ".join((reason, *self._last_words()))
            raise DeviceError(f"the emulator ended during `{message[0]}`: {reason}") from error
        if isinstance(answer, Exception):
            raise answer
        return answer


def _serve(connection: "Connection[Any, Any]") -> None:
    """Answer requests until the parent closes the connection: the child's main loop."""
    from tf2c.runtime.opencl import OpenCLDevice

    device: Any = None
    while True:
        try:
            request, *arguments = connection.recv()
        except EOFError:
            break
        answer: Any = None
        try:
            if request == "build":
                device = OpenCLDevice(PLATFORM, *arguments)
                answer = device.identity, device.built
            elif request == "load":
                device.load(*arguments)
            else:
                (memories,) = arguments
                answer = device.execute(memories), memories
        except (DeviceError, UserError) as error:
            answer = error
        except Exception as error:
            answer = DeviceError(f"the emulator's process failed in `{request}`: {error!r}")
        connection.send(answer)


if __name__ == "__main__":
    try:
        _serve(Connection(int(sys.argv[1])))
    except BaseException:
        traceback.print_exc()  # the parent quotes the last line
        sys.stderr.flush()
        os._exit(1)
    # Kernels that wait for each other never end; neither would an orderly exit.
    os._exit(0)
