"""tf2c: trained convolutional networks on FPGA cards by shift computing.

    import tf2c

    net = tf2c.compile("net.onnx", calib="images/", board="pac_a10")
    scores = net.run(images)

The names below are loaded when first used, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tf2c.api import Artifact, bisect, check, compile, evaluate, load, retrain
    from tf2c.errors import DeviceError, UserError
    from tf2c.frontends.onnx import load_onnx
    from tf2c.passes.pipeline import PassPipeline

__all__ = [
    "Artifact",
    "DeviceError",
    "PassPipeline",
    "UserError",
    "bisect",
    "check",
    "compile",
    "evaluate",
    "load",
    "load_onnx",
    "retrain",
]

_HOMES = {
    "Artifact": "tf2c.api",
    "DeviceError": "tf2c.errors",
    "PassPipeline": "tf2c.passes.pipeline",
    "UserError": "tf2c.errors",
    "bisect": "tf2c.api",
    "check": "tf2c.api",
    "compile": "tf2c.api",
    "evaluate": "tf2c.api",
    "load": "tf2c.api",
    "load_onnx": "tf2c.frontends.onnx",
    "retrain": "tf2c.api",
}


def __getattr__(name: str) -> Any:
    """Load a public name from where it lives."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module `tf2c` has no attribute `{name}`")
    return getattr(import_module(_HOMES[name]), name)
