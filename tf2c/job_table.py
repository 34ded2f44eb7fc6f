"""The tables of a program: jobs, and transfers between the card's memory and the feature cache."""

from typing import NamedTuple

from tf2c.engine import Engine
from tf2c.feature_layout import Layout
from tf2c.numerics import fixed_point, pow2, windows


class Job(NamedTuple):
    """One row of the job table, as the kernels read it: int32 each, in this order.

    The job computes `store(pool(requantize(conv(input), residual)))`. Extents are in pixels, places
    in cells of the feature cache for a batch of one image; with more images, every place is that
    much further. `feature_layout` says how tensors lie there. A fully connected layer is a
    convolution over its whole input.
    """

    input_place: int
    input_groups: int
    """Channel vectors of the input."""
    input_height: int
    input_width: int
    input_row_planes: int
    input_column_planes: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int
    split: int
    """Parts of the vectors of pixels, each for other filters; `Engine.split` is what a job sees."""
    tile_groups: int
    """Channel vectors that a filter tile reads."""
    tile_step: int
    """Channel vectors between the first that a tile reads and the first of the next tile; 0 where
    all read the same."""
    weight_terms: int
    """Terms per weight: each vector of features is used once with each term."""
    filter_tiles: int
    """Tiles of `filter_vector * split` output channels."""
    convolution_height: int
    convolution_width: int
    order_row_planes: int
    """The pixels of the convolution are computed as they would lie in so many planes."""
    order_column_planes: int
    residual_place: int
    """Where the residual operand lies; -1 without one."""
    residual_row_planes: int
    residual_column_planes: int
    residual_shift: int
    lower_bound: int
    upper_bound: int
    pool_height: int
    """Height of the pooling window; 1 without pooling."""
    pool_width: int
    pool_stride_height: int
    pool_stride_width: int
    pool_pad_top: int
    pool_pad_left: int
    average_multiplier: int
    """`M` of an average over all pixels, in one window; 0: the greatest of each window."""
    average_lower_bound: int
    average_upper_bound: int
    output_row: int
    """First row of the table of places, one row per channel vector of the output."""
    output_groups: int
    output_height: int
    output_width: int
    output_row_planes: int
    output_column_planes: int
    raw: int
    """1: store the int32 accumulators instead of requantizing them."""
    returned: int
    """1: store int32 in the output memory, where the host gets it; 0: int8 in the cache."""
    transfers: int
    """How many of the frame's transfers are complete before it begins."""
    weight_tiles: int
    """Filter tiles with weights of their own: all, or 1 where they have the same."""
    weight_offset: int
    """First part of a weight word; the words of a job have `split` parts."""
    parameter_offset: int
    """First row of the parameter table, one row per filter tile and part."""

    @property
    def weight_words(self) -> int:
        """Weight words per filter tile: the loop iterations of one vector of pixels."""
        return self.kernel_height * self.kernel_width * self.tile_groups * self.weight_terms

    @property
    def pixels(self) -> int:
        """Of the convolution, in one image."""
        return self.convolution_height * self.convolution_width

    @property
    def input(self) -> Layout:
        """How the input lies in the cache."""
        planes = self.input_row_planes, self.input_column_planes
        return Layout(self.input_height, self.input_width, *planes)

    @property
    def residual(self) -> Layout:
        """How the residual operand does."""
        planes = self.residual_row_planes, self.residual_column_planes
        return Layout(self.convolution_height, self.convolution_width, *planes)

    @property
    def output(self) -> Layout:
        """How the output does."""
        planes = self.output_row_planes, self.output_column_planes
        return Layout(self.output_height, self.output_width, *planes)

    @property
    def order(self) -> Layout:
        """In which order the pixels of the convolution are computed."""
        planes = self.order_row_planes, self.order_column_planes
        return Layout(self.convolution_height, self.convolution_width, *planes)

    @property
    def pools(self) -> bool:
        """Whether it has a pooling."""
        kernel = (self.pool_height, self.pool_width)
        return (*kernel, self.pool_stride_height, self.pool_stride_width) != (1, 1, 1, 1)


class Transfer(NamedTuple):
    """One row of the table of transfers between the card's memory and the cache: int32 each.

    Transfers of a frame follow each other in the order of the table.
    """

    stores: int
    """1: from the cache to the memory; 0: to the cache."""
    cache_place: int
    memory_place: int
    """In cells of a frame's memory, for a batch of one image."""
    vectors: int
    """Channel vectors of one image."""
    after_jobs: int
    """How many jobs of the frame have been issued before it begins; negative: so many jobs before
    the frame's first may still come, so that it runs ahead."""


def traced_vectors(job: Job) -> int:
    """Return how many channel vectors a job stores in the cache, for one image."""
    return 0 if job.returned else job.output_groups * job.output_height * job.output_width


def extents_agree(job: Job) -> bool:
    """Whether a job's extents and windows agree, so that no kernel waits for more pixels."""
    convolution = (job.convolution_height, job.convolution_width)
    pooled = (job.output_height, job.output_width)
    kernel = (job.pool_height, job.pool_width)
    strides = (job.pool_stride_height, job.pool_stride_width)
    counts = (*convolution, *pooled, *kernel, *strides, job.filter_tiles, job.weight_words)
    steps = (job.stride_height, job.stride_width, job.dilation_height, job.dilation_width)
    layouts = (job.input, job.residual, job.output, job.order)
    planes = [count for each in layouts for count in each[2:]]
    if min(*counts, *steps, *planes, job.input_groups) < 1 or job.weight_terms not in pow2.TERMS:
        return False
    # In another order than a raster only what is read in it, and nothing that is pooled: otherwise
    # the kernels do not agree on how many pixels there are.
    orders = {(1, 1)} if job.pools else {(1, 1), job.input[2:]}
    if job.order[2:] not in orders:
        return False
    # Every tile begins within the input, which also keeps the kernels' products from overflowing.
    if job.tile_step < 0 or (job.filter_tiles - 1) * job.tile_step >= job.input_groups:
        return False
    begins = (job.pool_pad_top, job.pool_pad_left)
    if min(begins) < 0 or any(pad >= size for pad, size in zip(begins, kernel, strict=True)):
        return False
    # The table keeps no bottom and right pads: what the last window needs beyond the image.
    needed = [
        (pixels - 1) * stride + size - extent - begin
        for pixels, stride, size, extent, begin in zip(
            pooled, strides, kernel, convolution, begins, strict=True
        )
    ]
    if any(pad >= size for pad, size in zip(needed, kernel, strict=True)):
        return False
    averaged = (kernel, strides, pooled, begins) == (convolution, convolution, (1, 1), (0, 0))
    if job.average_multiplier and not (averaged and job.pools):
        return False
    pads = (*begins, *(max(pad, 0) for pad in needed))
    return windows.output_extent(convolution, kernel, strides, pads) == pooled


def can_pool(engine: Engine, job: Job) -> bool:
    """Whether the window unit has room for a job's windows."""
    rows = engine.open_window_rows(job.pool_height, job.pool_stride_height, job.output_height)
    fits = rows <= engine.window_rows and job.convolution_width <= engine.window_width
    fits = fits and not job.raw and job.average_multiplier >= 0
    fits = fits and job.average_lower_bound <= job.average_upper_bound
    return (
        fits and job.lower_bound >= fixed_point.INT8_MIN and job.upper_bound <= fixed_point.INT8_MAX
    )
