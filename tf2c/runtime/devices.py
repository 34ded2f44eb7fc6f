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
        name: `simulator`, `emulator`, or `opencl:` with a part of a platform's name, and behind
            another `:` which of its devices, from 0; the first by default.
        kernels: the engine's OpenCL source, or an .aocx file for a card.
        timeout_seconds: how long the watchdog lets a batch take.

    Raises:
        UserError: no such device, or it is not installed.
        DeviceError: the kernels do not build.
    """
    platform, place = _parts(name)
    if name == SIMULATOR:
        return Simulator()
    if name == EMULATOR:
        from tf2c.runtime.emulator import EmulatorDevice

        return EmulatorDevice(kernels, timeout_seconds)
    if platform:
        from tf2c.runtime.opencl import OpenCLDevice

        return OpenCLDevice(platform, kernels, timeout_seconds, place=place or 0)
    raise UserError(
        f"expected a device, got `{name}`",
        hint=f"devices are {SIMULATOR}, {EMULATOR}, {OPENCL_PREFIX}PLATFORM and "
        f"{OPENCL_PREFIX}PLATFORM:NUMBER",
    )


def device_names(name: str, count: int) -> list[str]:
    """Return what to open for several devices of a kind, no two of them the same card.

    Raises:
        UserError: the name is of one device, and several are wanted.
    """
    platform, place = _parts(name)
    if not platform:
        return [name] * count  # each that is opened is another one
    if place is None:
        return [f"{name}:{place}" for place in range(count)]
    if count > 1:
        raise UserError(
            f"expected devices for {count} cards, got one, `{name}`",
            hint=f"`{OPENCL_PREFIX}{platform}` is all of that platform",
        )
    return [name]


def _parts(name: str) -> tuple[str, int | None]:
    """Take `opencl:PLATFORM:NUMBER` apart; there may be no number, or, for others, no platform."""
    if not name.startswith(OPENCL_PREFIX):
        return "", None
    platform = name.removeprefix(OPENCL_PREFIX)
    front, separator, place = platform.rpartition(":")
    if separator and place.isdecimal():
        return front, int(place)
    return platform, None
