"""How often an engine's lanes work for a job on one image, before anything is emitted."""

from math import prod

from tf2c.dialects import dataflow
from tf2c.engine import Engine


def lane_iterations(job: dataflow.JobOp, engine: Engine, parts: int, filters: int) -> int:
    """Return how often the lanes work on one image.

    Args:
        job: whose pixels and words these are.
        engine: that has the lanes.
        parts: of the vectors of pixels.
        filters: of the job, or what it might have.
    """
    seen = engine.split(parts)
    vectors = seen.pixel_tiles(prod(job.convolution_extents))
    return seen.filter_tiles(filters) * vectors * job.weight_words(engine, parts)


def best_parts(job: dataflow.JobOp, engine: Engine, filters: int) -> int:
    """Return the parts of the fewest iterations whose weights fit; the fewest parts of equals."""
    legal = [
        parts for parts in engine.splits if job.weight_words(engine, parts) <= engine.weight_depth
    ]
    return min(legal, key=lambda parts: lane_iterations(job, engine, parts, filters))
