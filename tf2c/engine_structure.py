"""What an engine is made of, and what it can do.

It has kernels, channels between them, buffers that they keep, and ports to the card's memory. The
kernels' OpenCL is rendered from this (`kernels/templates`), and the `dataflow` dialect states it.
"""

from enum import StrEnum
from typing import NamedTuple

from tf2c.engine import Engine
from tf2c.job_table import Job

KERNELS = ("scheduler", "weight_reader", "pe", "requantizer", "window")


class Capability(StrEnum):
    """What a network may ask of an engine, beside convolutions of int8 with weights in one code."""

    TWO_TERMS = "two_terms"
    """Weights that are sums of two powers of two."""
    GROUPS = "groups"
    """Convolutions whose filters see some of the channels."""
    RESIDUALS = "residuals"
    """A stored tensor that is added before accumulators are rounded."""
    MAXIMA = "maxima"
    """Maximum poolings that leave padding out."""
    MEANS = "means"
    """Averages of windows that all have equally many real pixels."""
    RAW_RESULTS = "raw_results"
    """Results that are accumulators."""

    INT8_WEIGHTS = "int8_weights"
    WEIGHT_BYTES = "weight_bytes"
    """TF2's, with shifts of 5 bits."""
    UI8 = "ui8"
    """Stored numbers without a sign."""
    CHANNEL_SCALES = "channel_scales"
    """Stored tensors with a scale per channel."""
    RESCALING = "rescaling"
    """Accumulators times TF2's alpha and beta."""
    STORED_SUMS = "stored_sums"
    """Sums of two stored tensors."""
    ZERO_PADDED_MAXIMA = "zero_padded_maxima"
    FREE_MEANS = "free_means"
    """Averages by a factor that is not that of the scales."""
    EDGE_MEANS = "edge_means"
    """Averages of windows of which some reach beyond the image."""
    TRANSPOSITIONS = "transpositions"
    FIVE_DIMENSIONS = "five_dimensions"
    SEVERAL_RESULTS = "several_results"
    LOCAL_RESPONSE_NORMALIZATION = "local_response_normalization"
    SOFTMAX = "softmax"


CAPABILITIES = frozenset(
    {
        Capability.TWO_TERMS,
        Capability.GROUPS,
        Capability.RESIDUALS,
        Capability.MAXIMA,
        Capability.MEANS,
        Capability.RAW_RESULTS,
    }
)
"""What the kernels can do. Of the sizes, only how much at once depends."""


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


class Port(NamedTuple):
    """A kernel's way to the card's memory: a pointer in OpenCL, a load-store unit in hardware."""

    name: str
    kernel: str
    reads: bool
    writes: bool
    struct: str
    """What OpenCL C calls a word of it."""
    shape: tuple[int, ...]
    """Of the numbers in a word."""
    bits: int
    """Of each number."""

    @property
    def declaration(self) -> str:
        """The kernel's parameter in OpenCL C.

        `restrict` tells `aoc` that no other pointer of the kernel reaches the same words. Without
        it, what is both read and written stays in order.
        """
        const = "" if self.writes else "const "
        restrict = "" if self.reads and self.writes else "restrict "
        return f"global {const}{self.struct} *{restrict}{self.name}"


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


TIMETABLE_NUMBERS = 5
"""Of a row of the timetable, a vector of pixels."""
TRANSFER_NUMBERS = 6
"""Of a row of the table of transfers."""


def ports(engine: Engine) -> tuple[Port, ...]:
    """Return the ports of an engine to the card's memory."""
    filters, channel_vector = engine.filter_vector, engine.channel_vector

    def reading(name: str, kernel: str, struct: str, shape: tuple[int, ...], bits: int) -> Port:
        return Port(name, kernel, True, False, struct, shape, bits)

    def writing(name: str, kernel: str, struct: str, shape: tuple[int, ...], bits: int) -> Port:
        return Port(name, kernel, False, True, struct, shape, bits)

    return (
        *(reading("jobs", kernel, "job_t", (len(Job._fields),), 32) for kernel in KERNELS),
        reading("timetable", "scheduler", "vector_t", (TIMETABLE_NUMBERS,), 32),
        reading("transfers", "scheduler", "transfer_t", (TRANSFER_NUMBERS,), 32),
        reading("places", "scheduler", "int", (1,), 32),
        Port("memory", "scheduler", True, True, "cell_t", (channel_vector,), 8),
        writing("output", "scheduler", "int", (1,), 32),
        writing("trace", "scheduler", "cell_t", (channel_vector,), 8),
        reading("codes", "weight_reader", "codes_t", (filters, channel_vector), 4),
        reading("parameters", "requantizer", "parameter_t", (2, filters), 32),
        *(writing("iterations", kernel, "long", (1,), 64) for kernel in KERNELS),
    )
