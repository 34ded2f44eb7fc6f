"""Render an engine's OpenCL kernels from its vector sizes."""

from tf2c.backends.opencl.templates import load_template
from tf2c.engine import Engine
from tf2c.engine_structure import KERNELS, channels, ports
from tf2c.job_table import Job
from tf2c.numerics import fixed_point, pow2
from tf2c.program import identity

_CONSTANTS = {"zero_code": pow2.ZERO_CODE, "requantize_shift": fixed_point.REQUANTIZE_SHIFT}
"""What the kernels and `numerics` have to agree on."""


def render_engine(engine: Engine, banner: str) -> str:
    """Return the OpenCL C source of `engine`, the same bytes for the same arguments.

    Args:
        engine: the vector sizes.
        banner: one line for the head of the file: the tool's version.
    """
    return load_template("engine.cl.j2").render(
        engine=engine,
        banner=banner,
        job_fields=Job._fields,
        identity=identity(engine),
        channels=channels(engine),
        port=_ports(engine),
        **_CONSTANTS,
    )


def _ports(engine: Engine) -> dict[str, dict[str, str]]:
    """Return how each kernel declares its ports, by their names."""
    return {
        kernel: {each.name: each.declaration for each in ports(engine) if each.kernel == kernel}
        for kernel in KERNELS
    }


def render_arithmetic() -> str:
    """Return the part of every engine's source that computes, functions of numbers alone."""
    return load_template("arithmetic.clh.j2").render(_CONSTANTS)
