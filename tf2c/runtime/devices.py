"""Devices by name."""

from tf2c.errors import UserError
from tf2c.runtime.device import DEFAULT_TIMEOUT_SECONDS, Device
from tf2c.runtime.simulator import Simulator

SIMULATOR = "simulator"
EMULATOR = "emulator"
OPENCL_PREFIX = "opencl:"


def open_device(
    name: str, kernels: bytes, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
) -> Device:
    """Open a device and build the engine on it.

    Args:
        name: `simulator`, `emulator`, or `opencl:` with a part of a platform's name.
        kernels: the engine's OpenCL source, or an .aocx file for a card.
        timeout_seconds: how long the watchdog lets a batch take.

    Raises:
        UserError: no such device, or it is not installed.
        DeviceError: the kernels do not build.
    """
    if name == SIMULATOR:
        return Simulator()
    if name == EMULATOR:
        from tf2c.runtime.emulator import EmulatorDevice

        return EmulatorDevice(kernels, timeout_seconds)
    if name.startswith(OPENCL_PREFIX) and name != OPENCL_PREFIX:
        from tf2c.runtime.opencl import OpenCLDevice

        return OpenCLDevice(name.removeprefix(OPENCL_PREFIX), kernels, timeout_seconds)
    raise UserError(
        f"expected a device, got `{name}`",
        hint=f"devices are {SIMULATOR}, {EMULATOR} and {OPENCL_PREFIX}PLATFORM",
    )
