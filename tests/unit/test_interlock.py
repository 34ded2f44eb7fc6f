"""The interlock beside a walk over every address that the kernels read and write."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from unit.mixed_network import emitted, mixed_network
from unit.runtime.test_cache import nested_shortcuts, strided

from tf2c.choices import DEFAULT_ENGINE
from tf2c.engine import Engine
from tf2c.errors import LayerError
from tf2c.feature_layout import Layout
from tf2c.interlock import interlock
from tf2c.job_table import Job
from tf2c.program import Program

SMALL_ENGINE = Engine(filter_vector=8, channel_vector=4, pixel_vector=20, largest_split=4)

Position = tuple[int, int, int]
"""Image, row and column."""


def cell(place: int, group: int, layout: Layout, images: int, position: Position) -> int:
    """Where a pixel's channel vector lies, by the words of `Layout`."""
    image, y, x = position
    (row, y_plane), (column, x_plane) = divmod(y, layout[2]), divmod(x, layout[3])
    rows, columns = -(-layout.height // layout[2]), -(-layout.width // layout[3])
    plane = y_plane * layout[3] + x_plane
    inside = ((plane * images + image) * rows + row) * columns + column
    return images * (place + group * layout[2] * layout[3] * rows * columns) + inside


def computed(job: Job, images: int) -> list[Position | None]:
    """The pixels of the convolution in their order; None where planes are not full."""
    rows, columns = -(-job.order.height // job.order[2]), -(-job.order.width // job.order[3])
    pixels: list[Position | None] = []
    for plane in range(job.order[2] * job.order[3]):
        for image in range(images):
            for row in range(rows):
                for column in range(columns):
                    y = row * job.order[2] + plane // job.order[3]
                    x = column * job.order[3] + plane % job.order[3]
                    exists = y < job.convolution_height and x < job.convolution_width
                    pixels.append((image, y, x) if exists else None)
    return pixels


def read_by(job: Job, images: int, pixel: Position) -> list[int]:
    """Every cell that a pixel of the convolution reads, for any filter."""
    image, row, column = pixel
    cells = [
        cell(job.input_place, group, job.input, images, (image, y, x))
        for ky in range(job.kernel_height)
        for kx in range(job.kernel_width)
        for y in [row * job.stride_height - job.pad_top + ky * job.dilation_height]
        for x in [column * job.stride_width - job.pad_left + kx * job.dilation_width]
        if 0 <= y < job.input_height and 0 <= x < job.input_width
        for group in range(job.input_groups)
    ]
    if job.residual_place >= 0:
        cells += [
            cell(job.residual_place, group, job.residual, images, pixel)
            for group in range(job.output_groups)
        ]
    return cells


Result = tuple[int, list[Position]]
"""Behind which pixel it is sent, and which pixels are in it."""


def results_of(engine: Engine, job: Job, images: int) -> list[Result]:
    """The results of a filter tile in order."""
    vector = engine.split(job.split).pixel_vector
    if not job.pools:
        pixels = computed(job, images)
        return [
            (
                min(first + vector, len(pixels)) - 1,
                [each for each in pixels[first : first + vector] if each is not None],
            )
            for first in range(0, len(pixels), vector)
        ]
    found: list[Result] = []
    for image in range(images):
        for row in range(job.output_height):
            bottom = row * job.pool_stride_height - job.pool_pad_top + job.pool_height
            last_row = min(bottom, job.convolution_height) - 1
            last = image * job.pixels + (last_row + 1) * job.convolution_width - 1
            for first in range(0, job.output_width, vector):
                columns = range(first, min(first + vector, job.output_width))
                found.append((last, [(image, row, x) for x in columns]))
    return found


def crowd(cells: list[int], banks: int) -> int:
    """How many of the cells want the same bank, at most."""
    return max(Counter(each % banks for each in cells).values(), default=1)


def walked(program: Program, images: int) -> list[list[list[int]]]:
    engine = program.engine
    stored_at: dict[int, int] = {}
    done = 0
    tables: list[list[list[int]]] = []
    for job in program.jobs:
        seen = engine.split(job.split)
        pixels = computed(job, images)
        table = [[0, 0, 1, 1, 0] for _ in range(seen.pixel_tiles(len(pixels)))]
        for index, row in enumerate(table):
            first = index * seen.pixel_vector
            vector = [each for each in pixels[first : first + seen.pixel_vector] if each]
            read = [place for pixel in vector for place in read_by(job, images, pixel)]
            row[0] = max((stored_at.get(each, 0) for each in read), default=0)
            if job.residual_place >= 0:
                cells = [
                    cell(job.residual_place, 0, job.residual, images, pixel) for pixel in vector
                ]
                row[3] = crowd(cells, engine.banks)
        results = results_of(engine, job, images)
        turns: list[int] = []
        for last, stored in results:
            row = table[last // seen.pixel_vector]
            row[1] += 1
            if not job.returned:
                turns.append(
                    crowd([cell(0, 0, job.output, images, each) for each in stored], engine.banks)
                )
                row[2] = turns[-1]
        if job.pools and turns:
            for row in table:
                row[2] = max(turns)
        tables.append(table)
        per_tile = seen.filter_vector // engine.channel_vector
        places = program.output_places(job).tolist()
        for tile in range(job.filter_tiles):
            for _, stored in results:
                done += 1
                for group in range(tile * per_tile, min((tile + 1) * per_tile, job.output_groups)):
                    if not job.returned:
                        for pixel in stored:
                            where = cell(places[group], 0, job.output, images, pixel)
                            stored_at[where] = done
    return tables


@pytest.mark.parametrize("engine", [DEFAULT_ENGINE, SMALL_ENGINE], ids=["16x8x14", "8x4x20"])
@pytest.mark.parametrize("images", [1, 3])
def test_vectors_wait_for_the_last_result_that_they_read(engine: Engine, images: int) -> None:
    program = emitted(mixed_network(), "shift1", engine).program
    found = interlock(program, images)
    # Whether pages are shared is another matter.
    for rows in found.rows:
        rows[:, 4] = 0
    assert [rows.tolist() for rows in found.rows] == walked(program, images)
    assert found.table().tolist() == [row for rows in found.rows for row in rows.tolist()]
    assert any((np.diff(rows[:, 0]) > 0).any() for rows in found.rows)
    assert any((rows[:, 1] != 1).any() for rows in found.rows)


@pytest.mark.parametrize("images", [1, 2])
def test_so_do_those_of_pixels_in_planes(images: int) -> None:
    engine = replace(SMALL_ENGINE, pixel_vector=6)
    program = emitted(strided(), "shift1", engine).program
    found = interlock(program, images)
    for rows in found.rows:
        rows[:, 4] = 0
    assert [rows.tolist() for rows in found.rows] == walked(program, images)
    # Where an order changes, results take turns.
    assert any((rows[:, 2] > 1).any() for rows in found.rows)


def test_residual_operands_lie_in_pages_of_their_own_where_there_is_room() -> None:
    shared: list[int] = []
    for depth in (4096, 100):
        engine = replace(SMALL_ENGINE, cache_depth=depth)
        program = emitted(nested_shortcuts(), "shift1", engine).program
        found = interlock(program, 1)
        shared.append(sum(int(rows[:, 4].any()) for rows in found.rows))
    assert shared[0] == 0 < shared[1]


def test_transfers_wait_for_the_results_that_they_move_or_replace() -> None:
    engine = replace(SMALL_ENGINE, cache_depth=70)
    program = emitted(nested_shortcuts(), "shift1", engine).program
    found = interlock(program, 1)
    ends = np.cumsum(
        [j.filter_tiles * int(r[:, 1].sum()) for j, r in zip(program.jobs, found.rows, strict=True)]
    )
    assert any(each.stores for each in program.transfers)
    for transfer, needed in zip(program.transfers, found.transfers.tolist(), strict=True):
        if transfer.stores:
            assert needed == ends[transfer.after_jobs - 1] or needed in ends
        assert needed <= ends[max(transfer.after_jobs, 1) - 1]


def test_what_comes_back_from_memory_waits_for_no_result() -> None:
    engine = replace(SMALL_ENGINE, cache_depth=70)
    program = emitted(nested_shortcuts(), "shift1", engine).program
    found = interlock(program, 1)
    loaded = {each.cache_place for each in program.transfers[1:] if not each.stores}
    alone = [
        job._replace(residual_place=-1) if job.residual_place in loaded else job
        for job in program.jobs
    ]
    assert alone != list(program.jobs)
    without = interlock(replace(program, jobs=tuple(alone)), 1)
    for rows, other in zip(found.rows, without.rows, strict=True):
        assert rows[:, 0].tolist() == other[:, 0].tolist()


def test_a_cache_of_fewer_cells_than_pages_is_only_too_small() -> None:
    engine = Engine(filter_vector=2, channel_vector=2, pixel_vector=2, cache_depth=1)
    with pytest.raises(LayerError, match="expected at most 2 channel vectors in the feature cache"):
        emitted(nested_shortcuts(), "shift1", engine)
