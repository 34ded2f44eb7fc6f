"""Which split of its vectors of pixels suits a job, before anything is emitted.

All iterations are those for one image.
"""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import numpy as np

from tf2c import feature_layout
from tf2c.analysis.cost.reads import Reads
from tf2c.dialects import dataflow, tensors
from tf2c.dialects.shift import code_terms
from tf2c.engine import Engine


class Split(NamedTuple):
    """Into how many parts a job splits its vectors of pixels."""

    parts: int
    rest_parts: int
    """The same for the filters behind the last whole tile."""


def lane_iterations(job: dataflow.JobOp, engine: Engine, parts: int) -> int:
    """Return how often the lanes work for a filter tile of a job, wherever its tensors lie."""
    vectors = engine.split(parts).pixel_tiles(prod(job.convolution_extents))
    return vectors * job.weight_words(engine, parts)


def cache_iterations(job: dataflow.JobOp, engine: Engine, parts: int) -> int:
    """Return in how many iterations the cache's banks serve a filter tile of a job.

    A vector of pixels takes as long as reading it does, or storing the one before. Where results
    are pooled, they are fewer, and reading is what counts.
    """
    seen = engine.split(parts)
    filters, channels, *kernel = tensors.shape(job.weight)
    strides, pads, dilations, group = job.window.numbers
    order = job.pixel_order
    reads = Reads(dataflow.layout_of(job.input), order, kernel, strides, dilations, pads[:2])
    turns = reads.turns(1, seen.pixel_vector, engine.banks)
    groups = seen.tiling(filters, channels * group, group).groups
    iterations = (turns + prod(kernel) * (code_terms(job.weight) - 1)) * groups
    if job.stored_windows == dataflow.NO_POOLING and not job.is_returned:
        cells = dataflow.layout_of(job.stored[0]).cell_of(1)
        ordered = feature_layout.in_order(cells, order, seen.pixel_vector)
        stored_groups = engine.channel_groups(min(filters, seen.filter_vector))
        store_turns = feature_layout.turns(ordered, engine.banks) * stored_groups
        iterations = np.maximum(iterations, store_turns)
    return int(iterations.sum())


def best_split(
    job: dataflow.JobOp,
    engine: Engine,
    filters: int,
    tile_iterations: Callable[[dataflow.JobOp, Engine, int], int],
) -> tuple[int, Split]:
    """Return the fewest iterations in which a job can compute some filters, and its split then.

    Only splits whose weights fit count. Of equals, one with a single row in the job table wins,
    then one with few parts.

    Args:
        job: whose pixels and words these are.
        engine: that has the lanes.
        filters: of the job, or what it might have.
        tile_iterations: of a filter tile with vectors of pixels in some parts.
    """
    of_tile = {
        parts: tile_iterations(job, engine, parts)
        for parts in engine.splits
        if job.weight_words(engine, parts) <= engine.weight_depth
    }

    def rank(split: Split) -> tuple[int, int, int]:
        shares = engine.shares(filters, *split)
        iterations = sum(
            engine.split(share.parts).filter_tiles(share.filters) * of_tile[share.parts]
            for share in shares
        )
        return iterations, len(shares), split.parts

    splits = [Split(parts, parts) for parts in of_tile]
    if job.group.value.data == 1:
        splits += [
            Split(parts, rest)
            for parts in of_tile
            for rest in of_tile
            if rest < parts and len(engine.shares(filters, parts, rest)) > 1
        ]
    best = min(splits, key=rank)
    return rank(best)[0], best
