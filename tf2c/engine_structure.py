"""What an engine is made of: kernels, the channels between them, and the buffers that they keep.

The kernels' OpenCL is rendered from it (`kernels/templates`), and the `dataflow` dialect states it.
"""

from typing import NamedTuple

from tf2c.engine import Engine

KERNELS = ("scheduler", "weight_reader", "pe", "requantizer", "window")


class Channel(NamedTuple):
    """A queue from one kernel to another."""

    name: str
    source: str
    target: str
    struct: str
    """What OpenCL C calls a word of it."""
    shape: tuple[int, ...]
    """Of the numbers in a word."""
    bits: int
    """Of each number."""
    depth: int
    """Words that it holds."""
    least_depth: int
    """Words that it has to hold, or kernels may wait for each other for ever."""


class Buffer(NamedTuple):
    """Memory on chip that a kernel keeps."""

    name: str
    kernel: str
    words: int
    shape: tuple[int, ...]
    """Of the numbers in a word."""
    bits: int
    """Of each number."""


def channels(engine: Engine) -> tuple[Channel, ...]:
    """Return the channels of an engine.

    `scheduler` is the only kernel that waits for what it has caused: it writes features and
    residual operands, and reads results. It never has more vectors of pixels in flight than
    `channel_depth`. If accumulators and residual operands have room for as many, then `pe` and
    `requantizer` always take what it writes, however long they wait to pass it on; so it comes to
    read. All other depths are a matter of speed.
    """
    filters, channel_vector, pixels = (
        engine.filter_vector,
        engine.channel_vector,
        engine.pixel_vector,
    )
    parts, depth = engine.splits[-1], engine.channel_depth
    stored = (pixels, filters)
    return (
        Channel("features", "scheduler", "pe", "feature_t", (pixels, channel_vector), 8, depth, 1),
        Channel(
            "weights",
            "weight_reader",
            "pe",
            "weight_t",
            (parts, filters, channel_vector),
            4,
            engine.weight_depth,
            1,
        ),
        Channel("accumulators", "pe", "requantizer", "sum_t", (filters, pixels), 32, depth, depth),
        Channel("residuals", "scheduler", "requantizer", "residual_t", stored, 8, depth, depth),
        Channel("pixels", "requantizer", "window", "pixel_t", stored, 32, depth, 1),
        Channel("pooled", "window", "scheduler", "pixel_t", stored, 32, depth, 1),
    )


def buffers(engine: Engine) -> tuple[Buffer, ...]:
    """Return the buffers of an engine."""
    parts = engine.splits[-1]
    codes = (parts, engine.filter_vector, engine.channel_vector)
    return (
        Buffer("cache", "scheduler", engine.cache_vectors, (engine.channel_vector,), 8),
        Buffer("kept", "pe", engine.weight_depth, codes, 4),
        Buffer(
            "greatest",
            "window",
            engine.window_rows * engine.window_width,
            (parts, engine.filter_vector),
            8,
        ),
    )
