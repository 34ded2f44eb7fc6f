"""Fold the image so that the first layer's taps fill the lanes that multiply channels.

An image of three channels uses three of an engine's channel lanes, tap by tap. If the host stores,
for each pixel of the first convolution, what some rows of its window see as channels of one pixel,
then the convolution has these channels, and a kernel of one column and fewer rows. Of the numbers
of rows that can be folded, the pass takes the one with the fewest weight words, then the smallest
folded image, among those that leave half of the cache to others, so that the next image can be
loaded while this one is computed, and leave room for what the job stores; none, if nothing is
gained.

Before:
    %x = dataflow.input %q                                            // 3 x 224 x 224
    %y = dataflow.job %x, %w, %b strides [2, 2] pads [3, 3, 3, 3] ... // 7 x 7
After:
    %x = dataflow.input %q fold [2, 7] fold_strides [2, 2] fold_pads [3, 3, 4, 3] // 42 x 115 x 112
    %y = dataflow.job %x, %v, %b ...                                  // 4 x 1

Requires: a `dataflow.engine`. Only an image that one job reads, with one group and no dilation, is
    folded.
Ensures: what other ops read is the same.
Contract: exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.rewriter import Rewriter
from xdsl.transforms.dead_code_elimination import dce

from tf2c.analysis.constants import constant_array
from tf2c.dialects import dataflow, shift, tensors
from tf2c.dialects.shift import code_scale, code_terms
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import UNIT_STRIDES, ConvolutionWindow, PoolingWindow
from tf2c.engine import Engine
from tf2c.numerics import pow2
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import insert_before, network_function, replace_value
from tf2c.passes.stated_engine import stated_engine


class _Folding(NamedTuple):
    """One way to fold."""

    words: int
    """Weight words per filter tile: iterations per vector of pixels."""
    cells: int
    """Of the cache that the folded image takes."""
    rows: int
    """Of the kernel that become channels."""
    kernel_rows: int
    """Of the kernel that is left."""
    step: int
    """Between the rows that it sees."""


def _foldings(job: dataflow.JobOp, engine: Engine) -> Iterator[_Folding]:
    """Yield the ways to fold what a job reads."""
    _, channels, height, width = tensors.shape(job.weight)
    stride = job.strides.get_values()[0]
    out_height, out_width = job.convolution_extents
    for rows in sorted({*range(stride, height, stride), height}):
        left = -(-height // rows)
        step = rows // stride if left > 1 else 1
        groups = engine.channel_groups(rows * width * channels)
        cells = groups * (out_height + (left - 1) * step) * out_width
        yield _Folding(groups * left * code_terms(job.weight), cells, rows, left, step)


def _folded_codes(
    codes: npt.NDArray[np.uint8], terms: int, folding: _Folding
) -> npt.NDArray[np.uint8]:
    """Return the weights `[M, rows * KW * C, kernel_rows, 1]` of `[M, C, KH, KW]`."""
    filters, channels, height, width = codes.shape
    zero = pow2.encode(np.zeros(1, np.int8), terms)[0]
    missing = folding.rows * folding.kernel_rows - height
    padded = np.pad(codes, ((0, 0), (0, 0), (0, missing), (0, 0)), constant_values=zero)
    parts = padded.reshape(filters, channels, folding.kernel_rows, folding.rows, width)
    return np.ascontiguousarray(parts.transpose(0, 3, 4, 1, 2)).reshape(
        filters, -1, folding.kernel_rows, 1
    )


def _fold(image: dataflow.InputOp, job: dataflow.JobOp, folding: _Folding) -> None:
    """Let the host fold, and the job read that."""
    width = tensors.shape(job.weight)[3]
    strides, pads, _, _ = job.window.numbers
    rows = job.convolution_extents[0] + (folding.kernel_rows - 1) * folding.step
    needed = (rows - 1) * strides[0] + folding.rows
    below = max(needed - tensors.extents(image.input)[1] - pads[0], 0)
    windows = PoolingWindow(
        i64_array([folding.rows, width]),
        i64_array(strides),
        i64_array([pads[0], pads[1], below, pads[3]]),
    )
    folded = dataflow.InputOp(image.input, windows)
    insert_before(image, [folded], layer=image)
    codes = _folded_codes(constant_array(job.weight), code_terms(job.weight), folding)
    weight = shift.ConstantOp(codes, code_scale(job.weight), code_terms(job.weight))
    replacement = job.clone()
    window = ConvolutionWindow(dilations=i64_array([folding.step, 1]), strides=UNIT_STRIDES)
    replacement.properties.update(window.properties)
    insert_before(job, [weight, replacement], layer=job)
    replacement.operands[0] = folded.output
    replacement.operands[1] = weight.output
    replace_value(job.output, replacement.output)
    Rewriter.erase_op(job)
    Rewriter.erase_op(image)


def _room(job: dataflow.JobOp, engine: Engine) -> int:
    """Return how many cells an image may take that a job reads."""
    stored = 0 if job.is_returned else sum(dataflow.cells(each, engine) for each in job.stored)
    return min(engine.cache_vectors // 2, engine.cache_vectors - stored)


@dataclass(frozen=True)
class FoldFirstLayerPass(CompilerPass):
    """Fold the image so that the first layer's taps fill the lanes that multiply channels."""

    name = "fold-first-layer"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fold the image, if that pays."""
        function = network_function(op)
        engine = stated_engine(function)
        for image in list(function.body.block.ops):
            if not isinstance(image, dataflow.InputOp) or not image.output.has_one_use():
                continue
            (use,) = image.output.uses
            job = use.operation
            if not isinstance(job, dataflow.JobOp) or use.index != 0 or image.is_folded:
                continue
            _, _, dilations, group = job.window.numbers
            if group > 1 or max(dilations) > 1:
                continue
            fitting = [each for each in _foldings(job, engine) if each.cells <= _room(job, engine)]
            if fitting and min(fitting).words < job.weight_words(engine, 1):
                _fold(image, job, min(fitting))
        dce(op)
